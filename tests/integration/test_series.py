"""A channel over time is what the readings say, from whatever levels it was put together: laws over random streams."""

import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from storage import levels, readings, rollups, series
from storage.levels import Level
from storage.queries import aggregate
from tests import rollup_brute_force as brute
from tests.builders import START_US, fleet, frame
from tests.rollup_brute_force import STORED, ZONE, Cell, Row

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EMPTY = """
TRUNCATE reading, reading_1m, reading_5m, reading_1h, reading_1d, class_5m, class_1h, class_1d, rollup_queue,
         rollup_coarse_queue, ingest_1m;
UPDATE rollup_level SET rolled_to = '1970-01-01T00:00:00Z'
"""
STREAMS = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""Not shrunk: a seed says all there is to say of a stream."""


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database, options="-c timezone=UTC") as connection:
        await brute.register(connection)
        yield connection


async def fill(conn: AsyncConnection, rng: random.Random, last: timedelta) -> list[Row]:
    """Store, roll up to some moment, store late and new ones, roll up to a later one; gives what stands there then."""
    await conn.execute(EMPTY)
    span = timedelta(hours=rng.choice((1, 30, 100)))
    await brute.store(conn, brute.random_readings(rng, NOW, 150, span))
    await refresh(conn, NOW - last - span * rng.random())
    await brute.store(conn, brute.random_readings(rng, NOW, 50, span))
    await refresh(conn, NOW - last)
    return await (await conn.execute(STORED)).fetchall()


async def refresh(conn: AsyncConnection, now: datetime) -> None:
    while (await rollups.refresh(conn, now)).more:
        pass
    await conn.commit()


def expected(stored: list[Row], question: series.Question, width_s: int) -> list[tuple[object, ...]]:
    """Put the readings of a span into buckets, one by one."""
    device = [row for row in stored if row[0] == question.device_id]
    cells: dict[int, Cell] = {}
    for (_, ts, position), cell in brute.cells(device, Level.RAW).items():
        if position == question.position and question.start <= ts < question.end:
            into = cells.setdefault(bucket_ms(ts, width_s), Cell())
            merge(into, cell)
    is_weighted = brute.profile_of(question.device_id) == "state" and question.position in brute.HELD
    return [
        (at, cell.low, brute.close(cell.mean(is_weighted=is_weighted)), cell.high, cell.count)
        for at, cell in sorted(cells.items())
        if cell.count
    ]


def bucket_ms(ts: datetime, width_s: int) -> int:
    if width_s >= levels.DAY_S:
        return int(levels.floor(Level.DAY, ts, ZONE).timestamp() * 1000)
    return int(ts.timestamp() // width_s) * width_s * 1000


def merge(into: Cell, cell: Cell) -> None:
    into.low = min(low for low in (into.low, cell.low) if low is not None) if cell.count else into.low
    into.high = max(high for high in (into.high, cell.high) if high is not None) if cell.count else into.high
    into.count += cell.count
    into.total += cell.total
    into.area += cell.area
    into.held_s += cell.held_s


def spans(rng: random.Random) -> Iterator[tuple[datetime, datetime, int]]:
    """Ragged and whole spans, each with a number of points that asks for another level."""
    for hours, points in ((1, 5000), (1, 70), (8, 500), (8, 100), (30, 300), (30, 40), (100, 110), (100, 7)):
        start = NOW - timedelta(hours=hours) * rng.random() - timedelta(microseconds=rng.randrange(2))
        yield start, start + timedelta(hours=hours), points


@STREAMS
@given(seed=st.integers(0, 2**32))
async def test_a_series_is_what_the_readings_say_whatever_is_rolled_up(conn: AsyncConnection, seed: int) -> None:
    rng = random.Random(seed)
    stored = await fill(conn, rng, last=timedelta(hours=rng.choice((-30, 0, 1, 20)) * rng.random()))

    for start, end, points in spans(rng):
        device, position = rng.randrange(1, 6), rng.randrange(1, 5)
        question = series.Question(device_id=device, position=position, start=start, end=end, points=points)
        answer = await series.answer(conn, question)

        assert answer.points == expected(stored, question, answer.bucket_s)
    await conn.rollback()


@STREAMS
@given(seed=st.integers(0, 2**32))
async def test_a_class_is_its_devices_together(conn: AsyncConnection, seed: int) -> None:
    rng = random.Random(seed)
    stored = await fill(conn, rng, last=timedelta(hours=rng.choice((-30, 0, 20)) * rng.random()))
    width_s, hours = rng.choice(((300, 8), (1800, 24), (3600, 48), (86_400, 96)))
    start, end = whole(NOW - timedelta(hours=hours), width_s), whole(NOW, width_s)
    profile, position = rng.choice(("test", "state")), rng.randrange(1, 5)

    answer = await aggregate.answer(
        conn,
        aggregate.Question(
            channel=f"channel_{position}",
            filters={"profile": profile, "class_code": "", "district_code": None},
            start=start,
            end=end,
            width_s=width_s,
        ),
    )

    assert answer is not None
    assert answer.points == of_class(stored, profile, position, (start, answer.complete_to), width_s)
    await conn.rollback()


def whole(ts: datetime, width_s: int) -> datetime:
    return datetime.fromtimestamp(bucket_ms(ts, width_s) / 1000, UTC)


def of_class(
    stored: list[Row], profile: str, position: int, span: tuple[datetime, datetime], width_s: int
) -> list[tuple[object, ...]]:
    together: dict[int, Cell] = {}
    for (device, ts, at), cell in brute.cells(stored, Level.RAW).items():
        is_of_class = device in brute.INTERVAL_S and brute.profile_of(device) == profile
        if is_of_class and at == position and span[0] <= ts < span[1]:
            merge(together.setdefault(bucket_ms(ts, width_s), Cell()), cell)
    is_weighted = profile == "state" and position in brute.HELD
    return [
        (at, cell.low, brute.close(cell.mean(is_weighted=is_weighted)), cell.high, cell.count)
        for at, cell in sorted(together.items())
        if cell.count
    ]


async def test_the_newest_reading_is_in_a_series_of_days(conn: AsyncConnection) -> None:
    await brute.store(conn, [(NOW - timedelta(days=day), 1, 0, NOW, 0, [float(day)]) for day in range(300)])
    await refresh(conn, NOW - timedelta(hours=1))

    question = series.Question(
        device_id=1, position=1, start=NOW - timedelta(days=300), end=NOW + timedelta(days=1), points=400
    )
    answer = await series.answer(conn, question)

    assert (answer.level, answer.bucket_s) == (Level.DAY, 86_400)
    assert [point[1] for point in answer.points] == [float(day) for day in reversed(range(300))]


async def test_a_reader_may_ask(conn: AsyncConnection, database: str) -> None:
    await brute.store(conn, [(NOW, 2, 0, NOW, 0, [1.0, 2.0])])
    async with await AsyncConnection.connect(database, options="-c role=citygrid_reader") as reader:
        question = series.Question(
            device_id=2, position=1, start=NOW - timedelta(hours=1), end=NOW + timedelta(hours=1), points=10
        )
        answer = await series.answer(reader, question)

    assert [point[1] for point in answer.points] == [1.0]


async def test_rows_stored_by_others_are_marked_and_the_writer_s_are_not_marked_twice(
    conn: AsyncConnection, database: str
) -> None:
    async with await AsyncConnection.connect(database) as writer:
        await readings.prepare(writer)
        rows = frame("test", [(slot, 0, {"channel_1": 1.0}) for slot in range(5)])
        await readings.insert_new(writer, [rows], fleet("test", 5), START_US)
        await readings.insert_new(writer, [rows], fleet("test", 5), START_US)
        await writer.commit()
    await brute.store(conn, [(NOW, 2, 0, NOW, 0, [1.0])])

    marks = await (await conn.execute("SELECT device_ids, messages FROM rollup_queue ORDER BY bucket")).fetchall()
    assert marks == [([2], 1), ([1, 2, 3, 4, 5], 5)]
