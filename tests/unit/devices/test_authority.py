"""What the city's device authority signs, and what it does not."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.errors import Forbidden, InvalidInput
from devices import authority
from tests.certificate_request import asking, signature

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NAME = "130203/manhole/MC-1"
CITY = authority.found(NOW)


def signed(by: authority.Authority = CITY):
    key, request = asking(NAME)
    return key, by.sign(authority.key_of(authority.request(request), NAME), NAME, NOW, 30)


def test_of_a_request_it_takes_the_key_and_nothing_else() -> None:
    key, request = asking()
    names = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "evil"), x509.NameAttribute(NameOID.COMMON_NAME, NAME)]
    )
    wish = x509.CertificateSigningRequestBuilder().subject_name(names)
    wish = wish.add_extension(x509.BasicConstraints(ca=True, path_length=3), critical=True)
    text = wish.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    made = x509.load_pem_x509_certificate(
        CITY.sign(authority.key_of(authority.request(text), NAME), NAME, NOW, 30).pem.encode()
    )

    assert made.subject.rfc4514_string() == f"CN={NAME}"
    assert made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert list(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert made.not_valid_after_utc == NOW + timedelta(days=30)
    assert authority.key_of(authority.request(request), NAME) == made.public_key()


def of_key(key, algorithm) -> str:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.sign(key, algorithm).public_bytes(serialization.Encoding.PEM).decode()


def test_ed25519_and_strong_rsa_are_signed_weak_keys_and_other_kinds_are_not() -> None:
    authority.request(of_key(ed25519.Ed25519PrivateKey.generate(), None))
    authority.request(of_key(rsa.generate_private_key(65537, 2048), hashes.SHA256()))
    for key in (rsa.generate_private_key(65537, 1024), dsa.generate_private_key(1024)):
        with pytest.raises(InvalidInput, match="is not signed: take P-256"):
            authority.request(of_key(key, hashes.SHA256()))


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "no signing request"), ("x" * 20_000, "at most"), (CITY.papers.certificate, "no signing request")],
)
def test_what_is_no_request_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        authority.request(text)


def test_a_request_in_anothers_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match=f"130203/manhole/MC-2: leave it out, or write {NAME}"):
        authority.key_of(authority.request(asking("130203/manhole/MC-2")[1]), NAME)


def test_a_request_changed_on_its_way_is_refused() -> None:
    _, request = asking("130203/manhole/MC-2")
    der = x509.load_pem_x509_csr(request.encode()).public_bytes(serialization.Encoding.DER)
    changed = der.replace(b"MC-2", b"MC-1")
    body = base64.encodebytes(changed).decode()
    text = f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"
    with pytest.raises(InvalidInput, match="not signed by its own key"):
        authority.request(text)


def test_a_name_that_no_certificate_can_have_is_said() -> None:
    with pytest.raises(InvalidInput, match="at most 64"):
        CITY.sign(authority.made()[0], f"130203/manhole/{'x' * 64}", NOW, 30)


def test_the_list_of_revocations_is_its_own_and_nobody_elses() -> None:
    text = CITY.revocations(["a1", "ff"], NOW)

    assert CITY.revoked_in(text) == {"a1", "ff"}
    assert authority.found(NOW).revoked_in(text) is None
    assert CITY.revoked_in("no list") is None


def test_a_renewal_needs_the_key_of_a_certificate_of_ours_that_has_not_ended() -> None:
    key, old = signed()
    fresh, text = asking()
    request = authority.request(text)

    assert CITY.holder_of(old.pem, request, signature(key, text), NOW) == old.serial

    foreign_key, foreign = signed(authority.found(NOW))
    for pem, shown, now in (
        (old.pem, signature(fresh, text), NOW),
        (old.pem, b"", NOW),
        (foreign.pem, signature(foreign_key, text), NOW),
        ("nothing", signature(key, text), NOW),
        (old.pem, signature(key, text), NOW + timedelta(days=31)),
    ):
        with pytest.raises(Forbidden):
            CITY.holder_of(pem, request, shown, now)


def test_an_rsa_key_shows_itself_too() -> None:
    key = rsa.generate_private_key(65537, 2048)
    text = of_key(key, hashes.SHA256())
    request = authority.request(text)
    old = CITY.sign(authority.key_of(request, NAME), NAME, NOW, 5)

    shown = key.sign(request.public_bytes(serialization.Encoding.DER), PKCS1v15(), hashes.SHA256())

    assert CITY.holder_of(old.pem, request, shown, NOW) == old.serial


def test_the_brokers_certificate_is_made_anew_for_another_name_or_near_its_end() -> None:
    papers = CITY.for_broker(["city.example", "10.0.0.1"], NOW)

    assert CITY.suits_broker(papers.certificate, ["city.example", "10.0.0.1"], NOW)
    assert not CITY.suits_broker(papers.certificate, ["city.example"], NOW)
    assert not CITY.suits_broker(papers.certificate, ["city.example", "10.0.0.1"], NOW + 9.5 * authority.YEAR)
    assert not authority.found(NOW).suits_broker(papers.certificate, ["city.example", "10.0.0.1"], NOW)


def test_key_and_certificate_of_two_authorities_are_not_taken_for_one() -> None:
    other = authority.found(NOW)

    assert authority.read(CITY.papers).certificate == CITY.certificate
    with pytest.raises(InvalidInput, match="do not belong together"):
        authority.read(authority.Papers(certificate=CITY.papers.certificate, key=other.papers.key))
