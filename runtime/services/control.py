"""Start, stop, look at and delete the services of one data directory; what `citygrid services` and the demo call.

One caller at a time works on a data directory (a lock file); a second `start` waits and then finds everything running.
"""

import errno
import fcntl
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from psycopg import conninfo

from core.errors import InvalidInput, Unavailable
from runtime import device_authority
from runtime.services import installation, mosquitto, passwords, postgres
from runtime.services.account import Account, account_for, make_data_dir, own_folder, remove_folder
from runtime.services.passwords import BrokerAccount
from runtime.settings import SECRETS_FILE, Settings
from storage.migrate import migrate

FREE_SPACE_NEEDED_BYTES = 1 << 30
LOGS = "logs"
FOLDERS = ("postgres", "mosquitto", device_authority.FOLDER)
REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EROFS: "use another CITYGRID_DATA_DIR",
    errno.EACCES: "use another CITYGRID_DATA_DIR, or its owner",
}
State = Literal["running", "stopped", "external"]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What `status` tells about one service; `address` carries no password."""

    name: str
    state: State
    address: str
    pid: int | None = None
    data: str | None = None
    log: str | None = None

    def as_json(self) -> dict[str, object]:
        """Give the fields for `--json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What the tests add to the services of a data directory: database settings, broker accounts."""

    database_settings: Mapping[str, str] = field(default_factory=dict[str, str])
    broker_accounts: tuple[BrokerAccount, ...] = ()


def start(settings: Settings, say: Say) -> tuple[Part, ...]:
    """Bring both services up, the schema up to date, and give their status; harmless when they run already.

    A service named by CITYGRID_DATABASE_URL or CITYGRID_MQTT_URL is used, not started; the schema is migrated in both
    cases. Raises: `Unavailable`, `Conflict` or `InvalidInput` with one sentence that says what to do.
    """
    bring_up(settings, say)
    applied = migrate(settings.owner_dsn())
    if applied:
        say(f"schema: {len(applied)} migrations applied, up to {applied[-1]}")
    return status(settings)


def bring_up(settings: Settings, say: Say, extras: Extras | None = None) -> None:
    """Start what is ours and does not run, with its accounts, roles and database; leave the schema alone."""
    if not (settings.owns_database or settings.owns_broker):
        return
    extra = extras or Extras()
    with _plain_errors(), _only_one(data_dir := make_data_dir(settings.data_dir)):
        _require_space(data_dir)
        generated = passwords.ensure(data_dir)
        if settings.owns_broker:
            accounts = (*passwords.broker_accounts(generated["mqtt"]), *extra.broker_accounts)
            if mosquitto.start(_broker(settings, data_dir, extra), accounts, _authority(settings)):
                say(f"Mosquitto listens on 127.0.0.1:{settings.mqtt_port}, for devices on {settings.device_port}")
        if settings.owns_database:
            server = _server(settings, data_dir, extra)
            if postgres.start(server, generated["database"]["postgres"], say):
                say(f"PostgreSQL listens on 127.0.0.1:{settings.database_port}")
            postgres.ensure_database(server, generated["database"])


def prepare(settings: Settings, say: Say) -> str:
    """Make sure that what `start` will run can be had, building TimescaleDB where it must be; say what that is."""
    programs: list[str] = []
    with _plain_errors():
        if settings.owns_broker:
            programs.append(str(mosquitto.program()))
        if settings.owns_database:
            server = _server(settings, settings.data_dir.resolve())
            chosen = installation.choose(postgres.data_major(server), say)
            programs.append(f"PostgreSQL {chosen.version} in {chosen.bin}")
    return ", ".join(programs)


def stop(settings: Settings) -> tuple[str, ...]:
    """Stop our own services, the database last, and give the names of those that ran."""
    data_dir = settings.data_dir.resolve()
    if not data_dir.exists():
        return ()
    with _only_one(data_dir):
        return _stop(settings, data_dir)


def reset(settings: Settings) -> tuple[str, ...]:
    """Stop our own services and delete their data and passwords; give the paths that were deleted."""
    data_dir = settings.data_dir.resolve()
    if not data_dir.exists():
        return ()
    with _only_one(data_dir):
        _stop(settings, data_dir)
        deleted = tuple(str(data_dir / name) for name in (*FOLDERS, SECRETS_FILE) if (data_dir / name).exists())
        for name in FOLDERS:
            remove_folder(data_dir, name)
        (data_dir / SECRETS_FILE).unlink(missing_ok=True)
    return deleted


def status(settings: Settings) -> tuple[Part, ...]:
    """Give what runs; changes nothing."""
    return (_database_part(settings), _broker_part(settings))


def own_broker(settings: Settings) -> mosquitto.Broker | None:
    """Give our Mosquitto as it is; None when another is used, or ours was never started."""
    folder = settings.data_dir.resolve() / "mosquitto"
    return _broker(settings, settings.data_dir.resolve()) if settings.owns_broker and folder.exists() else None


def require_running(settings: Settings) -> None:
    """Raise `Unavailable` naming what does not run."""
    down = [part.name for part in status(settings) if part.state == "stopped"]
    if down:
        raise Unavailable(f"{' and '.join(down)} not running: `citygrid services start`")


def _database_part(settings: Settings) -> Part:
    if settings.database_url is not None:
        known = conninfo.conninfo_to_dict(settings.database_url.get_secret_value())
        return Part(name="postgres", state="external", address=f"{known.get('host')}:{known.get('port', 5432)}")
    server = _server(settings, settings.data_dir.resolve())
    pid = server.daemon.pid()
    return Part(
        name="postgres",
        state="running" if pid else "stopped",
        address=f"127.0.0.1:{postgres.running_port(server) or server.port}",
        pid=pid,
        data=str(server.cluster),
        log=str(server.log),
    )


def _broker_part(settings: Settings) -> Part:
    if settings.mqtt_url is not None:
        address = settings.mqtt_url.get_secret_value().rpartition("@")[2].removeprefix("mqtt://")
        return Part(name="mosquitto", state="external", address=address)
    broker = _broker(settings, settings.data_dir.resolve())
    pid = broker.daemon.pid()
    return Part(
        name="mosquitto",
        state="running" if pid else "stopped",
        address=f"127.0.0.1:{mosquitto.running_port(broker) or broker.port}",
        pid=pid,
        data=str(broker.folder),
        log=str(broker.log),
    )


def _stop(settings: Settings, data_dir: Path) -> tuple[str, ...]:
    stopped: list[str] = []
    if mosquitto.stop(_broker(settings, data_dir)):
        stopped.append("mosquitto")
    if postgres.stop(_server(settings, data_dir)):
        stopped.append("postgres")
    return tuple(stopped)


def _server(settings: Settings, data_dir: Path, extras: Extras | None = None) -> postgres.Server:
    """Give our PostgreSQL; with `extras` its folder is made, without nothing is touched."""
    folder, account = _home(data_dir, "postgres", make=extras is not None)
    return postgres.Server(
        folder=folder,
        log=data_dir / LOGS / "postgres.log",
        port=settings.database_port,
        account=account,
        extra=extras.database_settings if extras else {},
    )


def _broker(settings: Settings, data_dir: Path, extras: Extras | None = None) -> mosquitto.Broker:
    """Give our Mosquitto; with `extras` its folder is made, without nothing is touched."""
    folder, account = _home(data_dir, "mosquitto", make=extras is not None)
    log = data_dir / LOGS / "mosquitto.log"
    devices = mosquitto.DeviceListener(
        port=settings.device_port,
        host=settings.mqtt_device_host,
        certificate=settings.mqtt_device_cert,
        key=settings.mqtt_device_key,
    )
    certificates = None
    if settings.mqtt_certificate_port:
        certificates = mosquitto.CertificateListener(
            port=settings.mqtt_certificate_port, host=settings.mqtt_certificate_host
        )
    return mosquitto.Broker(
        folder=folder,
        log=log,
        port=settings.mqtt_port,
        devices=devices,
        certificates=certificates,
        account=account,
    )


def _authority(settings: Settings) -> Mapping[str, str]:
    """Make the city's device authority at set-up, and give what the broker's port for certificates needs of it."""
    now = datetime.now(UTC)
    signer = device_authority.ensure(settings, now)
    return device_authority.for_broker(settings, signer, now) if settings.mqtt_certificate_port else {}


def _home(data_dir: Path, name: str, *, make: bool) -> tuple[Path, Account]:
    account = account_for(data_dir / name)
    return own_folder(data_dir, name, account) if make else (data_dir / name).resolve(), account


def _require_space(data_dir: Path) -> None:
    free = shutil.disk_usage(data_dir).free
    if free < FREE_SPACE_NEEDED_BYTES:
        raise Unavailable(f"only {free >> 20} MiB are free at {data_dir}, 1 GiB is needed: free some space")


@contextmanager
def _plain_errors() -> Generator[None]:
    """Turn what the operating system refuses into one sentence."""
    try:
        yield
    except OSError as error:
        where = error.filename or "the data directory"
        remedy = REMEDIES.get(error.errno or 0, "look at CITYGRID_DATA_DIR")
        raise Unavailable(f"{where}: {error.strerror}: {remedy}") from error


@contextmanager
def _only_one(data_dir: Path) -> Generator[None]:
    try:
        lock = (data_dir / "services.lock").open("w")
    except PermissionError:
        raise InvalidInput(f"{data_dir} may not be written: use another CITYGRID_DATA_DIR, or its owner") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
