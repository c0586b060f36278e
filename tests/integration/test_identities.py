"""Identities of devices and gateways in force: each may do what is its own, and everything else is refused.

A real Mosquitto with the files that ingest's keeper writes from a real registry; what is tried is tried over MQTT.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from core.errors import Conflict, InvalidInput, NotFound
from devices import gateways, identities, service
from devices.identities import Change, Holder
from devices.life import State
from devices.model import Move
from devices.profile import shipped
from ingest import load_directory
from runtime import identity_keeper
from runtime.services import control
from runtime.services import mosquitto as broker_service
from runtime.settings import Settings
from tests.identity_scene import (
    BY,
    BY_CERTIFICATE,
    BY_PASSWORD,
    ENDS_WITHIN_S,
    FAR,
    FOREIGN,
    ME,
    MINE,
    NOW,
    OTHER,
    OTHERS,
    OWN,
    PATIENCE_S,
    REFUSED,
    Scene,
    Session,
    own_broker,
    played,
    until,
)

pytestmark = pytest.mark.services
either_road = pytest.mark.parametrize("road", [BY_PASSWORD, BY_CERTIFICATE])


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with own_broker(tmp_path_factory.mktemp("identities")) as settings:
        yield settings


@pytest.fixture
async def scene(ports: Settings, database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(identity_keeper, "SETTLED_S", 0.0)
    async with played(ports, database) as scene:
        yield scene


@either_road
async def test_a_device_publishes_its_own_topics_and_no_others(scene: Scene, road: str) -> None:
    device = await scene.device(ME, road)

    assert [topic for topic in OWN if device.publish(topic) == REFUSED] == []
    assert [topic for topic in FOREIGN if device.publish(topic) != REFUSED] == []
    assert [topic for topic in FOREIGN if device.publish(topic, retain=True) != REFUSED] == []


@either_road
async def test_a_device_hears_its_own_commands_and_nothing_else(scene: Scene, road: str) -> None:
    device, recorder, ingest = await scene.device(ME, road), scene.service("recorder"), scene.service("ingest")
    ingest.subscribe("citygrid/v1/#")
    recorder.publish(f"citygrid/v1/{OTHERS}/telemetry", retain=True)
    for wanted in ("#", "+/#", "citygrid/v1/#", f"citygrid/v1/{OTHERS}/#", f"citygrid/v1/{OTHERS}/command",
                   "citygrid/v1/+/+/+/command", "$SYS/#", "$share/g/citygrid/v1/#"):  # fmt: skip
        device.subscribe(wanted)

    for topic in (f"citygrid/v1/{OTHERS}/telemetry", f"citygrid/v1/{OTHERS}/command", f"citygrid/v1/{MINE}/telemetry"):
        recorder.publish(topic)
    recorder.publish(f"citygrid/v1/{MINE}/command")

    assert device.received.get(timeout=PATIENCE_S) == f"citygrid/v1/{MINE}/command"
    device.publish(OWN[0])  # what was meant for it would have come before this answer
    assert {device.received.get() for _ in range(device.received.qsize())} <= {f"citygrid/v1/{MINE}/command"}
    recorder.client.publish(f"citygrid/v1/{OTHERS}/telemetry", b"", retain=True)  # nothing is left for later tests


async def test_a_will_on_a_foreign_topic_is_never_told(scene: Scene) -> None:
    ingest = scene.service("ingest")
    ingest.subscribe("citygrid/v1/#")
    issued = await scene.issue(ME)
    first = await scene.entered(issued.user_name, issued.password)
    first.close()

    spoofing = scene.enter(issued.user_name, issued.password, will=f"citygrid/v1/{OTHERS}/telemetry")
    if spoofing.greeting == "Success":
        spoofing.vanish()
    honest = scene.enter(issued.user_name, issued.password, will=f"citygrid/v1/{MINE}/event")
    honest.vanish()

    assert ingest.received.get(timeout=PATIENCE_S) == f"citygrid/v1/{MINE}/event"


async def test_nobody_takes_anothers_session_by_its_client_id(scene: Scene) -> None:
    ingest = scene.service("ingest", client_id="citygrid-ingest-city", keeps_s=60)
    ingest.subscribe("citygrid/v1/#")
    victim = await scene.device(OTHER, client_id=OTHER)
    issued = await scene.issue(ME)

    for stolen in ("citygrid-ingest-city", OTHER, OTHERS):
        thief = await scene.entered(issued.user_name, issued.password, client_id=stolen)
        thief.publish(OWN[0])
        thief.close()

    assert [ingest.received.get(timeout=PATIENCE_S) for _ in range(3)] == [OWN[0]] * 3
    assert victim.publish(f"citygrid/v1/{OTHERS}/telemetry") != REFUSED
    assert ingest.ended.empty()
    assert victim.ended.empty()


async def test_the_platforms_accounts_do_not_enter_by_the_devices_port_nor_devices_by_theirs(scene: Scene) -> None:
    issued = await scene.issue(ME)
    await scene.entered(issued.user_name, issued.password)
    secrets = scene.settings.secrets()["mqtt"]

    assert {scene.enter(name, password).greeting for name, password in secrets.items()} == {REFUSED}
    inside = Session(scene.settings.mqtt_port, issued.user_name, issued.password)
    scene.opened.append(inside)
    assert inside.greeting == REFUSED
    assert scene.enter(issued.user_name, "guessed").greeting == REFUSED
    assert scene.enter("+/manhole/#", issued.password).greeting == REFUSED


async def test_a_revoked_identity_loses_its_live_connection(scene: Scene) -> None:
    device, other = await scene.device(ME), await scene.device(OTHER)

    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        await identities.revoke(conn, Holder(label=ME), BY)

    await asyncio.to_thread(device.ended.get, timeout=ENDS_WITHIN_S)
    assert other.publish(f"citygrid/v1/{OTHERS}/telemetry") != REFUSED
    assert other.ended.empty()


async def test_a_retired_device_loses_its_live_connection(scene: Scene) -> None:
    device = await scene.device(ME)

    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        by = Change(now=NOW, actor="test", reason="stolen")
        await service.move(conn, Move(label=ME, to=State.RETIRED), shipped(), by)

    await asyncio.to_thread(device.ended.get, timeout=ENDS_WITHIN_S)


async def test_a_new_password_ends_the_old_one_and_its_connection(scene: Scene) -> None:
    issued = await scene.issue(ME)
    device = await scene.entered(issued.user_name, issued.password)

    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        fresh = await identities.rotate(conn, Holder(label=ME), shipped(), BY)

    await asyncio.to_thread(device.ended.get, timeout=ENDS_WITHIN_S)
    assert fresh.user_name == issued.user_name
    assert (await scene.entered(fresh.user_name, fresh.password)).publish(OWN[0]) != REFUSED
    assert scene.enter(issued.user_name, issued.password).greeting == REFUSED


async def test_a_gateway_publishes_for_its_devices_only(scene: Scene) -> None:
    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        await gateways.add(conn, "GW-1", "130203", BY)
        await gateways.assign(conn, "GW-1", [ME, OTHER], BY)
    issued = await scene.issue("GW-1", gateway=True)
    gateway = await scene.entered(issued.user_name, issued.password)

    taken = ["citygrid/v1/130203/gateway/GW-1/telemetry", *OWN, f"citygrid/v1/{OTHERS}/alarm"]
    assert [topic for topic in taken if gateway.publish(topic) == REFUSED] == []
    refused = [f"citygrid/v1/130203/manhole/{FAR}/telemetry", "citygrid/v1/130203/gateway/GW-2/telemetry",
               "citygrid/v1/130203/manhole/MC-9/telemetry", f"citygrid/v1/{MINE}/telemetry/x", "elsewhere"]  # fmt: skip
    assert [topic for topic in refused if gateway.publish(topic) != REFUSED] == []

    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        await gateways.assign(conn, "", [OTHER], BY)

    await until(lambda: gateway.publish(f"citygrid/v1/{OTHERS}/alarm") == REFUSED)
    assert gateway.publish(OWN[0]) != REFUSED
    assert gateway.ended.empty()


async def test_ingest_knows_what_stands_behind_a_gateway(scene: Scene) -> None:
    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        await gateways.add(conn, "GW-1", "130203", BY)
        await gateways.add(conn, "GW-2", "130203", BY)
        await gateways.assign(conn, "GW-1", [ME, OTHER], BY)
        directory = await load_directory.load(conn, shipped(), None)

    assert directory.behind_gateway == {"GW-1": {ME, OTHER}, "GW-2": frozenset()}


async def test_what_cannot_be_is_said_and_changes_nothing(scene: Scene) -> None:
    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        with pytest.raises(NotFound, match="no device MC-9"):
            await identities.issue(conn, Holder(label="MC-9"), shipped(), BY)
        with pytest.raises(NotFound, match="no identity"):
            await identities.rotate(conn, Holder(label=ME), shipped(), BY)
        await identities.issue(conn, Holder(label=ME), shipped(), BY)
        with pytest.raises(Conflict, match="already"):
            await identities.issue(conn, Holder(label=ME), shipped(), BY)
        await gateways.add(conn, "GW-8", "130202", BY)
        with pytest.raises(InvalidInput, match=ME):
            await gateways.assign(conn, "GW-8", [ME], BY)
        row = await (await conn.execute("SELECT count(*) FROM device WHERE gateway_id IS NOT NULL")).fetchone()

    assert row == (0,)


async def test_each_change_is_audited_and_no_password_is_kept(scene: Scene) -> None:
    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        first = await identities.issue(conn, Holder(label=ME), shipped(), BY)
        second = await identities.rotate(conn, Holder(label=ME), shipped(), BY)
        await identities.revoke(conn, Holder(label=ME), BY)
        audited = await (await conn.execute("SELECT action FROM audit WHERE subject = %s ORDER BY 1", (ME,))).fetchall()
        kept = str(await (await conn.execute("SELECT * FROM broker_identity")).fetchall())
        kept += str(await (await conn.execute("SELECT * FROM audit")).fetchall())

    assert {action for (action,) in audited} >= {"identity_issued", "identity_rotated", "identity_revoked"}
    assert first.password not in kept
    assert second.password not in kept


async def test_an_identity_made_while_the_broker_is_away_counts_when_it_is_back(scene: Scene) -> None:
    before = await scene.issue(ME)
    (await scene.entered(before.user_name, before.password)).close()
    broker = control.own_broker(scene.settings)
    assert broker is not None
    broker_service.stop(broker)

    issued = await scene.issue(OTHER)
    known = broker.folder / "device_passwords"
    await until(lambda: issued.user_name in broker.account.run(["cat", known]).stdout)
    control.bring_up(scene.settings, print)

    assert scene.enter(issued.user_name, issued.password).greeting == "Success"
    assert scene.enter(before.user_name, before.password).greeting == "Success"


async def test_what_waits_for_an_absent_ingest_survives_a_change_of_identities(scene: Scene) -> None:
    ingest = scene.service("ingest", client_id="citygrid-waits", keeps_s=60)
    ingest.subscribe("citygrid/v1/#")
    ingest.close()
    device = await scene.device(ME)
    device.publish(OWN[0])
    await scene.device(OTHER)

    device.publish(OWN[1])
    back = scene.service("ingest", client_id="citygrid-waits", keeps_s=60)

    assert [back.received.get(timeout=PATIENCE_S) for _ in range(2)] == OWN[:2]
