"""The roll-ups say what the readings say: compared with brute force over random, late, repeated and concurrent data."""

import math
import random
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection

from storage import rollups
from storage.rollups import Refreshed

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
CHANNELS = """
INSERT INTO profile_channel (profile, position, channel, unit, name_zh, name_en)
SELECT 'test', n, 'channel_' || n, '1', '', '' FROM generate_series(1, 4) AS n
"""
INSERT = """
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
VALUES (%s, %s, %s, %s, %s, 1, 0, %s) ON CONFLICT DO NOTHING
"""
STORED = 'SELECT device_id, ts, seq, "values" FROM reading'
ROLLED = {
    timedelta(minutes=5): "SELECT device_id, bucket, messages, counts, mins, maxs, sums, lasts FROM reading_5m",
    timedelta(hours=1): "SELECT device_id, bucket, messages, counts, mins, maxs, sums, lasts FROM reading_1h",
}

Key = tuple[int, datetime, int]


@dataclass(frozen=True, slots=True)
class Cell:
    """One device, bucket and channel."""

    messages: int
    count: int
    low: float | None
    high: float | None
    total: float
    last: float | None


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database, options="-c timezone=Asia/Shanghai") as connection:
        await connection.execute(CHANNELS)
        await connection.commit()
        yield connection


def random_readings(rng: random.Random, count: int, days: float) -> list[tuple[object, ...]]:
    """Readings of twenty devices with two to four channels, some not measured, some instants shared."""
    rows: list[tuple[object, ...]] = []
    for _ in range(count):
        device = rng.randrange(1, 21)
        ts = NOW - timedelta(seconds=rng.randrange(int(days * 86_400)))
        values = [None if rng.random() < 0.2 else round(rng.gauss(20, 5), 3) for _ in range(2 + device % 3)]
        rows.append((ts, device, rng.randrange(3), NOW, 1 if rng.random() < 0.1 else 0, values))
    return rows


def floor(ts: datetime, width: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (ts - epoch) // width * width


def brute_force(stored: Iterable[tuple[int, datetime, int, list[float | None]]], width: timedelta) -> dict[Key, Cell]:
    grouped: dict[Key, list[float | None]] = {}
    for device, ts, _, values in sorted(stored, key=lambda row: (row[1], row[2])):
        for position, value in enumerate(values):
            grouped.setdefault((device, floor(ts, width), position), []).append(value)
    cells: dict[Key, Cell] = {}
    for key, values in grouped.items():
        known = [value for value in values if value is not None]
        cells[key] = Cell(
            len(values),
            len(known),
            min(known, default=None),
            max(known, default=None),
            math.fsum(known),
            known[-1] if known else None,
        )
    return cells


async def rolled_up(conn: AsyncConnection, width: timedelta) -> dict[Key, Cell]:
    cells: dict[Key, Cell] = {}
    for device, bucket, messages, *arrays in await (await conn.execute(ROLLED[width])).fetchall():
        for position, (count, low, high, total, last) in enumerate(zip(*arrays, strict=True)):
            cells[device, bucket, position] = Cell(messages, count, low, high, pytest.approx(total, abs=1e-6), last)
    return cells


async def refresh_all(conn: AsyncConnection, limit: int = rollups.BITE) -> list[Refreshed]:
    done: list[Refreshed] = []
    while not done or done[-1].more:
        done.append(await rollups.refresh(conn, LATER, limit=limit))
        await conn.commit()
    return done


async def store(conn: AsyncConnection, rows: list[tuple[object, ...]], batch: int) -> None:
    for start in range(0, len(rows), batch):
        async with conn.cursor() as cursor:
            await cursor.executemany(INSERT, rows[start : start + batch])
        await conn.commit()


@pytest.mark.parametrize("seed", range(4))
async def test_rollups_equal_brute_force_whatever_arrives_late_twice_or_in_pieces(
    conn: AsyncConnection, seed: int
) -> None:
    rng = random.Random(seed)
    await store(conn, random_readings(rng, 400, days=0.2), batch=50)
    await refresh_all(conn)
    late = random_readings(rng, 200, days=9)

    await store(conn, late + late[:50] + random_readings(rng, 200, days=0.1), batch=30)
    await refresh_all(conn, limit=rng.randrange(5, 50))

    stored = await (await conn.execute(STORED)).fetchall()
    for width in ROLLED:
        assert await rolled_up(conn, width) == brute_force(stored, width)


async def test_a_second_refresh_finds_nothing_to_do(conn: AsyncConnection) -> None:
    await store(conn, random_readings(random.Random(1), 100, days=1), batch=100)
    await refresh_all(conn)
    before = await rolled_up(conn, timedelta(minutes=5))

    again = await rollups.refresh(conn, LATER)

    assert again == Refreshed(marks=0, buckets=0, rows=0, more=False)
    assert await rolled_up(conn, timedelta(minutes=5)) == before


async def test_a_refresh_that_dies_before_its_commit_is_done_again(conn: AsyncConnection) -> None:
    await store(conn, random_readings(random.Random(2), 100, days=1), batch=100)
    await rollups.refresh(conn, LATER)
    await conn.rollback()

    await refresh_all(conn)

    stored = await (await conn.execute(STORED)).fetchall()
    assert await rolled_up(conn, timedelta(minutes=5)) == brute_force(stored, timedelta(minutes=5))
    minutes = await (await conn.execute("SELECT sum(messages) FROM ingest_1m")).fetchone()
    assert minutes == (len(stored),)


async def test_a_late_reading_touches_its_own_device_and_bucket_only(conn: AsyncConnection) -> None:
    await store(conn, random_readings(random.Random(3), 300, days=1), batch=300)
    await refresh_all(conn)
    late = (NOW - timedelta(hours=7), 5, 9, NOW, 1, [1.0, 2.0, 3.0])

    await store(conn, [late], batch=1)
    done = await refresh_all(conn)

    assert done == [Refreshed(marks=1, buckets=1, rows=2, more=False)]


async def test_a_redelivered_reading_leaves_no_mark(conn: AsyncConnection) -> None:
    rows = random_readings(random.Random(4), 50, days=1)
    await store(conn, rows, batch=50)
    await refresh_all(conn)

    await store(conn, rows, batch=50)

    assert (await (await conn.execute("SELECT count(*) FROM rollup_queue")).fetchone()) == (0,)


async def test_readings_committed_while_a_refresh_runs_are_in_the_next_one(
    conn: AsyncConnection, database: str
) -> None:
    early, tardy = (NOW, 1, 0, NOW, 0, [1.0]), (NOW, 1, 1, NOW, 0, [5.0])
    await store(conn, [early], batch=1)
    async with await AsyncConnection.connect(database) as other:
        await other.execute(INSERT, tardy)
        await refresh_all(conn)
        await other.commit()

    await refresh_all(conn)

    cells = await rolled_up(conn, timedelta(minutes=5))
    assert cells == {(1, NOW, 0): Cell(2, 2, 1.0, 5.0, 6.0, 5.0)}


async def test_a_bucket_is_computed_once_however_many_batches_touched_it(conn: AsyncConnection) -> None:
    await store(conn, [(NOW + timedelta(seconds=n), n % 3, 0, NOW, 0, [1.0]) for n in range(30)], batch=1)

    done = await refresh_all(conn, limit=1)

    assert done == [
        Refreshed(marks=30, buckets=1, rows=6, more=True),
        Refreshed(marks=0, buckets=0, rows=0, more=False),
    ]


async def test_only_one_refresher_works_at_a_time(conn: AsyncConnection, database: str) -> None:
    await store(conn, [(NOW, 1, 0, NOW, 0, [1.0])], batch=1)
    async with await AsyncConnection.connect(database) as other:
        await rollups.refresh(other, LATER)

        blocked = await rollups.refresh(conn, LATER)

    assert blocked == Refreshed(marks=0, buckets=0, rows=0, more=False)


async def test_copied_readings_are_rolled_up_too(conn: AsyncConnection) -> None:
    async with conn.cursor() as cursor, cursor.copy("COPY reading FROM STDIN") as copy:
        await copy.write_row((NOW, 7, 0, NOW, 0, 0, 0, [1.5, None]))
    await conn.commit()

    await refresh_all(conn)

    assert await rolled_up(conn, timedelta(hours=1)) == {
        (7, NOW, 0): Cell(1, 1, 1.5, 1.5, 1.5, 1.5),
        (7, NOW, 1): Cell(1, 0, None, None, 0.0, None),
    }


async def test_minutes_count_messages_lateness_and_lag(conn: AsyncConnection) -> None:
    arrived = NOW + timedelta(seconds=30)
    on_time = (NOW, 1, 0, arrived, 0, [1.0])
    slower = (NOW - timedelta(seconds=30), 2, 0, arrived, 0, [1.0])
    late = (NOW - timedelta(days=1), 3, 0, arrived, 1, [1.0])
    await store(conn, [on_time, slower, late], batch=1)

    await refresh_all(conn)

    minutes = await (
        await conn.execute("SELECT minute, messages, late, lag_sum_s, lag_max_s FROM ingest_1m")
    ).fetchall()
    assert minutes == [(NOW, 3, 1, 90.0, 60.0)]


async def test_a_bucket_waits_until_it_has_ended(conn: AsyncConnection) -> None:
    await store(conn, [(NOW, 1, 0, NOW, 0, [1.0])], batch=1)

    early = await rollups.refresh(conn, LATER - timedelta(seconds=1))

    assert early == Refreshed(marks=0, buckets=0, rows=0, more=False)


async def test_a_writer_may_refresh(conn: AsyncConnection, database: str) -> None:
    await store(conn, [(NOW, 1, 0, NOW, 0, [1.0])], batch=1)
    async with await AsyncConnection.connect(database, options="-c role=citygrid_writer") as writer:
        done = await rollups.refresh(writer, LATER)

    assert done == Refreshed(marks=1, buckets=1, rows=2, more=False)


async def test_a_reader_may_not_refresh(database: str) -> None:
    async with await AsyncConnection.connect(database, options="-c role=citygrid_reader") as reader:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await rollups.refresh(reader, LATER)
