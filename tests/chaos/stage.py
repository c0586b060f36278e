"""What the faults happen to: an own PostgreSQL and Mosquitto, a small city, ingest as an installation runs it.

Nobody restarts anything by itself here: a fault that kills a process starts it again, as systemd or Compose would.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from runtime.services import control, passwords
from runtime.services.passwords import BrokerAccount
from runtime.settings import Settings
from storage.migrate import migrate
from tests import small_city
from tests.chaos.ledger import CAPACITY, FIRST_NUMBER, LAST_NUMBER
from tests.own_services import free_port, isolated_settings

PATIENCE_S = 60.0
LOGIN = "chaos"
REGISTER = """
INSERT INTO device (label, profile, district_code, unit_grid_id, state, interval_s, registered_at, registered_by, geom)
SELECT 'MC-' || lpad(n::text, 6, '0'), 'manhole_cover', '130203', 1 + n %% 4, 'in_service', 3600, now(), 'chaos',
       ST_SetSRID(ST_MakePoint(118.18, 39.64), 4326)
FROM generate_series(1, %(count)s) AS n
"""


def wait_until(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> float:
    """Wait for something and give the seconds it took; raises `TimeoutError` naming it."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > patience_s:
            raise TimeoutError(f"after {patience_s:.0f} s still not: {what}")
        time.sleep(0.05)
    return time.monotonic() - started


class Ingest:
    """One `citygrid run ingest`, its log and its end."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "run", "ingest"],
                env={name: value for name, value in os.environ.items() if not name.startswith("CITYGRID_")}
                | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def memory_mb(self) -> float:
        """Give the largest resident size so far (VmHWM)."""
        return memory_mb(self.process.pid, "VmHWM")

    def lines(self, since: int = 0) -> Iterator[dict[str, Any]]:
        """Give the log's lines after byte `since`; what is no JSON comes as `{"event": text}`."""
        yield from read_log(self.log, since)


def read_log(log: Path, since: int = 0) -> Iterator[dict[str, Any]]:
    """Give a JSON log's lines after byte `since`."""
    with log.open("rb") as file:
        file.seek(since)
        for line in file.read().decode(errors="replace").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                yield {"event": line}


def memory_mb(pid: int, field: str) -> float:
    """Give a field of /proc/<pid>/status in megabytes; 0 when the process is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
    return 0.0


class Stage:
    """The services of one data directory, and the addresses under which ingest and the publisher find them."""

    def __init__(self, folder: Path, devices: int) -> None:
        self.folder, self.devices = folder, devices
        self.ranges = iter(range(FIRST_NUMBER, LAST_NUMBER, CAPACITY))
        """First numbers for publishers: each has a range of its own."""
        self.settings: Settings = isolated_settings(folder, free_port(), free_port())
        self.generated = passwords.ensure(control.make_data_dir(folder))
        self.tester = BrokerAccount(
            name=LOGIN, password=self.generated["mqtt"]["recorder"], reads=("#", "$SYS/#"), writes=("#",)
        )

    @property
    def database(self) -> str:
        """The superuser's address: what the checker reads with."""
        login = self.generated["database"]["postgres"]
        return f"postgresql://postgres:{login}@127.0.0.1:{self.settings.database_port}/citygrid"

    @property
    def publisher_url(self) -> str:
        """The broker as the publisher sees it."""
        return f"mqtt://{LOGIN}:{self.tester.password}@127.0.0.1:{self.settings.mqtt_port}"

    def up(self) -> None:
        """Start what does not run; harmless otherwise."""
        extras = control.Extras(broker_accounts=(self.tester,))
        control.bring_up(self.settings, lambda _: None, extras)

    def build(self) -> None:
        """Make the schema and the city."""
        migrate(self.settings.owner_dsn())
        small_city.build(self.settings.owner_dsn())
        with psycopg.connect(self.settings.owner_dsn()) as conn:
            conn.execute(REGISTER, {"count": self.devices})

    def down(self) -> None:
        """Stop the services and delete their data."""
        for service in ("postgres", "mosquitto"):
            pid = self.pid(service)
            if pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        control.reset(self.settings)

    def pid(self, service: str) -> int | None:
        """Give the process of `postgres` or `mosquitto`."""
        return next(part.pid for part in control.status(self.settings) if part.name == service)

    def kill(self, service: str) -> None:
        """kill -9, children first to be found, parent first to die."""
        pid = self.pid(service)
        assert pid is not None, f"{service} does not run"
        for each in [pid, *children(pid)]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        wait_until(lambda: self.pid(service) is None, f"{service} is gone")

    def halt(self, service: str, number: signal.Signals) -> None:
        """Stop a service with `number` and wait for its end."""
        pid = self.pid(service)
        assert pid is not None, f"{service} does not run"
        os.kill(pid, number)
        wait_until(lambda: self.pid(service) is None, f"{service} has ended")

    def environment(self, database_port: int | None = None, broker_url: str | None = None) -> dict[str, str]:
        """Give what the ingest process needs to know, with another way to the database or broker if asked."""
        login = self.generated["database"]["citygrid_ingest"]
        port = database_port or self.settings.database_port
        ours = f"mqtt://ingest:{self.generated['mqtt']['ingest']}@127.0.0.1:{self.settings.mqtt_port}"
        return {
            "CITYGRID_DATA_DIR": str(self.folder),
            "CITYGRID_DATABASE_URL": f"postgresql://citygrid_ingest:{login}@127.0.0.1:{port}/citygrid",
            "CITYGRID_MQTT_URL": broker_url or ours,
            "CITYGRID_LOG_FORMAT": "json",
            "CITYGRID_LOG_LEVEL": "INFO",
            "CITYGRID_METRICS_PORT": "0",
        }

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.database, connect_timeout=5) as conn:
            return conn.execute(query, values).fetchall()


def children(pid: int) -> list[int]:
    """Give the child processes."""
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@contextmanager
def staged(folder: Path, devices: int) -> Iterator[Stage]:
    """Give a stage that is up, and take it down."""
    stage = Stage(folder, devices)
    try:
        stage.up()
        stage.build()
        yield stage
    finally:
        stage.down()
        shutil.rmtree(folder, ignore_errors=True)
