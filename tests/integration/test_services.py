"""`citygrid services` in a data directory of its own: start, kill, restart, stop, and every refusal it promises."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from core.errors import Conflict
from runtime.services import control, process
from runtime.settings import Settings
from tests.own_services import free_port, isolated_settings

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Site:
    """One data directory and the command line bound to it."""

    settings: Settings

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CITYGRID_")}
        own = {
            "CITYGRID_DATA_DIR": str(self.settings.data_dir),
            "CITYGRID_DATABASE_PORT": str(self.settings.database_port),
            "CITYGRID_MQTT_PORT": str(self.settings.mqtt_port),
        }
        return subprocess.run(
            [sys.executable, "-m", "cli.main", "services", *arguments],
            capture_output=True, text=True, check=False, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=200,
            env=clean | own | environment,
        )  # fmt: skip

    def start(self) -> dict[str, int | None]:
        return {part.name: part.pid for part in control.start(self.settings, say=print)}

    def states(self) -> set[str]:
        return {part.state for part in control.status(self.settings)}

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.settings.owner_dsn(), autocommit=True) as conn:
            cursor = conn.execute(query)
            return cursor.fetchall() if cursor.description else []


def new_site(parent: Path | None = None) -> Site:
    folder = Path(tempfile.mkdtemp(prefix="citygrid-test-", dir=parent))
    folder.chmod(0o755)
    return Site(isolated_settings(folder / "data", free_port(), free_port()))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = new_site()
    yield made
    control.reset(made.settings)


@pytest.fixture
def fresh_site() -> Iterator[Site]:
    made = new_site()
    yield made
    control.reset(made.settings)


def test_a_second_start_finds_everything_running(site: Site) -> None:
    first = site.start()

    done = site.run("start", "--json")

    assert done.returncode == 0, done.stderr
    assert {part["name"]: part["pid"] for part in json.loads(done.stdout)} == first
    assert done.stderr == ""


def test_status_names_address_process_and_data(site: Site) -> None:
    pids = site.start()

    done = site.run("status", "--json")

    assert done.returncode == 0
    parts = {part["name"]: part for part in json.loads(done.stdout)}
    assert {name: part["pid"] for name, part in parts.items()} == pids
    assert {part["state"] for part in parts.values()} == {"running"}
    assert parts["postgres"]["address"] == f"127.0.0.1:{site.settings.database_port}"
    assert not any(secret in done.stdout for secret in site.settings.secrets()["database"].values())


def test_the_three_logins_have_their_own_rights(site: Site) -> None:
    site.start()

    assert site.rows("SELECT count(*) > 0 FROM schema_migration") == [(True,)]
    with psycopg.connect(site.settings.reader_dsn()) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("DELETE FROM device")
    with psycopg.connect(site.settings.writer_dsn()) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("DROP TABLE device")


def test_a_wrong_password_is_refused(site: Site) -> None:
    site.start()

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://citygrid:wrong@127.0.0.1:{site.settings.database_port}/citygrid")


def test_both_listen_on_loopback_only_and_not_as_root(site: Site) -> None:
    pids = site.start()

    assert {Path(f"/proc/{pid}").stat().st_uid for pid in pids.values()}.isdisjoint({0})
    for port in (site.settings.database_port, site.settings.mqtt_port):
        listening = [
            line.split()[1]
            for table in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{table}").read_text().splitlines()
            if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == process.LISTENING
        ]
        assert listening == [f"0100007F:{port:04X}"]


def test_killed_services_start_again_with_their_data(site: Site) -> None:
    pids = site.start()
    site.rows("CREATE TABLE IF NOT EXISTS kept (n int)")
    site.rows("INSERT INTO kept VALUES (42)")

    for pid in pids.values():
        os.kill(pid or 0, signal.SIGKILL)
    again = site.start()

    assert set(again.values()).isdisjoint(pids.values())
    assert site.rows("SELECT n FROM kept") == [(42,)]


def test_a_pid_file_that_now_names_somebody_else_is_not_believed(site: Site) -> None:
    site.start()
    parts = {part.name: part for part in control.status(site.settings)}
    folders = [Path(parts["postgres"].data or "").parent, Path(parts["mosquitto"].data or "")]
    control.stop(site.settings)
    bystander = subprocess.Popen(["sleep", "60"])

    try:
        for file in (*(folder / "citygrid.pid" for folder in folders), folders[0] / "data" / "postmaster.pid"):
            file.write_text(f"{bystander.pid}\n")
        assert site.states() == {"stopped"}
        assert control.stop(site.settings) == ()
        site.start()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_stop_ends_both_and_a_second_stop_is_harmless(site: Site) -> None:
    site.start()

    stopped = json.loads(site.run("stop", "--json").stdout)

    assert stopped == {"stopped": ["mosquitto", "postgres"]}
    assert site.run("status").returncode == 3
    assert control.stop(site.settings) == ()


def test_a_changed_port_moves_the_running_service(site: Site) -> None:
    site.start()
    elsewhere = Site(isolated_settings(site.settings.data_dir, free_port(), free_port()))

    elsewhere.start()

    assert process.answers(elsewhere.settings.database_port)
    assert process.answers(elsewhere.settings.mqtt_port)
    assert not process.answers(site.settings.database_port)
    assert not process.answers(site.settings.mqtt_port)


@pytest.mark.parametrize(("part", "setting"), [("database", "CITYGRID_DATABASE_PORT"), ("mqtt", "CITYGRID_MQTT_PORT")])
def test_a_taken_port_is_told_in_one_sentence(fresh_site: Site, part: str, setting: str) -> None:
    port = fresh_site.settings.database_port if part == "database" else fresh_site.settings.mqtt_port
    with socket.create_server(("127.0.0.1", port)):
        done = fresh_site.run("start")

    assert done.returncode == 2
    sentence = done.stderr.splitlines()[-1]
    assert f"port {port} is taken by process {os.getpid()}" in sentence
    assert setting in sentence
    assert "Traceback" not in done.stderr


def test_data_of_another_version_are_refused(site: Site) -> None:
    site.start()
    control.stop(site.settings)
    cluster = Path(control.status(site.settings)[0].data or "")
    true_version = (cluster / "PG_VERSION").read_text()

    try:
        (cluster / "PG_VERSION").write_text("9\n")
        with pytest.raises(Conflict, match=r"the data were made by PostgreSQL 9.*install postgresql-9"):
            site.start()
    finally:
        (cluster / "PG_VERSION").write_text(true_version)


def test_lost_passwords_are_told_and_nothing_is_deleted(site: Site) -> None:
    site.start()
    control.stop(site.settings)
    secrets = site.settings.data_dir / "secrets.json"
    kept = secrets.read_text()

    secrets.unlink()
    with pytest.raises(Conflict, match=r"secrets\.json does not hold the password"):
        site.start()
    secrets.write_text(kept)

    assert site.start().keys() == {"postgres", "mosquitto"}


def test_given_addresses_are_used_and_nothing_is_started(fresh_site: Site, empty_database: str, broker: str) -> None:
    done = fresh_site.run("start", "--json", CITYGRID_DATABASE_URL=empty_database, CITYGRID_MQTT_URL=broker)

    assert done.returncode == 0, done.stderr
    assert {part["state"] for part in json.loads(done.stdout)} == {"external"}
    assert not (fresh_site.settings.data_dir / "postgres").exists()
    assert not (fresh_site.settings.data_dir / "mosquitto").exists()
    with psycopg.connect(empty_database) as conn:
        assert conn.execute("SELECT count(*) > 0 FROM schema_migration").fetchone() == (True,)


def test_reset_asks_first_and_then_deletes_all(fresh_site: Site) -> None:
    fresh_site.start()

    unanswered = fresh_site.run("reset")
    still_there = (fresh_site.settings.data_dir / "secrets.json").exists()
    done = fresh_site.run("reset", "--yes")

    assert unanswered.returncode == 1
    assert still_there
    assert done.returncode == 0
    left = {entry.name for entry in fresh_site.settings.data_dir.iterdir()}
    assert left == {"logs", "services.lock"}
    assert fresh_site.states() == {"stopped"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a folder that the servers' account cannot enter")
def test_a_data_directory_below_a_closed_folder_works(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    made = new_site(tmp_path)

    try:
        made.start()
        home = (made.settings.data_dir / "postgres").resolve()
        assert home.is_relative_to("/var/lib/citygrid")
    finally:
        control.reset(made.settings)
    assert not home.exists()
    assert not home.parent.exists()
