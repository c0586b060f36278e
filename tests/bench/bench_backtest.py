"""How fast a back-test goes through stored readings: times real time at 1,000 readings/s, and against reading alone.

Run: python -m tests.bench backtest. Ten minutes of 10,000 devices that report every ten seconds, in a database of its
own; the default rule book, of which every rule of the profile applies. Wall clock; the figures go to
build/bench_backtest.json.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
from psycopg import AsyncConnection, conninfo

from alerts import rulebook
from core.frame import Frame
from devices.profile import shipped
from devices.service import publish_profiles
from runtime.backtest import run
from runtime.backtest.run import Request
from storage import history, readings
from storage.migrate import migrate
from storage.pool import session_options
from tests.builders import fleet
from tests.conftest import Cluster, create_database, drop_database

START = datetime(2026, 11, 22, tzinfo=UTC)
PROFILE = "manhole_cover"
DEVICES, PER_S = 10_000, 1_000
SECONDS = int(os.environ.get("CITYGRID_BENCH_SECONDS", "600"))
CHANNELS = tuple(channel.name for channel in shipped()[PROFILE].channels)
HEALTHY = {"battery_pct": 90.0, "o2_pct": 20.5}
FLEET = fleet(PROFILE, DEVICES)
LEAST = 100
"""Times real time a back-test must reach."""
REGISTER = """
INSERT INTO device (device_id, label, profile, district_code, state, interval_s, registered_at, registered_by, geom)
SELECT n, 'dev-' || n, 'manhole_cover', '130203', 'in_service', 10, %s, '',
       ST_SetSRID(ST_MakePoint(118.1, 39.6), 4326)
FROM generate_series(1, 10000) AS n
"""


@contextmanager
def scratch() -> Generator[str]:
    cluster = Cluster(os.environ["CITYGRID_TEST_DATABASE_URL"], "")
    name = create_database(cluster)
    address = conninfo.make_conninfo(cluster.database_url, dbname=name)
    try:
        migrate(address)
        yield address
    finally:
        drop_database(cluster, name)


def batch(second: int, rng: np.random.Generator) -> Frame:
    """What arrives in a second: a tenth of the devices; one in a thousand is tilted."""
    slots = (np.arange(PER_S) + second * PER_S) % DEVICES
    values = rng.uniform(0, 0.5, (PER_S, len(CHANNELS)))
    for channel, healthy in HEALTHY.items():
        values[:, CHANNELS.index(channel)] += healthy
    values[slots % 1000 == 7, CHANNELS.index("tilt_deg")] = 40
    return Frame(
        profile=PROFILE,
        channels=CHANNELS,
        slot=slots.astype(np.int32),
        ts_us=np.full(PER_S, int((START + timedelta(seconds=second)).timestamp() * 1e6), np.int64),
        seq=np.full(PER_S, second, np.int32),
        values=values,
        quality=np.zeros(PER_S, np.int16),
        origin=np.zeros(PER_S, np.int8),
        unit_grid_id=np.zeros(PER_S, np.int32),
        message=np.arange(PER_S, dtype=np.int32),
    )


async def fill(dsn: str) -> None:
    """Store the span."""
    rng = np.random.default_rng(3)
    async with await AsyncConnection.connect(dsn, options=session_options(""), autocommit=True) as conn:
        await conn.execute("INSERT INTO area VALUES ('130200', 'city', NULL, 'c', 'c')")
        await conn.execute("INSERT INTO area VALUES ('130203', 'district', '130200', 'd', 'd')")
        await publish_profiles(conn, shipped())
        await conn.execute(REGISTER, (START - timedelta(days=1),))
        await readings.prepare(conn)
        for second in range(SECONDS):
            frame = batch(second, rng)
            async with conn.transaction():
                await readings.insert_new(conn, [frame], FLEET, int(frame.ts_us[0]) + 100_000)
        await conn.execute("VACUUM ANALYZE reading")


def read_alone(dsn: str) -> tuple[int, float]:
    """Give how many readings there are and how long reading them as columns takes, seconds."""
    began = time.perf_counter()
    with psycopg.connect(dsn, autocommit=True) as conn:
        history.prepare(conn)
        rows = sum(len(piece) for piece in history.slices(conn, START, START + timedelta(seconds=SECONDS)))
    return rows, time.perf_counter() - began


def main() -> int:
    """Measure, print and write; 1 when a back-test is slower than it must be."""
    request = Request(
        rulebook=rulebook.load(rulebook.DEFAULT),
        rules="default",
        start=START,
        end=START + timedelta(seconds=SECONDS),
        profiles=shipped(),
        timezone="Asia/Shanghai",
    )
    with scratch() as dsn:
        asyncio.run(fill(dsn))
        rows, read_s = read_alone(dsn)
        found = asyncio.run(run.run(dsn, request))
    figures = {
        "readings": rows,
        "incidents": len(found.incidents),
        "readings_per_s": round(found.readings / found.took_s),
        "times_real_time_at_1000_per_s": round(found.readings / found.took_s / PER_S, 1),
        "reading_alone_per_s": round(rows / read_s),
        "share_of_reading_alone": round(read_s / found.took_s, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "load_1m": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures, indent=1))
    Path("build").mkdir(exist_ok=True)
    Path("build/bench_backtest.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return int(figures["times_real_time_at_1000_per_s"] < LEAST)


if __name__ == "__main__":
    sys.exit(main())
