"""`citygrid doctor` on a machine that has everything, and on ones where something lacks."""

import json
import socket
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from cli.doctor import app
from runtime.services import checks
from runtime.services.checks import Finding
from runtime.settings import Settings
from tests.own_services import free_port, isolated_settings

pytestmark = pytest.mark.services


def by_name(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def needed_but_absent(findings: tuple[Finding, ...]) -> list[Finding]:
    """What is missing, but for the console, whose build is not this test's matter."""
    return [finding for finding in findings if finding.state == "missing" and finding.name != "console"]


def test_a_running_installation_is_in_order(tmp_path: Path, database: str, broker: str) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=database, mqtt_url=broker)

    findings = checks.examine(settings)

    assert needed_but_absent(findings) == []
    named = by_name(findings)
    assert named["schema"].state == "ok"
    assert "TimescaleDB" in named["database"].detail
    assert {named["postgres service"].state, named["mosquitto service"].state} == {"ok"}
    assert "@" not in named["mosquitto service"].detail
    assert "broker promises" in named


def test_services_that_do_not_run_are_a_note_with_the_command_that_starts_them(tmp_path: Path) -> None:
    settings = isolated_settings(tmp_path / "data", free_port(), free_port())

    named = by_name(checks.examine(settings))

    assert named["postgres service"].state == "note"
    assert named["postgres service"].remedy == "run: citygrid services start"
    assert not settings.data_dir.exists()


def test_a_taken_port_is_missing_and_its_holder_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        named = by_name(checks.examine(isolated_settings(tmp_path, free_port(), port)))

    assert named["mosquitto service"].state == "missing"
    assert f"port {port} is taken by process" in named["mosquitto service"].detail
    assert named["mosquitto service"].remedy == "stop that, or set CITYGRID_MQTT_PORT"


def test_a_schema_that_is_behind_is_missing(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYGRID_DATABASE_URL", empty_database)
    monkeypatch.setenv("CITYGRID_MQTT_URL", "mqtt://127.0.0.1:1883")

    done = CliRunner().invoke(app, ["--json"])

    report = json.loads(done.stdout)
    named = {finding["name"]: finding for finding in report["findings"]}
    assert done.exit_code == 1
    assert report["healthy"] is False
    assert named["schema"]["remedy"] == "run: citygrid db migrate"
    assert named["database"]["state"] == "ok"


def test_a_database_without_an_extension_is_missing_it(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute("DROP EXTENSION postgis")
    monkeypatch.setenv("CITYGRID_DATABASE_URL", empty_database)

    done = CliRunner().invoke(app, [])

    assert done.exit_code == 1
    assert "PostGIS is not installed in it" in done.stdout
    assert "CREATE EXTENSION postgis" in done.stdout
