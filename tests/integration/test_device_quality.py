"""Doubts are counted by device and day, once, however often and in whatever batches the messages come."""

import json
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from alerts import rulebook
from devices import service
from devices.profile import shipped
from ingest import pipeline
from ingest.message import Batch, RawMessage
from ingest.validate import Tolerance
from runtime import carrier, ingestor
from storage import device_quality
from tests import small_city

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
LIMITS = pipeline.Limits(payload_bytes=10_000, tolerance=Tolerance(behind_us=365 * 86_400_000_000))


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    small_city.build(database)
    async with await AsyncConnection.connect(database) as connection:
        await service.publish_profiles(connection, shipped())
        await service.register_many(
            connection, small_city.covers(3), shipped(), now=small_city.REGISTERED_AT, actor="test"
        )
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        yield connection


async def start(conn: AsyncConnection) -> ingestor.Live:
    """Take everything from what was committed, as a process that starts."""
    book = rulebook.load(rulebook.DEFAULT)
    setup = carrier.Setup(writer_dsn="", profiles=shipped(), rulebook=book, limits=LIMITS)
    return await carrier.load(conn, setup, None, NOW)


def message(second: float, values: Any, label: str = "MC-1") -> RawMessage:
    body = {"ts": NOW_MS + round(second * 1000), "seq": 1, "values": values}
    topic = f"citygrid/v1/130203/manhole/{label}/telemetry"
    return RawMessage(topic, json.dumps(body).encode(), None, False)


async def carry(live: ingestor.Live, messages: Iterable[RawMessage], *, redelivered: bool = False) -> None:
    batch = [RawMessage(m.topic, m.payload, None, redelivered) for m in messages]
    await ingestor.carry(Batch(messages=batch, connection=1, backlog=0), live, NOW)


async def counts(conn: AsyncConnection, label: str = "MC-1") -> dict[str, int]:
    """The counts of a device that are not 0."""
    cursor = await conn.execute(
        "SELECT q.* FROM dash.device_quality AS q WHERE label = %s AND day = %s", (label, NOW.date())
    )
    row = await cursor.fetchone()
    if row is None:
        return {}
    assert cursor.description is not None
    named = dict(zip([column.name for column in cursor.description], row, strict=True))
    return {name: named[name] for name in device_quality.COLUMNS if named[name]}


STREAM = [
    message(-100, {"temperature_degc": 10, "tilt_deg": 1}),
    message(-90, {"temperature_degc": 80, "tilt_deg": 1}),
    message(-95, {"tilt_deg": 1}),
    message(-80, {"temperature_degc": 11, "tilt_deg": 65535}),
    message(-70, {"water_m": -3, "tilt_deg": 1}),
    message(60, {"tilt_deg": 1}),
    message(4000, {"tilt_deg": 1}),
    RawMessage("citygrid/v1/130203/manhole/MC-1/telemetry", b"{", None, False),
]
EXPECTED = {
    "out_of_order": 1,
    "suspect_jump": 1,
    "sentinel": 1,
    "out_of_range": 1,
    "clock": 2,
    "refused": 2,
}


async def test_each_doubt_is_counted_at_its_device(conn: AsyncConnection) -> None:
    await carry(await start(conn), [*STREAM, message(-50, {"tilt_deg": 1}, "MC-2")])

    assert await counts(conn) == EXPECTED
    assert await counts(conn, "MC-2") == {}


async def test_a_process_that_is_replaced_between_batches_counts_alike(conn: AsyncConnection) -> None:
    for one in STREAM:
        await carry(await start(conn), [one])

    found = await counts(conn)
    assert found.pop("late") == 1
    assert found == EXPECTED


async def test_a_batch_delivered_again_counts_as_repeated_and_nothing_else(conn: AsyncConnection) -> None:
    live = await start(conn)
    await carry(live, STREAM)

    await carry(live, STREAM, redelivered=True)
    await carry(await start(conn), STREAM, redelivered=True)

    assert await counts(conn) == {**EXPECTED, "repeated": 12}


async def test_what_was_never_committed_counts_when_it_is_delivered_again(conn: AsyncConnection) -> None:
    await carry(await start(conn), STREAM, redelivered=True)

    assert await counts(conn) == EXPECTED


async def test_a_message_sent_twice_in_one_batch_is_repeated_once(conn: AsyncConnection) -> None:
    await carry(await start(conn), [message(-10, {"tilt_deg": 1})] * 3)

    assert await counts(conn) == {"repeated": 2}


async def test_a_clock_that_was_never_set_is_counted_and_its_message_is_stored_once(conn: AsyncConnection) -> None:
    live = await start(conn)
    unset = message(-NOW_MS / 1000, {"tilt_deg": 1})

    await carry(live, [unset])
    for redelivered in (False, True):
        batch = Batch(messages=[RawMessage(unset.topic, unset.payload, None, redelivered)], connection=1, backlog=0)
        await ingestor.carry(batch, live, NOW + timedelta(seconds=9))

    stored = await (await conn.execute("SELECT ts FROM reading")).fetchall()
    assert stored == [(NOW,)]
    assert await counts(conn) == {"clock": 1, "repeated": 2}


async def test_good_devices_write_nothing(conn: AsyncConnection) -> None:
    await carry(await start(conn), [message(second, {"temperature_degc": 10}) for second in (-30, -20, -10)])

    assert await (await conn.execute("SELECT count(*) FROM device_quality")).fetchone() == (0,)


async def test_a_failed_transaction_counts_nothing_and_remembers_nothing(conn: AsyncConnection) -> None:
    live = await start(conn)
    await conn.execute("ALTER TABLE dead_letter ADD CONSTRAINT broken CHECK (false) NOT VALID")
    with pytest.raises(psycopg.errors.CheckViolation):
        await carry(live, STREAM)
    await conn.execute("ALTER TABLE dead_letter DROP CONSTRAINT broken")

    await carry(live, STREAM)

    assert await counts(conn) == EXPECTED
