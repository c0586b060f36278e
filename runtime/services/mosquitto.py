"""Our own Mosquitto: its configuration, start and stop.

Sizes are chosen for ingest at 25,000 messages a second: the broker must hold what arrives while the database is away.
"""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import InvalidInput, Unavailable
from runtime.services import packages, passwords, process
from runtime.services.account import Account
from runtime.services.passwords import BrokerAccount
from runtime.services.readiness import wait_until_ready

SETTING = "CITYGRID_MQTT_PORT"
DEVICE_SETTING = "CITYGRID_MQTT_DEVICE_PORT"
CERTIFICATE_SETTING = "CITYGRID_MQTT_CERTIFICATE_PORT"
DEVICE_PASSWORDS, DEVICE_ACL = "device_passwords", "device_acl"
"""Who of the devices may enter, and what each may do; ingest writes them (`runtime.identity_keeper`)."""
DEVICE_CERTIFICATE, DEVICE_KEY = "device.crt", "device.key"
LOOPBACK = "127.0.0.1"
START_PATIENCE_S = 15.0
STOP_PATIENCE_S = 60.0
MIB = 1_048_576
QUEUED_MESSAGES = 2_000_000
QUEUED_BYTES_CEILING = 1024 * MIB
PACKET_LIMIT_BYTES = 16 * MIB  # far above ingest's own limit: an oversized reading must become a dead letter there


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceListener:
    """Where devices and gateways enter; with a certificate only by TLS."""

    port: int
    host: str = LOOPBACK
    certificate: Path | None = None
    """PEM: the broker's certificate and what leads to its authority."""
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateListener:
    """Where devices enter by certificates of the city's authority; `runtime.device_authority` names its files."""

    port: int
    host: str = LOOPBACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where our Mosquitto lives and listens."""

    folder: Path
    log: Path
    port: int
    devices: DeviceListener
    certificates: CertificateListener | None
    """None: nobody enters by certificate."""
    account: Account

    @property
    def daemon(self) -> process.Daemon:
        """The process, recognised by its configuration file."""
        conf = self.folder / "mosquitto.conf"
        return process.Daemon(title="Mosquitto", mark=str(conf), pid_file=self.folder / "citygrid.pid", log=self.log)


def configuration(
    folder: Path,
    port: int,
    devices: DeviceListener,
    memory_bytes: int,
    certificates: CertificateListener | None = None,
) -> str:
    """Give mosquitto.conf for its ports: the platform's accounts enter by one, devices by another or by a third.

    A device's client id is its user name, whatever it says, so none can take another client's session away.
    `max_inflight_messages 0` lets each side's MQTT 5 receive maximum decide (ours asks for 65,535; the default of 20
    would throttle every publisher). `autosave_interval` bounds what a killed broker may forget of messages that no
    subscriber has acknowledged; a normal stop forgets nothing. `max_queued_messages` is a minute without ingest at
    25,000 a second (1.5 million) and a third more: a full queue drops what was acknowledged, and only `$SYS` tells.
    A queued message takes about 370 bytes of memory and its payload (measured, Mosquitto 2.0.11), so a full queue
    about 1 GB.
    """
    tls = f"certfile {folder}/{DEVICE_CERTIFICATE}\nkeyfile {folder}/{DEVICE_KEY}\n" if devices.certificate else ""
    queued_bytes = min(QUEUED_BYTES_CEILING, memory_bytes // 8)
    return f"""# Written by `citygrid services start`; edits are overwritten.
per_listener_settings true

listener {port} {LOOPBACK}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl

listener {devices.port} {devices.host}
allow_anonymous false
password_file {folder}/{DEVICE_PASSWORDS}
acl_file {folder}/{DEVICE_ACL}
use_username_as_clientid true
{tls}{_by_certificate(folder, certificates)}
persistence true
persistence_location {folder}/
autosave_interval 10
persistent_client_expiration 7d

max_inflight_messages 0
max_queued_messages {QUEUED_MESSAGES}
max_queued_bytes {queued_bytes}
max_packet_size {PACKET_LIMIT_BYTES}
set_tcp_nodelay true

log_dest stderr
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
connection_messages false
"""


def _by_certificate(folder: Path, certificates: CertificateListener | None) -> str:
    """Give the third port: a device's user name is its certificate's name, and its rights are the same."""
    if certificates is None:
        return ""
    return f"""
listener {certificates.port} {certificates.host}
allow_anonymous false
acl_file {folder}/{DEVICE_ACL}
use_username_as_clientid true
cafile {folder}/authority.crt
certfile {folder}/broker.crt
keyfile {folder}/broker.key
crlfile {folder}/device_crl
require_certificate true
use_identity_as_username true
"""


def program() -> Path:
    """Give Mosquitto's path; raises `Unavailable` with the command that installs it."""
    found = packages.find_command("mosquitto")
    if found is None:
        raise Unavailable(f"Mosquitto is not installed: {packages.remedy(('services',))}")
    return found


def start(broker: Broker, accounts: tuple[BrokerAccount, ...], authority: Mapping[str, str] | None = None) -> bool:
    """Start the broker, or bring a running one up to date; tell whether it was started.

    `authority` are the files that its port for certificates needs, by name.

    Raises: `Unavailable` when Mosquitto is not installed or does not come up; `Conflict` when the port is taken.
    """
    executable = program()
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    logins_changed = broker.account.write(broker.folder / "passwords", passwords.password_file(accounts))
    logins_changed |= broker.account.write(broker.folder / "acl", passwords.acl_file(accounts))
    for name in (DEVICE_PASSWORDS, DEVICE_ACL):
        broker.account.run(["sh", "-c", ': >>"$0"', broker.folder / name])
    logins_changed |= _write_certificate(broker)
    for name, content in (authority or {}).items():
        logins_changed |= broker.account.write(broker.folder / name, content)
    conf = broker.folder / "mosquitto.conf"
    text = configuration(broker.folder, broker.port, broker.devices, memory_bytes, broker.certificates)
    moved = broker.account.write(conf, text)
    daemon = broker.daemon
    pid = daemon.pid()
    if pid is not None and not moved:
        if logins_changed:
            reload(broker)
        return False
    stop(broker)
    process.require_free(broker.port, SETTING)
    process.require_free(broker.devices.port, DEVICE_SETTING)
    if broker.certificates is not None:
        process.require_free(broker.certificates.port, CERTIFICATE_SETTING)
    seen = daemon.log_size()
    daemon.launch([executable, "-c", conf], broker.account)
    wait_until_ready(daemon, lambda: process.answers(broker.port), seen, START_PATIENCE_S)
    return True


def _write_certificate(broker: Broker) -> bool:
    """Hand the broker's account its certificate and key; tell whether they are new."""
    devices = broker.devices
    if devices.certificate is None and devices.key is None and devices.host == LOOPBACK:
        return False
    if devices.certificate is None or devices.key is None:
        raise InvalidInput(
            f"devices enter at {devices.host} with passwords, so by TLS only: set CITYGRID_MQTT_DEVICE_CERT and"
            " CITYGRID_MQTT_DEVICE_KEY"
        )
    changed = False
    for name, file in ((DEVICE_CERTIFICATE, devices.certificate), (DEVICE_KEY, devices.key)):
        try:
            changed |= broker.account.write(broker.folder / name, file.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{file}: no PEM file that can be read ({error})") from error
    return changed


def running_port(broker: Broker) -> int | None:
    """Give the port our running broker listens on; None when it does not run."""
    if broker.daemon.pid() is None:
        return None
    lines = (broker.folder / "mosquitto.conf").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("listener "))


def write_identities(broker: Broker, files: Mapping[str, str]) -> bool:
    """Make the devices' files hold these texts; tell whether that changed anything. `reload` makes them count."""
    changed = [broker.account.write(broker.folder / name, content) for name, content in files.items()]
    return any(changed)


def reload(broker: Broker) -> None:
    """Have a running broker read its accounts again: it hangs up on those that may no longer be there."""
    pid = broker.daemon.pid()
    if pid is not None:
        os.kill(pid, signal.SIGHUP)


def stop(broker: Broker) -> bool:
    """Stop the broker after it has written its queue to disk; False when it did not run."""
    return broker.daemon.stop(signal.SIGTERM, STOP_PATIENCE_S)
