"""What is too old goes, in whole chunks, and what was counted of it stays counted."""

from collections.abc import AsyncIterator
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection

from core.errors import InvalidInput
from storage import retention, rollups
from storage.retention import Enforced, Keep

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEEP = Keep(readings=30, minutes=7, fine=90, events=30, arrivals=30, dead_letters=30)
INSERT = """
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
VALUES (%(ts)s, 1, 0, %(received_at)s, 0, 0, 0, '{1,2}')
"""
DEAD_LETTER = """
INSERT INTO dead_letter (digest, topic, reason, detail, payload, truncated, first_seen, last_seen, seen)
VALUES (%(digest)s, 't', 'malformed', '', '', false, %(seen)s, %(seen)s, 1)
"""
EVENT = """
INSERT INTO event (ts, device_id, kind, seq, received_at, quality, origin, unit_grid_id, detail)
VALUES (%(ts)s, 1, 'vehicle', 0, %(ts)s, 0, 0, 0, '{}')
"""
KEPT_READINGS = "SELECT ts FROM reading ORDER BY ts"
KEPT_FINE = "SELECT bucket FROM reading_5m ORDER BY bucket"
KEPT_COARSE = "SELECT bucket, messages FROM reading_1h ORDER BY bucket"


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database) as connection:
        yield connection


async def store(conn: AsyncConnection, *ages_days: float) -> list[datetime]:
    """Store one reading a given age, on the hour, oldest first; gives their times."""
    times = [NOW - timedelta(days=age) for age in sorted(ages_days, reverse=True)]
    for ts in times:
        await conn.execute(INSERT, {"ts": ts, "received_at": ts})
    await conn.commit()
    return times


async def kept(conn: AsyncConnection, query: str) -> list[datetime]:
    return [row[0] for row in await (await conn.execute(query)).fetchall()]


async def test_readings_go_after_their_time_and_rollups_three_times_later(conn: AsyncConnection) -> None:
    oldest, older, old, fresh = await store(conn, 200, 50, 32, 1)

    done = await retention.enforce(conn, KEEP, NOW)

    assert await kept(conn, KEPT_READINGS) == [fresh]
    assert await kept(conn, KEPT_FINE) == [older, old, fresh]
    assert await kept(conn, KEPT_COARSE) == [oldest, older, old, fresh]
    assert done == Enforced(
        reading_chunks=3, event_chunks=0, rollup_chunks=1, minutes=3, quality_days=0, dead_letters=0
    )


async def test_each_level_of_rollups_has_its_own_time(conn: AsyncConnection) -> None:
    (old, _, _) = await store(conn, 800, 400, 1)
    await retention.enforce(conn, replace(KEEP, hours=500), NOW)

    keeps = dict(await (await conn.execute("SELECT level, keeps_from > %s FROM rollup_level", (old,))).fetchall())

    assert keeps == {"raw": True, "1m": False, "5m": True, "1h": True, "1d": False}


async def test_minutes_are_kept_for_a_week(conn: AsyncConnection) -> None:
    for age in (10, 1):
        for n in range(20):
            ts = NOW - timedelta(days=age) + timedelta(seconds=n)
            await conn.execute(INSERT, {"ts": ts, "received_at": ts})
    await rollups.refresh(conn, NOW)

    await retention.enforce(conn, KEEP, NOW)

    days = await (await conn.execute("SELECT DISTINCT bucket::date FROM reading_1m")).fetchall()
    assert days == [((NOW - timedelta(days=1)).date(),)]


@pytest.mark.parametrize("wrong", [{"fine": 29}, {"fine": 90, "hours": 89}, {"hours": 0, "days": 10_000}])
def test_a_level_may_not_go_before_the_one_it_is_made_from(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        replace(KEEP, **wrong)


async def test_a_chunk_stays_while_any_of_its_readings_must(conn: AsyncConnection) -> None:
    times = await store(conn, 30.1)

    await retention.enforce(conn, KEEP, NOW)

    assert await kept(conn, KEPT_READINGS) == times


async def test_enforcing_twice_drops_nothing_more(conn: AsyncConnection) -> None:
    await store(conn, 50, 1)
    await retention.enforce(conn, KEEP, NOW)

    again = await retention.enforce(conn, KEEP, NOW)

    assert set(astuple(again)) == {0}


async def test_a_reading_later_than_its_chunk_was_dropped_does_not_spoil_the_rollup(conn: AsyncConnection) -> None:
    (old,) = await store(conn, 50)
    await retention.enforce(conn, KEEP, NOW)
    await conn.execute(INSERT, {"ts": old, "received_at": NOW})

    await rollups.refresh(conn, NOW)

    assert await (await conn.execute(KEPT_COARSE)).fetchall() == [(old, 1)]


async def test_dead_letters_go_when_they_were_last_seen_long_ago(conn: AsyncConnection) -> None:
    await conn.execute(DEAD_LETTER, {"digest": b"old", "seen": NOW - timedelta(days=31)})
    await conn.execute(DEAD_LETTER, {"digest": b"new", "seen": NOW - timedelta(days=29)})

    done = await retention.enforce(conn, KEEP, NOW)

    assert done.dead_letters == 1


async def test_events_and_counts_of_doubts_go_with_the_readings(conn: AsyncConnection) -> None:
    for age_days in (50, 1):
        at = NOW - timedelta(days=age_days)
        await conn.execute(EVENT, {"ts": at})
        await conn.execute("INSERT INTO device_quality (device_id, day, late) VALUES (1, %s, 1)", (at,))

    done = await retention.enforce(conn, KEEP, NOW)

    assert (done.event_chunks, done.quality_days) == (1, 1)
    assert await kept(conn, "SELECT ts FROM event") == [NOW - timedelta(days=1)]
    assert await kept(conn, "SELECT day::timestamptz FROM device_quality") == [datetime(2026, 11, 21, tzinfo=UTC)]


async def test_a_writer_may_enforce_and_a_reader_may_not(conn: AsyncConnection, database: str) -> None:
    await store(conn, 50)
    async with await AsyncConnection.connect(database, options="-c role=citygrid_writer") as writer:
        done = await retention.enforce(writer, KEEP, NOW)
    async with await AsyncConnection.connect(database, options="-c role=citygrid_reader") as reader:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.execute(retention.DROP_READINGS, {"cutoff": NOW})

    assert done.reading_chunks == 1
