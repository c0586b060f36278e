"""docker-compose.yml against the Compose specification and against the code, settings and files it starts.

`compose/compose-spec.json` is the Compose specification's own schema (compose-spec/compose-spec, Apache-2.0, commit
170098ba07d9f53c383a41bfd4c5166b0a4529a6 of 2026-06-23), unchanged.
"""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer.main
import yaml
from typer.core import TyperGroup

import runtime.server
from api.routes import health
from cli.main import tree
from runtime.services import mosquitto, passwords
from runtime.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("citygrid:")}
ENTRYPOINT = "citygrid"


def test_the_file_follows_the_compose_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose" / "compose-spec.json").read_text())

    found = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(COMPOSE)]

    assert found == []


def test_the_system_is_whole() -> None:
    assert SERVICES.keys() >= {"timescaledb", "mosquitto", "migrate", "ingest", "notifier", "api", "grafana"}
    assert {name for name, service in SERVICES.items() if "demo" in service.get("profiles", [])} == {
        "city-files",
        "city",
        "simulators",
    }


@pytest.mark.parametrize("name", OURS)
def test_each_command_is_one_of_ours(name: str) -> None:
    command: Any = typer.main.get_command(tree())
    for word in OURS[name]["command"]:
        assert isinstance(command, TyperGroup), f"{word} has no command above it"
        assert word in command.commands
        command = command.commands[word]

    assert not isinstance(command, TyperGroup)


@pytest.mark.parametrize("name", OURS)
def test_each_variable_is_a_setting(name: str) -> None:
    known = {f"CITYGRID_{field.upper()}" for field in Settings.model_fields}

    assert OURS[name].get("environment", {}).keys() <= known


@pytest.mark.parametrize("name", OURS)
def test_each_health_check_asks_a_path_and_port_that_are_served(name: str) -> None:
    check = OURS[name].get("healthcheck", {})
    if OURS[name]["restart"] == "no" or check.get("disable"):
        return
    environment = OURS[name]["environment"]
    match = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", " ".join(check["test"]))
    assert match is not None
    served = {
        "api": (environment.get("CITYGRID_HTTP_PORT"), {route.path for route in health.router.routes}),
        "ingest": (environment.get("CITYGRID_METRICS_PORT"), {"/metrics"}),
        "jt808": (environment.get("CITYGRID_BRIDGE_METRICS_PORT"), {"/metrics"}),
        "gtfs-rt": (environment.get("CITYGRID_BRIDGE_METRICS_PORT"), {"/metrics"}),
    }

    port, paths = served[name]

    assert match[1] == port
    assert match[2] in paths


def test_ports_are_published_on_loopback_with_the_settings_defaults() -> None:
    published = {port for service in SERVICES.values() for port in service.get("ports", [])}
    defaults = {name: field.default for name, field in Settings.model_fields.items()}

    assert all(port.startswith("127.0.0.1:") for port in published)
    assert published >= {
        f"127.0.0.1:${{CITYGRID_DATABASE_PORT:-{defaults['database_port']}}}:5432",
        f"127.0.0.1:${{CITYGRID_MQTT_PORT:-{defaults['mqtt_port']}}}:1883",
        f"127.0.0.1:${{CITYGRID_HTTP_PORT:-{defaults['http_port']}}}:{defaults['http_port']}",
    }


def test_every_volume_is_declared_or_a_file_of_ours() -> None:
    sources = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    named = {source for source in sources if not source.startswith(".")}

    assert named == COMPOSE["volumes"].keys()
    assert [source for source in sources - named if not (ROOT / source).exists()] == []


def test_images_are_pinned() -> None:
    written = [service["image"] for service in SERVICES.values()]
    written += re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)

    assert [image for image in written if not re.search(r":\D*\d+\.\d+", image)] == []


def test_who_waits_for_health_waits_for_somebody_who_tells_it() -> None:
    for service in SERVICES.values():
        for other, wanted in service.get("depends_on", {}).items():
            check = SERVICES[other].get("healthcheck", {})
            if wanted["condition"] == "service_healthy":
                assert "test" in check
            else:
                assert SERVICES[other]["restart"] == "no"


def test_no_password_stands_in_the_file_and_the_script_makes_each(tmp_path: Path) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    file = tmp_path / ".env"

    for _ in range(2):
        subprocess.run([ROOT / "scripts" / "compose-secrets", file], check=True, capture_output=True)
    made = dict(line.split("=", 1) for line in file.read_text().splitlines())

    assert set(re.findall(r"\$\{(SECRET_\w+)", text)) == made.keys()
    assert re.findall(r"PASSWORD: (?!\$\{)", text) == []
    assert file.stat().st_mode & 0o777 == 0o600
    assert min(map(len, made.values())) >= 32
    assert all(re.fullmatch(r"[\w-]+", password) for password in made.values())


def test_the_brokers_rights_and_limits_are_those_of_our_own_broker(tmp_path: Path) -> None:
    logins = passwords.broker_accounts(dict.fromkeys(passwords.broker_logins(), ""))
    ours = mosquitto.configuration(
        tmp_path, 1883, mosquitto.DeviceListener(port=1884), 1 << 40, mosquitto.CertificateListener(port=1885)
    )
    elsewhere = (
        "listener",
        "password_file",
        "acl_file",
        "persistence_location",
        "cafile",
        "certfile",
        "keyfile",
        "crlfile",
    )

    def settings(text: str) -> list[str]:
        return [line for line in text.splitlines() if line and not line.startswith(("#", *elsewhere))]

    folder = ROOT / "deploy" / "mosquitto"
    assert (folder / "acl").read_text() == passwords.acl_file(logins)
    assert settings((folder / "mosquitto.conf").read_text()) == settings(ours)


def _authority(folder: Path) -> Path:
    folder.mkdir()
    for name in ("authority.crt", "broker.crt", "broker.key", "device_crl"):
        (folder / name).touch()
    return folder


def test_the_container_makes_every_account_of_the_broker(tmp_path: Path) -> None:
    conf = tmp_path / "mosquitto.conf"
    conf.write_text("this is no setting\n")
    environment = {
        name: f"password-of-{name}" for name, value in SERVICES["mosquitto"]["environment"].items() if "SECRET" in value
    }
    paths = {"PATH": os.environ["PATH"] + ":/usr/sbin", "CONFIGURATION": str(conf)}
    paths |= dict.fromkeys(("ACCOUNTS", "KEPT", "IDENTITIES"), str(tmp_path))
    paths["AUTHORITY"] = str(_authority(tmp_path / "authority"))

    done = subprocess.run(
        ["sh", ROOT / "deploy" / "mosquitto" / "start.sh"],
        env=environment | paths,
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "Unknown configuration variable" in done.stderr  # it came as far as starting the broker
    made = [line.partition(":")[0] for line in (tmp_path / "passwords").read_text().splitlines()]
    assert made == list(passwords.broker_logins())
    assert (tmp_path / "acl").read_text() == (ROOT / "deploy" / "mosquitto" / "acl").read_text()


def test_grafana_gets_what_its_data_source_asks_for() -> None:
    asked = re.findall(r"\$(CITYGRID_\w+)", (ROOT / "dashboards/provisioning/datasources/citygrid.yaml").read_text())
    provider = yaml.safe_load((ROOT / "dashboards/provisioning/dashboards/citygrid.yaml").read_text())["providers"][0]
    mounts = {volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]}

    assert set(asked) <= SERVICES["grafana"]["environment"].keys()
    assert provider["options"]["path"] in mounts


def test_the_image_holds_the_command_and_the_console_where_the_code_looks() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert ENTRYPOINT in scripts
    assert f'ENTRYPOINT ["{ENTRYPOINT}"]' in dockerfile
    assert f"/app/{runtime.server.CONSOLE.relative_to(ROOT)}" in dockerfile
    named = set(re.findall(r"requirements/[\w.]+", dockerfile))
    assert [file for file in named if not (ROOT / file).exists()] == []
