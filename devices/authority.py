"""The city's own authority for devices' certificates: what it accepts, what it signs, what it revokes. Pure.

It signs with P-256. Of a request it takes the key alone: the name is the registry's, and the only use is to enter at
the broker (ADR-0033).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.errors import Forbidden, InvalidInput

YEAR = timedelta(days=365)
AUTHORITY_LASTS, BROKER_LASTS = 30 * YEAR, 10 * YEAR
BROKER_AGAIN = YEAR
"""The broker's own certificate is made anew when it lasts no longer than this."""
SKEW = timedelta(minutes=5)
LONGEST_NAME = 64
"""What X.509 allows a common name."""
MOST_PEM = 16_384
LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192
CURVES = ("secp256r1", "secp384r1", "secp521r1")
_GOOD_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_SHA256 = hashes.SHA256()
_PEM = serialization.Encoding.PEM
DeviceKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A certificate as the registry keeps it; nothing of it is secret."""

    serial: str
    """Hexadecimal, as tools show it."""
    user_name: str
    not_before: datetime
    not_after: datetime
    key_hash: bytes
    """SHA-256 of the public key: who asks again with the same key is given the same."""
    pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """PEM of a certificate and of its key."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs what devices and the broker show each other."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def papers(self) -> Papers:
        """Give both as text; the key is the one thing that must not be seen."""
        return Papers(certificate=_pem(self.certificate), key=_key_pem(self.key))

    def sign(self, key: DeviceKey, user_name: str, now: datetime, days: int) -> Signed:
        """Give whoever has `key` a certificate to enter as `user_name`; raises `InvalidInput` on a name too long."""
        if len(user_name) > LONGEST_NAME:
            raise InvalidInput(
                f"{user_name} has {len(user_name)} characters and a certificate's name at most {LONGEST_NAME}:"
                " a device with so long a label enters with a password"
            )
        until = min(now + timedelta(days=days), self.certificate.not_valid_after_utc)
        builder = self._builder(user_name, key, now, until)
        made = builder.add_extension(_may(ExtendedKeyUsageOID.CLIENT_AUTH), critical=False).sign(self.key, _SHA256)
        return Signed(
            serial=f"{made.serial_number:x}",
            user_name=user_name,
            not_before=made.not_valid_before_utc,
            not_after=made.not_valid_after_utc,
            key_hash=key_hash(key),
            pem=_pem(made),
        )

    def for_broker(self, names: Sequence[str], now: datetime) -> Papers:
        """Give the broker a key and a certificate under which devices reach it."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder("citygrid broker", key.public_key(), now, now + BROKER_LASTS)
        builder = builder.add_extension(_may(ExtendedKeyUsageOID.SERVER_AUTH), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        return Papers(certificate=_pem(builder.sign(self.key, _SHA256)), key=_key_pem(key))

    def suits_broker(self, certificate: str, names: Sequence[str], now: datetime) -> bool:
        """Tell whether a broker's certificate is ours, has these names, and lasts."""
        try:
            known = x509.load_pem_x509_certificate(certificate.encode())
            known.verify_directly_issued_by(self.certificate)
            has = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        return list(has) == [_name(name) for name in names] and known.not_valid_after_utc - now > BROKER_AGAIN

    def revocations(self, serials: Iterable[str], now: datetime) -> str:
        """Give the list of certificates that no longer count.

        It lasts as long as the authority: the broker is handed each new one, and lets nobody in by one that has ended.
        """
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - SKEW).next_update(self.certificate.not_valid_after_utc)
        for serial in sorted(serials):
            one = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(now)
            builder = builder.add_revoked_certificate(one.build())
        return builder.sign(self.key, _SHA256).public_bytes(_PEM).decode()

    def revoked_in(self, text: str) -> frozenset[str] | None:
        """Give the serials on a list of ours; None when it is none."""
        try:
            known = x509.load_pem_x509_crl(text.encode())
        except ValueError:
            return None
        if not known.is_signature_valid(self.key.public_key()):
            return None
        return frozenset(f"{one.serial_number:x}" for one in known)

    def holder_of(self, pem: str, asked: x509.CertificateSigningRequest, signature: bytes, now: datetime) -> str:
        """Give the serial of a valid certificate of ours whose key signed a request; raises `Forbidden` else."""
        try:
            known = x509.load_pem_x509_certificate(pem.encode())
            known.verify_directly_issued_by(self.certificate)
            _verify(known.public_key(), signature, asked.public_bytes(serialization.Encoding.DER))
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            raise Forbidden("no certificate of this city whose key signed the request") from None
        if not known.not_valid_before_utc <= now < known.not_valid_after_utc:
            raise Forbidden("the certificate has ended: an engineer must sign a new one")
        return f"{known.serial_number:x}"

    def _builder(self, name: str, key: DeviceKey, now: datetime, until: datetime) -> x509.CertificateBuilder:
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(_subject(name))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(own, critical=False)
        )


def found(now: datetime) -> Authority:
    """Make a new authority; its name is its own, so that two are never taken for each other."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject(f"citygrid devices {key_hash(key.public_key()).hex()[:8]}")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, _SHA256)
    )
    return Authority(certificate, key)


def read(papers: Papers) -> Authority:
    """Give the authority of these texts; raises `InvalidInput` when they are none, or do not belong together."""
    try:
        certificate = x509.load_pem_x509_certificate(papers.certificate.encode())
        key = serialization.load_pem_private_key(papers.key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInput(f"no certificate and key of an authority: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise InvalidInput("the authority's certificate and key do not belong together")
    return Authority(certificate, key)


def request(pem: str) -> x509.CertificateSigningRequest:
    """Give a signing request that its own key signed; raises `InvalidInput` on anything else."""
    if len(pem) > MOST_PEM:
        raise InvalidInput(f"a signing request has at most {MOST_PEM} characters, not {len(pem)}")
    try:
        asked = x509.load_pem_x509_csr(pem.encode())
        _strong(asked.public_key())
        hashed, is_signed = asked.signature_hash_algorithm, asked.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInput(f"no signing request in PEM (-----BEGIN CERTIFICATE REQUEST-----): {error}") from error
    if hashed is not None and not isinstance(hashed, _GOOD_HASHES):
        raise InvalidInput(f"the request is signed with {hashed.name}: sign it with SHA-256 or better")
    if not is_signed:
        raise InvalidInput("the request is not signed by its own key")
    return asked


def key_of(asked: x509.CertificateSigningRequest, user_name: str) -> DeviceKey:
    """Give the key that is to enter as `user_name`; raises `InvalidInput` when the request says another name."""
    names = [str(one.value) for one in asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names not in ([], [""], [user_name]):
        raise InvalidInput(f"the request's common name is {', '.join(names)}: leave it out, or write {user_name}")
    return _strong(asked.public_key())


def made() -> tuple[DeviceKey, str]:
    """Make a key for a device that cannot make its own; give its public half, and PEM of the private one."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.public_key(), _key_pem(key)


def key_hash(key: DeviceKey) -> bytes:
    """Give what a public key is recognised by."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).digest()


def check_names(names: Sequence[str]) -> None:
    """Raise `InvalidInput` when there is no name for the broker, or one that no certificate can have."""
    if not names:
        raise InvalidInput("the broker needs a name or address that devices reach it by")
    for name in names:
        _name(name)


def _strong(key: object) -> DeviceKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES:
        return key
    if isinstance(key, rsa.RSAPublicKey) and LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS:
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    bits = getattr(key, "key_size", "")
    raise InvalidInput(
        f"a key of this kind ({type(key).__name__} {bits}) is not signed: take P-256, P-384, P-521, Ed25519,"
        f" or RSA of {LEAST_RSA_BITS} to {MOST_RSA_BITS} bits"
    )


def _verify(key: object, signature: bytes, content: bytes) -> None:
    match key:
        case ec.EllipticCurvePublicKey():
            key.verify(signature, content, ec.ECDSA(_SHA256))
        case rsa.RSAPublicKey():
            key.verify(signature, content, padding.PKCS1v15(), _SHA256)
        case ed25519.Ed25519PublicKey():
            key.verify(signature, content)
        case _:
            raise TypeError("a key of no kind that this city signs")


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as error:
        raise InvalidInput(f"{name!r} is no name or address of a host in ASCII") from error


def _may(use: x509.ObjectIdentifier) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([use])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(_PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(_PEM, kind, serialization.NoEncryption()).decode()
