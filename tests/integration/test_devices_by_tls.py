"""The devices' port of our own broker with a certificate: by TLS, or not at all."""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.errors import InvalidInput
from runtime.services import control
from runtime.services import mosquitto as service
from runtime.settings import Settings
from tests.own_services import free_port
from wire import mosquitto

pytestmark = pytest.mark.services
NAME, PASSWORD = "130203/manhole/MC-1", "a-generated-password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """A certificate for 127.0.0.1, and its key."""

    certificate: Path
    key: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "citygrid test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    found = Files(certificate=folder / "broker.crt", key=folder / "broker.key")
    found.certificate.write_bytes(made.public_bytes(pem))
    found.key.write_bytes(private)
    return found


def settings(folder: Path, **more: object) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=folder,
        database_url="postgresql://nowhere",
        mqtt_url=None,
        mqtt_port=free_port(),
        **more,
    )


@pytest.fixture(scope="module")
def broker(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker that knows one device."""
    made = settings(tmp_path_factory.mktemp("tls"), mqtt_device_cert=files.certificate, mqtt_device_key=files.key)
    control.bring_up(made, print)
    own = control.own_broker(made)
    assert own is not None
    hashed = mosquitto.hashed(PASSWORD, b"123456789012", mosquitto.ROUNDS)
    files = {
        service.DEVICE_ACL: mosquitto.acl_file({}),
        service.DEVICE_PASSWORDS: mosquitto.password_file([(NAME, hashed)]),
    }
    service.write_identities(own, files)
    service.reload(own)
    yield made
    control.reset(made)


async def publish(broker: Settings, tls: ssl.SSLContext | None) -> None:
    async with (
        asyncio.timeout(10),
        aiomqtt.Client("127.0.0.1", broker.device_port, username=NAME, password=PASSWORD, tls_context=tls) as client,
    ):
        await client.publish(f"citygrid/v1/{NAME}/telemetry", b"{}", qos=1)


async def test_a_device_that_trusts_the_certificate_publishes_and_one_without_tls_does_not(
    broker: Settings, files: Files
) -> None:
    await publish(broker, ssl.create_default_context(cafile=str(files.certificate)))

    with pytest.raises((aiomqtt.MqttError, TimeoutError)):
        await publish(broker, None)
    with pytest.raises((aiomqtt.MqttError, ssl.SSLError)):
        await publish(broker, ssl.create_default_context())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"mqtt_device_host": "0.0.0.0"}, "by TLS only"),
        ({"mqtt_device_cert": Path("/etc/hostname")}, "CITYGRID_MQTT_DEVICE_KEY"),
        ({"mqtt_device_cert": Path("/nowhere.crt"), "mqtt_device_key": Path("/nowhere.key")}, "no PEM file"),
    ],
)
def test_passwords_do_not_travel_in_the_open_beyond_this_machine(
    tmp_path: Path, more: dict[str, object], words: str
) -> None:
    wrong = settings(tmp_path, **more)
    try:
        with pytest.raises(InvalidInput, match=words):
            control.bring_up(wrong, print)
    finally:
        control.reset(wrong)
