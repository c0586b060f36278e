"""Questions to a hundred million readings, and what storing more among them costs; its databases are dropped again.

Run: python -m tests.bench queries. 5,000 devices, 1,000 of them of one class, report four channels each minute, one of
them averaged by time; 25 million messages are stored as ingest stores them and rolled up on the way. BENCH_ROWS=1000000
for less. Plans with timings go to build/plans/*.txt, figures to build/bench_queries.json; the run ends with 1 when a
goal was missed.
"""

import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from psycopg import AsyncConnection, Connection, conninfo
from psycopg.errors import Diagnostic

from core.fleet import Fleet
from core.frame import Frame
from storage import readings, rollups, series
from storage.migrate import migrate
from storage.pool import session_options
from storage.queries import aggregate
from tests.builders import fleet
from tests.conftest import Cluster, create_database, drop_database

ROWS = int(os.environ.get("BENCH_ROWS", "25000000"))
DEVICES, OF_CLASS, CHANNELS = 5_000, 1_000, 4
START = datetime(2026, 11, 16, tzinfo=UTC)
EVERY = timedelta(minutes=1)
SAMPLES = 60
INSERTS = 60
CLASS = "0103"
OUT, PLANS = Path("build/bench_queries.json"), Path("build/plans")

PROFILE = """
INSERT INTO profile_channel (profile, position, channel, unit, name_zh, name_en, average)
SELECT 'bench', n, 'channel_' || n, '1', '', '', CASE n WHEN 4 THEN 'time_weighted' ELSE 'arithmetic' END
FROM generate_series(1, 4) AS n
"""
COMPONENTS = """
INSERT INTO component_class VALUES
    ('c', '0103', '', '', '', '', 'point', '', '', '', '', ''),
    ('c', '0137', '', '', '', '', 'point', '', '', '', '', '');
INSERT INTO component (component_id, code, catalogue_id, class_code, district_code, name, state, data_source, geom)
SELECT n, lpad(n::text, 16, '0'), 'c', CASE n % 5 WHEN 0 THEN '0103' ELSE '0137' END, '13020' || 2 + n / 5 % 4, '',
       'intact', '', ST_SetSRID(ST_MakePoint(118.1, 39.6), 4326)
FROM generate_series(1, 5000) AS n;
INSERT INTO device (device_id, label, profile, component_id, district_code, state, interval_s, registered_at,
                    registered_by, geom)
SELECT component_id, 'dev-' || component_id, 'bench', component_id, district_code, 'in_service', 60, now(), '', geom
FROM component
"""
STATES = """
INSERT INTO device_state (device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values")
SELECT DISTINCT ON (device_id) device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values"
FROM reading WHERE ts >= %s ORDER BY device_id, ts DESC
"""
LATEST = """
SELECT d.label, s.ts, s.received_at, s.quality, s.origin, s."values"
FROM device AS d JOIN device_state AS s USING (device_id) WHERE d.device_id = ANY (%s)
"""
SIZES = """
SELECT pg_size_pretty(hypertable_size(t::regclass)),
       (SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = t)
FROM unnest(%s::text[]) AS t
"""
EXPLAIN = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_analyze = on;
SET auto_explain.log_buffers = on;
SET client_min_messages = log
"""

Ask = Callable[[AsyncConnection, random.Random], Awaitable[object]]


def main() -> int:
    """Measure, print and write the report; 1 when a goal was missed."""
    with ExitStack() as stack:
        full, empty = stack.enter_context(scratch()), stack.enter_context(scratch())
        report = asyncio.run(measure(full, empty))
    write(OUT, json.dumps(report, indent=1) + "\n")
    sys.stdout.write(json.dumps(report) + "\n")
    return int(not all(report["goals_met"].values()))


@contextmanager
def scratch() -> Iterator[str]:
    """Give the address of a fresh database with the benchmark's devices."""
    cluster = Cluster(os.environ["CITYGRID_TEST_DATABASE_URL"], "")
    name = create_database(cluster)
    address = conninfo.make_conninfo(cluster.database_url, dbname=name)
    try:
        migrate(address)
        with Connection.connect(address, autocommit=True) as conn:
            conn.execute(PROFILE)
            conn.execute(COMPONENTS)
        yield address
    finally:
        drop_database(cluster, name)


async def measure(full: str, empty: str) -> dict[str, Any]:
    devices = fleet("bench", DEVICES, interval_s=60)
    report: dict[str, Any] = {"messages": ROWS, "readings": ROWS * CHANNELS, "load_1m": os.getloadavg()[0]}
    async with await connect(full) as conn, await connect(full) as roller:
        loaded = await load(conn, roller, devices, report)
        report["size"] = {
            table: (await (await conn.execute(SIZES, ([table],))).fetchone())
            for table in ("reading", "reading_5m", "reading_1h", "class_5m")
        }
        for name, ask in questions(loaded).items():
            report[name] = await timed(name, ask, full)
        async with await connect(empty) as other:
            report |= await insert_ratio((conn, other), devices, loaded)
    report["goals_met"] = {
        "latest_of_5000": report["latest_of_5000"]["p95_ms"] < 50,
        "device_day": report["device_day"]["p95_ms"] < 20,
        "class_day": report["class_day"]["p95_ms"] < 100,
        "insert": report["insert_full_to_empty"] <= 1.2,
    }
    return report


async def connect(address: str) -> AsyncConnection:
    conn = await AsyncConnection.connect(address, options=session_options(""), autocommit=True)
    await readings.prepare(conn)
    return conn


async def load(conn: AsyncConnection, roller: AsyncConnection, devices: Fleet, report: dict[str, Any]) -> datetime:
    """Store the messages minute by minute while another connection rolls them up; gives the time they have come to."""
    rng = np.random.default_rng(1)
    now, started = START, time.perf_counter()
    rolling = asyncio.create_task(asyncio.sleep(0), name="roll")
    for batch in range(ROWS // DEVICES):
        now = START + (batch + 1) * EVERY
        await store(conn, frame(devices, now - EVERY, rng), devices, now)
        if rolling.done():
            await rolling
            rolling = asyncio.create_task(roll(roller, now + rollups.GRACE), name="roll")
        if batch % 500 == 499:
            sys.stderr.write(f"  {(batch + 1) * DEVICES:,} messages\n")
    stored_s = time.perf_counter() - started
    await rolling
    await roll(roller, now + rollups.GRACE)
    report |= {"stored_per_s": ROWS / stored_s, "rolled_up_per_s": ROWS / (time.perf_counter() - started)}
    await conn.execute(STATES, (now - EVERY,))
    await conn.execute("VACUUM ANALYZE")
    return now


def frame(devices: Fleet, start: datetime, rng: np.random.Generator) -> Frame:
    """One message of every device, spread over a minute, in order of time."""
    count = len(devices)
    at_us = np.sort(rng.integers(0, EVERY // timedelta(microseconds=1), count))
    return Frame(
        profile="bench",
        channels=tuple(f"channel_{n}" for n in range(1, CHANNELS + 1)),
        slot=rng.permutation(count).astype(np.int32),
        ts_us=int(start.timestamp()) * 1_000_000 + at_us,
        seq=np.zeros(count, dtype=np.int32),
        values=rng.normal(20, 5, (count, CHANNELS)).round(2),
        quality=np.zeros(count, dtype=np.int16),
        origin=np.ones(count, dtype=np.int8),
        unit_grid_id=np.zeros(count, dtype=np.int32),
        message=np.arange(count, dtype=np.int32),
    )


async def store(conn: AsyncConnection, rows: Frame, devices: Fleet, now: datetime) -> None:
    received_us = int(now.timestamp() * 1e6)
    async with conn.transaction():
        await readings.insert_new(conn, [rows], devices, received_us)


async def roll(conn: AsyncConnection, now: datetime) -> None:
    more = True
    while more:
        async with conn.transaction():
            more = (await rollups.refresh(conn, now)).more


def questions(until: datetime) -> dict[str, Ask]:
    """Give what is asked, each with other parameters every time."""

    def day(rng: random.Random) -> datetime:
        latest = max(until - timedelta(days=1), START)
        return START + (latest - START) * rng.random()

    async def latest(conn: AsyncConnection, rng: random.Random) -> object:
        ids = rng.sample(range(1, DEVICES + 1), DEVICES)
        return await (await conn.execute(LATEST, (ids,), binary=True)).fetchall()

    async def device_day(conn: AsyncConnection, rng: random.Random, points: int = 400) -> object:
        start = day(rng)
        question = series.Question(
            device_id=rng.randrange(1, DEVICES + 1),
            position=rng.randrange(1, CHANNELS + 1),
            start=start,
            end=start + timedelta(days=1),
            points=points,
        )
        return await series.answer(conn, question)

    async def device_day_in_minutes(conn: AsyncConnection, rng: random.Random) -> object:
        return await device_day(conn, rng, points=1500)

    async def class_day(conn: AsyncConnection, rng: random.Random) -> object:
        start = datetime.fromtimestamp(day(rng).timestamp() // 300 * 300, UTC)
        question = aggregate.Question(
            channel=f"channel_{rng.randrange(1, CHANNELS + 1)}",
            filters={"class_code": CLASS, "profile": None, "district_code": None},
            start=start,
            end=start + timedelta(days=1),
            width_s=300,
        )
        return await aggregate.answer(conn, question)

    return {
        "latest_of_5000": latest,
        "device_day": device_day,
        "device_day_in_minutes": device_day_in_minutes,
        "class_day": class_day,
    }


async def timed(name: str, ask: Ask, address: str) -> dict[str, float]:
    """Ask on a connection of a reader, then once more with the plan kept."""
    rng = random.Random(name)
    took: list[float] = []
    async with await AsyncConnection.connect(address, options=session_options(""), autocommit=True) as conn:
        for _ in range(SAMPLES):
            started = time.perf_counter()
            await ask(conn, rng)
            took.append((time.perf_counter() - started) * 1000)
        await keep_plan(name, ask, conn, rng)
    return {"first_ms": took[0], "p50_ms": statistics.median(took), "p95_ms": statistics.quantiles(took, n=20)[18]}


async def keep_plan(name: str, ask: Ask, conn: AsyncConnection, rng: random.Random) -> None:
    plans: list[str] = []

    def keep(notice: Diagnostic) -> None:
        plans.append(notice.message_primary or "")

    await conn.execute(EXPLAIN)
    conn.add_notice_handler(keep)
    await ask(conn, rng)
    write(PLANS / f"{name}.txt", "\n\n".join(plans) + "\n")


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


async def insert_ratio(pair: Sequence[AsyncConnection], devices: Fleet, until: datetime) -> dict[str, float]:
    """Store batches into the full and the empty database in turn, so that both meet the same machine."""
    rng = np.random.default_rng(2)
    took: tuple[list[float], list[float]] = ([], [])
    for batch in range(INSERTS):
        rows, now = frame(devices, until + batch * EVERY, rng), until + (batch + 1) * EVERY
        for seconds, conn in zip(took, pair, strict=True):
            started = time.perf_counter()
            await store(conn, rows, devices, now)
            seconds.append(time.perf_counter() - started)
    full, empty = (statistics.median(seconds[5:]) for seconds in took)
    return {
        "insert_full_ms": full * 1000,
        "insert_empty_ms": empty * 1000,
        "insert_full_to_empty": full / empty,
    }


if __name__ == "__main__":
    sys.exit(main())
