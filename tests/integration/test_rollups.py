"""The roll-ups say what the readings say: compared with brute force over random, late, repeated and concurrent data."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection

from storage import levels, rollup_sql, rollups
from storage.levels import Level
from storage.rollups import Refreshed
from tests import rollup_brute_force as brute
from tests.rollup_brute_force import INSERT, STORED, Cell

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5) + rollups.GRACE
IN_THE_END = NOW + timedelta(days=2)


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database, options="-c timezone=Asia/Shanghai") as connection:
        await brute.register(connection)
        yield connection


def random_readings(rng: random.Random, count: int, days: float) -> list[tuple[object, ...]]:
    return brute.random_readings(rng, NOW, count, timedelta(days=days))


async def refresh_all(conn: AsyncConnection, limit: int = rollups.BITE, now: datetime = LATER) -> list[Refreshed]:
    done: list[Refreshed] = []
    while not done or done[-1].more:
        done.append(await rollups.refresh(conn, now, limit=limit))
        await conn.commit()
    return done


async def store(conn: AsyncConnection, rows: list[tuple[object, ...]], batch: int) -> None:
    for start in range(0, len(rows), batch):
        await brute.store(conn, rows[start : start + batch])


async def assert_all_levels_equal_brute_force(conn: AsyncConnection) -> None:
    stored = await (await conn.execute(STORED)).fetchall()
    for level in (Level.FINE, Level.HOUR, Level.DAY):
        expected = brute.cells(stored, level)
        assert await brute.rolled(conn, level) == expected
        assert await brute.classed(conn, level) == brute.merged(expected)
    kept = brute.busy(stored, rollup_sql.CHATTY)
    minutes = {
        key: cell
        for key, cell in brute.cells(stored, Level.MINUTE).items()
        if (key[0], levels.floor(Level.FINE, key[1], brute.ZONE)) in kept
    }
    assert await brute.rolled(conn, Level.MINUTE) == minutes


@pytest.mark.parametrize("seed", range(4))
async def test_every_level_equals_brute_force_whatever_arrives_late_twice_or_in_pieces(
    conn: AsyncConnection, seed: int
) -> None:
    rng = random.Random(seed)
    await store(conn, random_readings(rng, 400, days=0.2), batch=50)
    await refresh_all(conn)
    late = random_readings(rng, 200, days=9)

    await store(conn, late + late[:50] + random_readings(rng, 200, days=0.1), batch=30)
    await refresh_all(conn, limit=rng.randrange(5, 50))
    await store(conn, random_readings(rng, 100, days=3), batch=30)
    await refresh_all(conn, now=IN_THE_END)

    await assert_all_levels_equal_brute_force(conn)


async def test_days_begin_at_midnight_of_the_city(conn: AsyncConnection) -> None:
    midnight = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
    before = (midnight - timedelta(microseconds=1), 1, 0, NOW, 0, [1.0])
    at = (midnight, 1, 0, NOW, 0, [2.0])

    await store(conn, [before, at], batch=2)
    await refresh_all(conn, now=IN_THE_END)

    days = await (await conn.execute("SELECT bucket, sums FROM reading_1d ORDER BY bucket")).fetchall()
    assert days == [(midnight - timedelta(days=1), [1.0]), (midnight, [2.0])]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns", "UTC"])
async def test_days_are_made_anew_when_the_city_s_time_zone_is_changed(conn: AsyncConnection, zone: str) -> None:
    rows = [(NOW - timedelta(hours=hours), 1, 0, NOW, 0, [1.0]) for hours in range(60)]
    await store(conn, rows, batch=60)
    await refresh_all(conn, now=IN_THE_END)

    done = Refreshed(marks=0, buckets=0, rows=0, more=True)
    while done.more:
        done = await rollups.refresh(conn, IN_THE_END, zone=zone)

    expected = await (
        await conn.execute(
            "SELECT date_trunc('day', ts, %(zone)s), count(*)::int FROM reading GROUP BY 1 ORDER BY 1", {"zone": zone}
        )
    ).fetchall()
    found = await (await conn.execute("SELECT bucket, messages FROM reading_1d ORDER BY bucket")).fetchall()
    assert found == expected


async def test_an_hour_is_computed_when_it_has_ended(conn: AsyncConnection) -> None:
    await store(conn, [(NOW, 1, 0, NOW, 0, [1.0])], batch=1)
    await refresh_all(conn)
    early = await brute.rolled(conn, Level.HOUR)

    await refresh_all(conn, now=NOW + timedelta(hours=1) + rollups.GRACE)

    assert early == {}
    assert await brute.rolled(conn, Level.HOUR) == {(1, NOW, 1): Cell(1, 1.0, 1.0, 1.0, 1.0)}


async def test_a_late_reading_shortens_how_long_the_one_before_it_held(conn: AsyncConnection) -> None:
    def lamp(minute: int, value: float) -> tuple[object, ...]:
        return (NOW + timedelta(minutes=minute), 2, 0, NOW, 0, [0.0, value])

    await store(conn, [lamp(4, 1.0), lamp(6, 0.0)], batch=2)
    await refresh_all(conn, now=IN_THE_END)

    await store(conn, [lamp(5, 7.0)], batch=1)
    await refresh_all(conn, now=IN_THE_END)

    fine = await brute.rolled(conn, Level.FINE)
    second = fine[2, NOW + timedelta(minutes=5), 2]
    assert (second.area, second.held_s) == (1.0 * 60 + 7.0 * 60, 120.0)


async def test_quiet_devices_have_no_minutes(conn: AsyncConnection) -> None:
    for device, messages in ((1, rollup_sql.CHATTY), (3, rollup_sql.CHATTY - 1)):
        rows = [(NOW + timedelta(seconds=n), device, 0, NOW, 0, [1.0]) for n in range(messages)]
        await store(conn, rows, batch=messages)

    await refresh_all(conn)

    assert {device for device, _, _ in await brute.rolled(conn, Level.MINUTE)} == {1}


async def test_a_second_refresh_finds_nothing_to_do(conn: AsyncConnection) -> None:
    await store(conn, random_readings(random.Random(1), 100, days=1), batch=100)
    await refresh_all(conn)
    before = await brute.rolled(conn, Level.FINE)

    again = await rollups.refresh(conn, LATER)

    assert again == Refreshed(marks=0, buckets=0, rows=0, more=False)
    assert await brute.rolled(conn, Level.FINE) == before


async def test_a_refresh_that_dies_before_its_commit_is_done_again(conn: AsyncConnection) -> None:
    await store(conn, random_readings(random.Random(2), 100, days=1), batch=100)
    await rollups.refresh(conn, LATER)
    await conn.rollback()

    await refresh_all(conn)

    stored = await (await conn.execute(STORED)).fetchall()
    assert await brute.rolled(conn, Level.FINE) == brute.cells(stored, Level.FINE)
    minutes = await (await conn.execute("SELECT sum(messages) FROM ingest_1m")).fetchone()
    assert minutes == (len(stored),)


async def test_a_late_reading_touches_its_own_device_and_bucket_only(conn: AsyncConnection) -> None:
    await store(conn, random_readings(random.Random(3), 300, days=1), batch=300)
    await refresh_all(conn)
    late = (NOW - timedelta(days=2, hours=7), 5, 9, NOW, 1, [1.0, 2.0, 3.0])

    await store(conn, [late], batch=1)
    done = await refresh_all(conn)

    assert done == [Refreshed(marks=1, buckets=1, rows=3, more=False)]


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

    assert await brute.rolled(conn, Level.FINE) == {(1, NOW, 1): Cell(2, 1.0, 5.0, 6.0, 5.0)}


async def test_a_bucket_is_computed_once_however_many_batches_touched_it(conn: AsyncConnection) -> None:
    await store(conn, [(NOW + timedelta(seconds=n), n % 3, 0, NOW, 0, [1.0]) for n in range(30)], batch=1)

    done = await refresh_all(conn, limit=1)

    assert done == [
        Refreshed(marks=30, buckets=1, rows=3, more=True),
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

    await refresh_all(conn, now=IN_THE_END)

    assert await brute.rolled(conn, Level.HOUR) == {
        (7, NOW, 1): Cell(1, 1.5, 1.5, 1.5, 1.5),
        (7, NOW, 2): Cell(0, None, None, 0.0, None),
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

    assert done == Refreshed(marks=1, buckets=1, rows=1, more=False)


async def test_a_reader_may_not_refresh(database: str) -> None:
    async with await AsyncConnection.connect(database, options="-c role=citygrid_reader") as reader:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await rollups.refresh(reader, LATER)
