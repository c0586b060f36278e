"""Devices of other formats, from their registration to stored readings, facts and dead letters in a real database."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from alerts import rulebook
from devices import service
from devices.profile import shipped
from ingest import pipeline
from ingest.message import Batch, RawMessage
from ingest.validate import Tolerance
from runtime import carrier, ingestor
from tests import small_city

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
TIME = "2026-11-22T03:59:58.775023242+00:00"
LIMITS = pipeline.Limits(payload_bytes=10_000, tolerance=Tolerance(behind_us=365 * 86_400_000_000))
LEVEL, TILT = "24e124713d111111", "24e124713d222222"
READINGS = """
SELECT d.label, r.seq, to_char(r.ts AT TIME ZONE 'UTC', 'HH24:MI:SS.US'), c.channel, r."values"[c.position]
FROM reading r JOIN device d USING (device_id) JOIN profile_channel c USING (profile)
WHERE r."values"[c.position] IS NOT NULL ORDER BY 1, 2, 3, c.position
"""
FACTS = (
    "SELECT d.label, e.kind, e.confidence, e.plate, e.detail FROM event e JOIN device d USING (device_id) ORDER BY e.ts"
)
LETTERS = "SELECT reason, topic, detail FROM dead_letter ORDER BY topic"


@pytest.fixture
async def city(database: str) -> str:
    small_city.build(database)
    level, tilt, camera, _ = small_city.covers(4)
    rows = [
        replace(level, format="chirpstack", address=LEVEL.upper(), codec="milesight_em500_swl"),
        replace(tilt, format="things_stack", address=TILT),
        replace(camera, format="onvif", address="CAM-3"),
        small_city.covers(1, first=4)[0],
    ]
    async with await psycopg.AsyncConnection.connect(database) as conn:
        count, findings = await service.register_many(conn, rows, shipped(), now=small_city.REGISTERED_AT, actor="test")
    assert (count, findings) == (4, [])
    return database


async def carry(city: str, *messages: tuple[str, Any]) -> ingestor.Carried:
    raw = [
        RawMessage(topic, body if isinstance(body, bytes) else json.dumps(body).encode(), None, False)
        for topic, body in messages
    ]
    setup = carrier.Setup(writer_dsn=city, profiles=shipped(), rulebook=rulebook.load(rulebook.DEFAULT), limits=LIMITS)
    async with await psycopg.AsyncConnection.connect(city) as conn:
        live = await carrier.load(conn, setup, None, NOW)
        return await ingestor.carry(Batch(messages=raw, connection=1, backlog=0), live, NOW)


def rows(city: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(city) as conn:
        return conn.execute(query).fetchall()


def chirpstack(dev_eui: str, event: str, **content: Any) -> tuple[str, Any]:
    return f"application/app/device/{dev_eui}/event/{event}", {
        "deviceInfo": {"devEui": dev_eui},
        "time": TIME,
        **content,
    }


def things_stack(**content: Any) -> tuple[str, Any]:
    ids = {"device_id": "mc-2", "dev_eui": TILT.upper()}
    return "v3/covers@tangshan/devices/mc-2/up", {"end_device_ids": ids, "received_at": TIME, **content}


async def test_bytes_behind_chirpstack_become_a_reading_in_canonical_units(city: str) -> None:
    uplink = chirpstack(LEVEL, "up", fCnt=4001, fPort=85, data="AXVkA3fIAA==")  # 01 75 64 | 03 77 c8 00

    await carry(city, uplink)

    at = "03:59:58.775023"
    assert rows(city, READINGS) == [("MC-1", 4001, at, "water_m", 2.0), ("MC-1", 4001, at, "battery_pct", 100.0)]


async def test_an_uplink_delivered_twice_is_stored_once(city: str) -> None:
    uplink = chirpstack(LEVEL, "up", fCnt=4001, fPort=85, data="AXVkA3fIAA==")

    first, second = await carry(city, uplink), await carry(city, uplink)

    assert ((first.stored, first.repeated), (second.stored, second.repeated)) == ((1, 0), (0, 1))


async def test_what_the_things_stack_decoded_becomes_a_reading(city: str) -> None:
    await carry(city, things_stack(uplink_message={"f_cnt": 9, "decoded_payload": {"tilt": 2.5, "temperature": -4.1}}))

    at = "03:59:58.775023"
    assert rows(city, READINGS) == [("MC-2", 9, at, "tilt_deg", 2.5), ("MC-2", 9, at, "temperature_degc", -4.1)]


async def test_a_device_nobody_registered_becomes_a_dead_letter(city: str) -> None:
    stranger = chirpstack("ffffffffffffffff", "up", fPort=1, data="qg==")

    carried = await carry(city, stranger, chirpstack(TILT, "up", fPort=1, data="qg=="))

    assert carried.stored == 0
    assert rows(city, LETTERS) == [
        ("unknown_device", f"application/app/device/{TILT}/event/up", f"{TILT} is not registered as chirpstack"),
        ("unknown_device", stranger[0], "ffffffffffffffff is not registered as chirpstack"),
    ]


async def test_a_line_crossed_and_a_join_become_facts_and_a_broken_event_a_dead_letter(city: str) -> None:
    topic = "CAM-3/onvif-ej/RuleEngine/LineDetector/Crossed/&1/2/WestGate"
    source = {"VideoSource": "1", "Rule": "WestGate"}
    crossed = {"UtcTime": "2026-11-22T03:59:57.321Z", "Source": source, "Data": {"ObjectId": "15"}}

    await carry(
        city,
        (topic, crossed),
        (topic.replace("West", "East"), b'{"UtcTime": "2026-11-22T03:59:57.789Z\n  "Source": {}}'),
        chirpstack(LEVEL, "join", devAddr="00189440"),
    )

    detail = {"topic": "RuleEngine/LineDetector/Crossed", "source": source, "data": {"ObjectId": "15"}}
    assert rows(city, FACTS) == [
        ("MC-3", "line_crossed", None, None, detail),
        ("MC-1", "join", None, None, {"dev_addr": "00189440"}),
    ]
    ((reason, _, words),) = rows(city, LETTERS)
    assert (reason, words) == ("malformed", "no ONVIF event as JSON: JSON is malformed: invalid character (byte 37)")


async def test_a_detection_of_our_own_format_keeps_confidence_and_plate(city: str) -> None:
    fact = {"ts": "2026-11-22T11:59:57+08:00", "kind": "muck_truck", "confidence": 0.91, "plate": "冀B12345"}

    await carry(city, ("citygrid/v1/130203/manhole/MC-4/event", fact), ("citygrid/v1/130203/manhole/MC-9/event", fact))

    assert rows(city, FACTS) == [("MC-4", "muck_truck", pytest.approx(0.91), "冀B12345", {})]
    assert [reason for reason, _, _ in rows(city, LETTERS)] == ["unknown_device"]
