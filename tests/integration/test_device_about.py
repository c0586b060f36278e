"""What devices are and say, in a real database: described by people and by themselves, and their last messages."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from alerts import rulebook
from core.errors import InvalidInput, NotFound
from devices import battery_watch, bulk, describing, service, sheet
from devices.model import Change
from devices.profile import shipped
from ingest.message import Batch, RawMessage
from ingest.pipeline import Limits
from ingest.validate import Tolerance
from runtime import carrier, last_messages
from runtime.carrier import Setup
from runtime.ingestor import carry
from storage import device_messages
from tests import small_city

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TOPIC = "citygrid/v1/130203/manhole/{}/{}"
Connection = psycopg.AsyncConnection[Any]
ABOUT = "SELECT model, firmware, about_by FROM device WHERE label = 'MC-1'"
EVENTS = """
SELECT actor, detail -> 'changes' -> 'firmware' FROM device_event WHERE kind = 'described' ORDER BY at, actor
"""
DAY = """
INSERT INTO reading_1d (device_id, bucket, messages, last_ts, counts, mins, maxs, sums, lasts)
SELECT device_id, %(at)s, 1, %(at)s, '{}', '{}', '{}', '{}', %(lasts)s FROM device WHERE label = %(label)s
"""
BATTERIES = "SELECT d.label, round(days_left) FROM device_battery JOIN device d USING (device_id) ORDER BY 1"


@pytest.fixture
async def conn(database: str) -> Any:
    small_city.build(database)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        yield conn


async def rows(conn: Connection, query: str) -> list[tuple[Any, ...]]:
    return await (await conn.execute(query.encode())).fetchall()


async def install(conn: Connection, count: int = 2) -> None:
    _, findings = await service.register_many(conn, small_city.covers(count), shipped(), now=NOW, actor="li")
    assert findings == []


def by(hours: float = 1) -> Change:
    return Change(now=NOW + timedelta(hours=hours), actor="li", reason="read from its plate")


async def test_a_sheet_says_what_devices_are_and_a_bad_word_is_a_finding_of_its_column(conn: Connection) -> None:
    found = sheet.read(
        "devices.csv",
        "标签,设备类型,部件编码,型号,固件版本\n"
        "MC-1,manhole_cover,1302030102000001,ES-20,1.4\n"
        f"MC-2,manhole_cover,1302030102000002,{'x' * 101},\n".encode(),
    )

    done = await bulk.register(conn, found, shipped(), by())

    assert await rows(conn, ABOUT) == [("ES-20", "1.4", "li")]
    assert [(it.line, it.column, it.reason) for it in done.findings] == [(3, "model", "bad_model")]


async def test_a_description_is_in_the_history_and_the_audit_with_what_it_changed(conn: Connection) -> None:
    await install(conn)
    await describing.describe(conn, "MC-1", {"model": "ES-20", "firmware": "1.3"}, by())
    await describing.describe(conn, "MC-1", {"firmware": "1.4"}, by(2))
    await describing.describe(conn, "MC-1", {"firmware": "1.4"}, by(3))

    assert await rows(conn, ABOUT) == [("ES-20", "1.4", "li")]
    assert await rows(conn, EVENTS) == [("li", ["", "1.3"]), ("li", ["1.3", "1.4"])]
    audited = "SELECT subject, detail ->> 'reason' FROM audit WHERE action = 'device_described'"
    assert await rows(conn, audited) == [("MC-1", "read from its plate")] * 2
    with pytest.raises(NotFound):
        await describing.describe(conn, "nobody", {"model": "x"}, by())
    with pytest.raises(InvalidInput, match="firmware must be at most"):
        await describing.describe(conn, "MC-1", {"firmware": "a\nb"}, by())


async def test_the_newest_word_counts_whoever_says_it_in_whatever_order(conn: Connection, database: str) -> None:
    await install(conn)
    await describing.describe(conn, "MC-1", {"model": "ES-20", "firmware": "1.3"}, by(1))
    live = await journey(database)
    try:
        await carry(batch(about(3, "1.5"), about(2, "1.4"), about(0.5, "0.9")), live, NOW + timedelta(hours=4))
        await carry(batch(about(3, "1.5")), live, NOW + timedelta(hours=5))  # the broker brings it again
    finally:
        await live.conn.close()

    assert await rows(conn, ABOUT) == [("ES-20", "1.5", "device")]
    assert await rows(conn, EVENTS) == [
        ("li", ["", "1.3"]), ("device", ["1.3", "1.4"]), ("device", ["1.4", "1.5"])
    ]  # fmt: skip


async def test_the_last_message_is_kept_as_it_came_also_a_refused_one(conn: Connection, database: str) -> None:
    await install(conn)
    live = await journey(database)
    good = reading("MC-1", b'{"ts": "2026-11-22T00:00:00Z", "values": {"tilt_deg": 1.5}}')
    try:
        await carry(batch(good, reading("MC-2", b"\xff{")), live, NOW + timedelta(seconds=5))
        await last_messages.write(live, NOW + timedelta(seconds=5), busy=False)
    finally:
        await live.conn.close()

    first, second = await device_messages.last(conn, "MC-1"), await device_messages.last(conn, "MC-2")

    assert first is not None
    assert second is not None
    assert (first["payload"], first["topic"], first["refused"]) == (good.payload, good.topic, None)
    assert second["payload"] == b"\xff{"
    assert second["refused"].startswith("malformed: ")


async def test_a_database_that_cannot_keep_messages_does_not_stop_the_journey(conn: Connection, database: str) -> None:
    await install(conn)
    live = await journey(database)
    await conn.execute("DROP TABLE device_message CASCADE")
    good = reading("MC-1", b'{"ts": "2026-11-22T00:00:00Z", "values": {"tilt_deg": 1.5}}')
    try:
        await carry(batch(good), live, NOW + timedelta(seconds=5))
        await last_messages.write(live, NOW + timedelta(seconds=5), busy=False)
        carried = await carry(batch(good), live, NOW + timedelta(seconds=6))
    finally:
        await live.conn.close()

    assert carried.repeated == 1


async def test_batteries_are_worked_out_in_slices_and_those_that_are_unknown_again_go(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await install(conn, 5)
    await service.publish_profiles(conn, shipped())
    names = shipped()["manhole_cover"].channel_names
    for label, fall in (("MC-1", 1.0), ("MC-2", 2.0), ("MC-3", 0.0)):
        for day in range(20):
            lasts = [None if name != "battery_pct" else 80.0 - fall * day for name in names]
            await conn.execute(DAY, {"at": NOW - timedelta(days=20 - day), "lasts": lasts, "label": label})
    monkeypatch.setattr(battery_watch, "AT_ONCE", 2)

    async def walk(now: datetime) -> int:
        after: int | None = 0
        slices = 0
        while after is not None:
            after, slices = await battery_watch.go_on(conn, after, now), slices + 1
        return slices

    slices = await walk(NOW)
    known = await rows(conn, BATTERIES)
    await conn.execute("DELETE FROM reading_1d WHERE device_id = (SELECT device_id FROM device WHERE label = 'MC-1')")
    await walk(NOW + timedelta(hours=6))

    assert slices == 3
    assert known == [("MC-1", 51), ("MC-2", 16)]
    assert await rows(conn, BATTERIES) == [("MC-2", 16)]


def about(hours: float, firmware: str) -> RawMessage:
    ts = (NOW + timedelta(hours=hours)).isoformat()
    content = {"ts": ts, "kind": "about", "detail": {"firmware": firmware}}
    return message(TOPIC.format("MC-1", "event"), json.dumps(content).encode())


def reading(label: str, payload: bytes) -> RawMessage:
    return message(TOPIC.format(label, "telemetry"), payload)


def message(topic: str, payload: bytes) -> RawMessage:
    return RawMessage(topic=topic, payload=payload, packet_id=None, redelivered=False)


def batch(*messages: RawMessage) -> Batch:
    return Batch(messages=list(messages), connection=1, backlog=0)


async def journey(database: str) -> carrier.Live:
    conn = await psycopg.AsyncConnection.connect(database)
    setup = Setup(
        writer_dsn=database,
        profiles=shipped(),
        rulebook=rulebook.load(rulebook.DEFAULT),
        limits=Limits(payload_bytes=10_000, tolerance=Tolerance(behind_us=365 * 86_400_000_000)),
    )
    return await carrier.load(conn, setup, None, NOW)
