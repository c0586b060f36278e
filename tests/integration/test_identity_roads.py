"""How an identity gets from a command to the broker: the commands, when the broker is told, a broker in a container."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from cli.devices import app
from devices import service
from devices.profile import shipped
from runtime import identity_keeper
from runtime.identity_keeper import IdentityKeeper
from runtime.settings import Settings
from tests import small_city
from tests.certificate_request import asking
from tests.identity_scene import ENDS_WITHIN_S
from tests.own_services import free_port

pytestmark = pytest.mark.services
NOW = datetime(2026, 11, 22, tzinfo=UTC)
DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"
PATIENCE_S = 10.0


@pytest.fixture
async def city(database: str) -> str:
    small_city.build(database)
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await service.register_many(conn, small_city.covers(3), shipped(), now=NOW, actor="test")
    return database


@pytest.fixture
def command(city: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CITYGRID_DATABASE_URL", city)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Any:
        """Run a command in a thread of its own, as it brings its own loop."""
        return asyncio.to_thread(CliRunner().invoke, app, words)

    return run


async def test_the_commands_issue_rotate_list_and_revoke(command, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("MC-2\nMC-3\n")

    issued = json.loads((await command("credentials", "issue", "MC-1", "--file", "labels.txt", "--json")).stdout)
    (fresh,) = json.loads((await command("credentials", "rotate", "MC-1", "--json")).stdout)
    revoked = json.loads((await command("credentials", "revoke", "MC-2", "--json")).stdout)
    listed = json.loads((await command("credentials", "list", "--json")).stdout)
    once = json.loads((await command("credentials", "list", "MC-2", "--json")).stdout)

    assert [row["user_name"] for row in issued] == [f"130203/manhole/MC-{n}" for n in (1, 2, 3)]
    assert fresh["user_name"] == issued[0]["user_name"]
    assert fresh["password"] != issued[0]["password"]
    assert revoked == {"revoked": ["MC-2"]}
    assert [row["label"] for row in listed] == ["MC-1", "MC-3"]
    assert once[0]["revoked_at"] is not None
    assert "password" not in str(listed)


async def test_one_that_cannot_be_issued_leaves_the_others_without(command) -> None:
    failed = await command("credentials", "issue", "MC-1", "MC-9", "--json")

    assert failed.exit_code != 0
    assert json.loads((await command("credentials", "list", "--json")).stdout) == []


async def test_the_commands_sign_and_list_certificates_once_there_is_an_authority(command, tmp_path: Path) -> None:
    (tmp_path / "MC-1.csr").write_text(asking()[1])
    asked = ("certificates", "sign", "MC-1.csr", "MC-1", "--out", "MC-1.crt", "--json")

    without = await command(*asked)
    authority = await command("certificates", "authority")
    signed = json.loads((await command(*asked)).stdout)
    (listed,) = json.loads((await command("certificates", "list", "--ending", "400", "--json")).stdout)

    assert without.exit_code != 0
    assert authority.stdout == (await command("certificates", "authority")).stdout
    assert (tmp_path / "MC-1.crt").read_text() == signed["certificate"]
    assert (listed["serial"], listed["user_name"]) == (signed["serial"], "130203/manhole/MC-1")
    assert json.loads((await command("certificates", "list", "--ending", "30", "--json")).stdout) == []


async def test_the_commands_make_a_gateway_and_list_devices_under_it(command) -> None:
    await command("gateways", "add", "GW-1", "--district", "130203")
    await command("gateways", "assign", "GW-1", "MC-1", "MC-2")
    await command("gateways", "assign", "none", "MC-2")
    (issued,) = json.loads((await command("credentials", "issue", "--gateway", "GW-1", "--json")).stdout)
    (listed,) = json.loads((await command("gateways", "list", "--json")).stdout)

    assert issued["user_name"] == "130203/gateway/GW-1"
    assert (listed["label"], listed["devices"], listed["has_identity"]) == ("GW-1", ["MC-1"], True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "identities"
    made.mkdir()
    return made


@pytest.fixture
def ports() -> tuple[int, int, int]:
    """Of a broker in a container: for the platform, for devices, for devices with certificates."""
    return free_port(), free_port(), free_port()


class Connected:
    """Whether ingest is connected, for the keeper to ask."""

    now = False


@pytest.fixture
async def connected(
    city: str, folder: Path, ports: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Connected]:
    """A keeper that writes to a shared folder, told by hand whether ingest is connected."""
    monkeypatch.setattr(identity_keeper, "SETTLED_S", 0.0)
    url = f"mqtt://ingest:secret@127.0.0.1:{ports[0]}"
    settings = Settings(_env_file=None, database_url=city, mqtt_url=url, broker_identities=folder)
    state = Connected()
    keeping = asyncio.create_task(IdentityKeeper(settings, shipped(), lambda: state.now).run())
    yield state
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


def written(folder: Path) -> str:
    """What a container would find."""
    return "".join(file.read_text() for file in sorted(folder.iterdir()))


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(is_so):  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(0.1)


async def test_the_broker_is_told_when_ingest_is_connected_and_not_before(command, connected, folder: Path) -> None:
    await command("credentials", "issue", "MC-1")
    await asyncio.sleep(4 * identity_keeper.LOOK_EVERY_S)
    assert written(folder) == ""

    connected.now = True

    await until(lambda: "130203/manhole/MC-1:$7$" in written(folder))


class Container:
    """deploy/mosquitto/start.sh outside its container: the same script and settings, other folders and ports."""

    def __init__(self, home: Path, identities: Path, ports: tuple[int, int, int]) -> None:
        self.ports = ports
        kept = home / "data"
        kept.mkdir()
        text = (DEPLOY / "mosquitto.conf").read_text()
        for inside, port in zip((1883, 1884, 1885), ports, strict=True):
            text = text.replace(f"listener {inside}", f"listener {port} 127.0.0.1")
        text = text.replace("/accounts/", f"{home}/").replace("/mosquitto/data/", f"{kept}/")
        (home / "mosquitto.conf").write_text(f"{text}user root\n")
        passwords = (
            "INGEST",
            "COMMANDER",
            "RECORDER",
            "INTEGRATIONS",
            "BRIDGE",
            *(f"GATEWAY_13020{n}" for n in (2, 3, 4, 5)),
        )
        environment = dict.fromkeys(passwords, "secret") | {
            "PATH": os.environ["PATH"] + ":/usr/sbin", "ACCOUNTS": str(home), "KEPT": str(kept),
            "IDENTITIES": str(identities), "AUTHORITY": str(home / "authority"),
            "CONFIGURATION": str(home / "mosquitto.conf"),
        }  # fmt: skip
        self.process = subprocess.Popen(["sh", DEPLOY / "start.sh"], env=environment, stderr=subprocess.DEVNULL)

    def greets(self, login: str, password: str) -> bool:
        """Whether the devices' port lets somebody in now."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.username_pw_set(login, password)
        entered = self._enters(client, self.ports[1])
        client.disconnect()
        return entered

    def shown(self, authority: Path, certificate: Path) -> mqtt.Client | None:
        """Whoever enters by certificate; None who does not."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.tls_set(str(authority), str(certificate), str(certificate.with_suffix(".key")))
        return client if self._enters(client, self.ports[2]) else None

    def _enters(self, client: mqtt.Client, port: int) -> bool:
        answers: list[bool] = []
        client.on_connect = lambda _c, _u, _f, reason, _p: answers.append(not reason.is_failure)
        with suppress(OSError):
            client.connect("127.0.0.1", port)
            while not answers and client.loop(0.1) == mqtt.MQTT_ERR_SUCCESS:
                pass
        return answers == [True]


@pytest.fixture
async def container(
    command, tmp_path: Path, folder: Path, ports: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Container]:
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("needs mosquitto_passwd")
    home = tmp_path / "container"
    home.mkdir()
    (home / "authority").mkdir()
    with monkeypatch.context() as once:
        once.setenv("CITYGRID_BROKER_IDENTITIES", str(home / "authority"))
        made = await command("certificates", "authority")
    (tmp_path / "authority.crt").write_text(made.stdout)
    running = Container(home, folder, ports)
    yield running
    running.process.terminate()
    running.process.wait(PATIENCE_S)


def printed(result: Any) -> Any:
    """What a command printed, among what the keeper logged meanwhile in the same process."""
    return json.loads(next(line for line in result.stdout.splitlines() if line.startswith("[")))


async def test_the_container_follows_what_ingest_writes(command, connected, container: Container) -> None:
    connected.now = True
    (issued,) = printed(await command("credentials", "issue", "MC-1", "--json"))
    who = issued["user_name"], issued["password"]

    await until(lambda: container.greets(*who))
    await command("credentials", "revoke", "MC-1")

    await until(lambda: not container.greets(*who))
    assert container.process.poll() is None


async def test_the_container_lets_devices_in_by_certificate_until_it_is_revoked(
    command, connected, container: Container, tmp_path: Path
) -> None:
    connected.now = True
    await command("certificates", "make", "keys", "MC-1")
    shown = tmp_path / "authority.crt", tmp_path / "keys" / "MC-1.crt"
    await until(lambda: container.shown(*shown) is not None)
    device = container.shown(*shown)
    assert device is not None
    (known,) = printed(await command("certificates", "list", "--json"))

    revoked_at = time.monotonic()
    await command("certificates", "revoke", known["serial"], "MC-1", "--reason", "lost")

    await until(lambda: device.loop(0.1) != mqtt.MQTT_ERR_SUCCESS)
    assert time.monotonic() - revoked_at < ENDS_WITHIN_S
    assert container.shown(*shown) is None
    assert printed(await command("certificates", "list", "--json")) == []
    assert (tmp_path / "keys" / "MC-1.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / ".citygrid" / "device-authority" / "authority.key").stat().st_mode & 0o777 == 0o600
