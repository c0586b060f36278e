"""The tests' own PostgreSQL and Mosquitto in `.citygrid/test`, shared by all pytest runs of this checkout.

Each of pytest's parallel workers has its own (`.citygrid/testgw0`, ...): a client id means one client a broker.

A run holds a shared lease while it uses them; the last one to leave stops them. What a killed run leaves behind is
found and used by the next.
"""

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from core.errors import Conflict
from runtime.services import control
from runtime.services.passwords import BrokerAccount
from runtime.settings import Settings

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
DATA_DIR = Path(__file__).parent.parent / ".citygrid" / f"test{_WORKER}"
FAST = {"fsync": "off", "full_page_writes": "off", "wal_compression": "off", "max_connections": "200"}
"""What a test's database needs not: it is made from a template, hundreds of times, and never outlives a crash."""
LOGIN = "tests"


@contextmanager
def own_services() -> Generator[tuple[str, str]]:
    """Give the addresses of a PostgreSQL (its superuser's) and a broker (an account that may do anything)."""
    control.make_data_dir(DATA_DIR)
    with (DATA_DIR / "lease").open("w") as lease:
        fcntl.flock(lease, fcntl.LOCK_SH)
        agreed = _agreement()
        settings = isolated_settings(DATA_DIR, agreed["database_port"], agreed["mqtt_port"])
        tester = BrokerAccount(name=LOGIN, password=agreed["password"], reads=("#", "$SYS/#"), writes=("#",))
        _bring_up(settings, control.Extras(database_settings=FAST, broker_accounts=(tester,)))
        superuser = settings.secrets()["database"]["postgres"]
        yield (
            f"postgresql://postgres:{superuser}@127.0.0.1:{settings.database_port}/postgres",
            f"mqtt://{LOGIN}:{tester.password}@127.0.0.1:{settings.mqtt_port}",
        )
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another run still uses them
        control.stop(settings)


def _bring_up(settings: Settings, extras: control.Extras) -> None:
    """Start the services; data that no longer fit (another PostgreSQL, lost passwords) are thrown away."""
    try:
        control.bring_up(settings, print, extras)
    except Conflict:
        if any(part.state == "running" for part in control.status(settings)):
            raise
        control.reset(settings)
        control.bring_up(settings, print, extras)


def isolated_settings(data_dir: Path, database_port: int, mqtt_port: int) -> Settings:
    """Give settings that no environment variable and no `.env` file of the developer reaches."""
    return Settings(
        _env_file=None,
        data_dir=data_dir,
        database_url=None,
        mqtt_url=None,
        database_port=database_port,
        mqtt_port=mqtt_port,
    )


def free_port() -> int:
    """Give a port nobody uses just now, nor the one after it: a broker has two."""
    while True:
        with socket.socket() as probe, socket.socket() as after:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            with suppress(OSError, OverflowError):
                after.bind(("127.0.0.1", port + 1))
                return port


def _agreement() -> dict[str, Any]:
    """Give the ports and the test account's password that every run uses, choosing them where they do not fit."""
    file = DATA_DIR / "agreement.json"
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        known = json.loads(handle.read() or "{}")
        if not known or not _usable(known["database_port"], known["mqtt_port"]):
            known = {"database_port": free_port(), "mqtt_port": free_port(), "password": secrets.token_urlsafe()}
            handle.seek(0)
            handle.truncate()
            handle.write(json.dumps(known))
        return known


def _usable(database_port: int, mqtt_port: int) -> bool:
    """Whether each port is ours already or free."""
    settings = isolated_settings(DATA_DIR, database_port, mqtt_port)
    parts = control.status(settings)
    return (parts[1].state == "running" or _is_free(settings.device_port)) and all(
        part.address == f"127.0.0.1:{port}" if part.state == "running" else _is_free(port)
        for part, port in zip(parts, (database_port, mqtt_port), strict=True)
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
