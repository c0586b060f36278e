"""Each payload format through a real broker and database: published, it is rows of readings in canonical units."""

import base64
import json
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import cbor2
import psycopg
import pytest

from devices import service
from devices.profile import shipped
from tests import small_city
from tests.running_ingest import Running, now, rows, until
from tests.sparkplug_messages import BOOLEAN, DOUBLE, INT64, UINT8, M, payload
from wire import broker as broker_address

pytestmark = pytest.mark.services

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT = now().replace(microsecond=0) - timedelta(seconds=5)
AT_MS = (AT - EPOCH) // timedelta(milliseconds=1)
READINGS = """
SELECT r.ts, c.channel, r."values"[c.position]
FROM reading r JOIN device d USING (device_id) JOIN profile_channel c USING (profile)
WHERE r."values"[c.position] IS NOT NULL ORDER BY r.ts, c.position
"""
NODE = f"test-{uuid.uuid4().hex[:8]}/cabinet-7"
"""A group of its own, so that tests that run at once do not hear each other."""
DEV_EUI = uuid.uuid4().hex[:16]
CODECS = {"chirpstack": "milesight_em500_swl"}
LABEL = f"MC-{uuid.uuid4().hex[:8]}"

Message = tuple[str, bytes]


def ours(last: str) -> str:
    return f"citygrid/v1/130203/manhole/{LABEL}/{last}"


def senml() -> list[Message]:
    pack = [
        {"bn": f"urn:dev:ow:{LABEL}:", "bt": AT_MS / 1000, "n": "tilt_deg", "u": "rad", "v": 0.05235987755982988},
        {"n": "water_m", "u": "cm", "v": 31.5},
        {"n": "temperature_degc", "u": "K", "v": 281.65},
        {"n": "battery_pct", "u": "%", "v": 0.88},
    ]
    return [(ours("senml"), json.dumps(pack).encode())]


def senml_cbor() -> list[Message]:
    pack = [{-3: AT_MS / 1000, 0: "tilt_deg", 2: 3.0}, {0: "water_m", 1: "mm", 2: 315}]
    return [(ours("senml-cbor"), cbor2.dumps(pack))]


def cloudevents() -> list[Message]:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/covers",
        "type": "org.citygrid.reading.v1",
        "time": AT.isoformat(),
        "data": {"tilt_deg": 3.0, "water_m": 0.315},
    }
    return [(ours("cloudevents"), json.dumps(event).encode())] * 2


def spark(kind: str, *metrics: M, seq: int | None, device: str = "cover") -> Message:
    group, node = NODE.split("/")
    at_device = f"/{device}" if kind.startswith("D") else ""
    return f"spBv1.0/{group}/{kind}/{node}{at_device}", payload(*metrics, seq=seq, ts_ms=AT_MS)


BIRTHS = [
    spark("NBIRTH", M("bdSeq", 0, INT64), M("Node Control/Rebirth", 0, BOOLEAN), seq=0),
    spark("DBIRTH", M("Cover/water_m", 31.5, DOUBLE, 7, unit="cm"), M("battery_pct", 88, UINT8, 8), seq=1),
]


def sparkplug() -> list[Message]:
    return [*BIRTHS, spark("DDATA", M(alias=7, value=40.0, ts_ms=AT_MS + 1000), seq=2)]


def chirpstack() -> list[Message]:
    """01 75 58: battery 88 %; 03 77 28 00: 40 cm; the same uplink twice."""
    uplink = {
        "deviceInfo": {"devEui": DEV_EUI},
        "time": AT.isoformat(),
        "fCnt": 17,
        "fPort": 85,
        "data": base64.b64encode(bytes.fromhex("01 75 58 03 77 28 00")).decode(),
    }
    return [(f"application/covers/device/{DEV_EUI}/event/up", json.dumps(uplink).encode())] * 2


def things_stack() -> list[Message]:
    message = {
        "end_device_ids": {"device_id": "cover", "dev_eui": DEV_EUI.upper()},
        "received_at": now().isoformat(),
        "uplink_message": {"received_at": AT.isoformat(), "decoded_payload": {"tilt": 3, "water_m": 0.315}},
    }
    return [("v3/covers@tangshan/devices/cover/up", json.dumps(message).encode())]


AT_ONCE = [(AT, "tilt_deg", 3.0), (AT, "water_m", 0.315)]
CASES: Sequence[tuple[str, str | None, Callable[[], list[Message]], list[tuple[datetime, str, float]]]] = [
    ("native", None, senml, [*AT_ONCE, (AT, "temperature_degc", 8.5), (AT, "battery_pct", 88.0)]),
    ("native", None, senml_cbor, AT_ONCE),
    ("native", None, cloudevents, AT_ONCE),
    (
        "sparkplug",
        f"{NODE}/cover",
        sparkplug,
        [(AT, "water_m", 0.315), (AT, "battery_pct", 88.0), (AT + timedelta(seconds=1), "water_m", 0.4)],
    ),
    ("chirpstack", DEV_EUI, chirpstack, [(AT, "water_m", 0.4), (AT, "battery_pct", 88.0)]),
    ("things_stack", DEV_EUI, things_stack, AT_ONCE),
]
"""Format and address the cover is registered with, what is published, what is stored."""


async def registered(database: str, form: str, address: str | None) -> str:
    small_city.build(database)
    cover = replace(
        small_city.covers(1)[0], label=LABEL, format=form, address=address or "", codec=CODECS.get(form, "")
    )
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await service.publish_profiles(conn, shipped())
        count, findings = await service.register_many(
            conn, [cover], shipped(), now=small_city.REGISTERED_AT, actor="test"
        )
    assert (count, findings) == (1, [])
    return database


@asynccontextmanager
async def client(url: str) -> AsyncIterator[aiomqtt.Client]:
    at = broker_address.parse(url)
    async with aiomqtt.Client(
        at.host, at.port, username=at.username, password=at.password, protocol=aiomqtt.ProtocolVersion.V5
    ) as one:
        yield one


@asynccontextmanager
async def ingest(broker: str, database: str) -> AsyncIterator[Running]:
    running = Running(broker, database, f"test-{uuid.uuid4().hex[:8]}")
    try:
        await running.carrying()
        yield running
    finally:
        await running.kill()


@pytest.mark.parametrize(("form", "address", "messages", "wanted"), CASES, ids=[case[2].__name__ for case in CASES])
async def test_a_format_becomes_readings_in_canonical_units(
    database: str,
    broker: str,
    form: str,
    address: str | None,
    messages: Callable[[], list[Message]],
    wanted: list[tuple[datetime, str, float]],
) -> None:
    await registered(database, form, address)
    async with ingest(broker, database), client(broker) as device:
        for topic, body in messages():
            await device.publish(topic, body, qos=1)
        await until(database, "SELECT count(*) FROM reading", len({ts for ts, _, _ in wanted}))

    assert [(ts, channel, pytest.approx(value)) for ts, channel, value in rows(database, READINGS)] == wanted
    assert rows(database, "SELECT reason, detail FROM dead_letter") == []


async def test_a_gap_is_answered_with_a_rebirth_request_and_births_survive_a_restart(
    database: str, broker: str
) -> None:
    await registered(database, "sparkplug", f"{NODE}/cover")
    group, node = NODE.split("/")
    async with client(broker) as edge:
        await edge.subscribe(f"spBv1.0/{group}/NCMD/{node}")
        async with ingest(broker, database):
            for topic, body in BIRTHS:
                await edge.publish(topic, body, qos=1)
            await until(database, "SELECT count(*) FROM reading", 1)
        async with ingest(broker, database):
            await edge.publish(*spark("DDATA", M(alias=7, value=50.0, ts_ms=AT_MS + 2000), seq=9), qos=1)
            await until(database, "SELECT count(*) FROM reading", 2)
            asked = await anext(aiter(edge.messages))

    assert rows(database, READINGS)[-1] == (AT + timedelta(seconds=2), "water_m", pytest.approx(0.5))
    assert isinstance(asked.payload, bytes)
    assert b"Node Control/Rebirth" in asked.payload
    assert rows(database, "SELECT node, alive, next_seq, awaiting FROM edge_node") == [(NODE, True, 10, True)]


async def test_a_dead_node_is_a_fact_of_its_devices(database: str, broker: str) -> None:
    await registered(database, "sparkplug", f"{NODE}/cover")
    async with ingest(broker, database), client(broker) as edge:
        for topic, body in [*BIRTHS, spark("NDEATH", M("bdSeq", 0, INT64), seq=None)]:
            await edge.publish(topic, body, qos=1)
        await until(database, "SELECT count(*) FROM event WHERE kind = 'death'", 1)

    told: list[tuple[Any, ...]] = rows(
        database, "SELECT d.label, e.kind FROM event e JOIN device d USING (device_id) ORDER BY e.kind"
    )
    assert told == [(LABEL, "birth"), (LABEL, "death")]
    assert rows(database, "SELECT count(*) FROM edge_birth") == [(0,)]
