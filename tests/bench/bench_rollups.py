"""What marks cost the writer, and what a refresh costs, in a database of its own that is dropped afterwards.

Run: python -m tests.bench rollups. Batches of 5,000 messages of eight channels, one a device, are stored with marks,
without, and by a session that leaves its marks to the trigger, in turn; then ended buckets of 30, 5 and 1 messages a
device are rolled up. Medians, seconds on the clock: neighbours count. Figures go to build/bench_rollups.json.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from psycopg import AsyncConnection, conninfo

from core.frame import Frame
from storage import marks, readings, rollups
from storage.levels import EPOCH
from storage.migrate import migrate
from storage.pool import session_options
from tests.builders import fleet
from tests.conftest import Cluster, create_database, drop_database

START = datetime(2026, 11, 22, tzinfo=UTC)
DEVICES, CHANNELS, ROUNDS = 5000, 8, 30
FLEET = fleet("bench", DEVICES)
PROFILE = """
INSERT INTO profile_channel (profile, position, channel, unit, name_zh, name_en)
SELECT 'bench', n, 'channel_' || n, '1', '', '' FROM generate_series(1, 8) AS n
"""
REGISTER = """
INSERT INTO device (device_id, label, profile, district_code, state, interval_s, registered_at, registered_by, geom)
SELECT n, 'dev-' || n, 'bench', '130203', 'in_service', 10, now(), '', ST_SetSRID(ST_MakePoint(118.1, 39.6), 4326)
FROM generate_series(1, 5000) AS n
"""
HELD = "UPDATE profile_channel SET average = 'time_weighted' WHERE position <= 2"


@contextmanager
def scratch() -> Iterator[str]:
    cluster = Cluster(os.environ["CITYGRID_TEST_DATABASE_URL"], "")
    name = create_database(cluster)
    address = conninfo.make_conninfo(cluster.database_url, dbname=name)
    try:
        migrate(address)
        yield address
    finally:
        drop_database(cluster, name)


def batch(at: datetime, rng: np.random.Generator) -> Frame:
    """One message of every device within a second."""
    return Frame(
        profile="bench",
        channels=tuple(f"channel_{n}" for n in range(1, CHANNELS + 1)),
        slot=np.arange(DEVICES, dtype=np.int32),
        ts_us=(at - EPOCH) // timedelta(microseconds=1) + rng.integers(0, 1_000_000, DEVICES),
        seq=np.zeros(DEVICES, dtype=np.int32),
        values=rng.normal(20, 5, (DEVICES, CHANNELS)),
        quality=np.zeros(DEVICES, dtype=np.int16),
        origin=np.ones(DEVICES, dtype=np.int8),
        unit_grid_id=np.zeros(DEVICES, dtype=np.int32),
        message=np.arange(DEVICES, dtype=np.int32),
    )


async def stored_s(conn: AsyncConnection, rows: Frame, *, is_marked: bool = True) -> float:
    """Give the seconds a batch takes, commit included."""
    received_us = int(rows.ts_us.max()) + 1_000_000
    started = time.perf_counter()
    async with conn.transaction():
        fresh = await readings._insert(conn, [rows], FLEET, received_us)
        if is_marked:
            await marks.leave(conn, fresh, FLEET, received_us)
    return time.perf_counter() - started


async def measure(address: str) -> dict[str, float]:
    rng = np.random.default_rng(1)
    report: dict[str, float] = {}
    options = session_options("")
    async with (
        await AsyncConnection.connect(address, options=options, autocommit=True) as writer,
        await AsyncConnection.connect(address, options=options, autocommit=True) as other,
    ):
        await writer.execute(PROFILE)
        await writer.execute(REGISTER)
        await readings.prepare(writer)
        took: dict[str, list[float]] = {"unmarked": [], "marked": [], "by_trigger": []}
        for number in range(ROUNDS):
            at = START + timedelta(seconds=3 * number)
            took["unmarked"].append(await stored_s(writer, batch(at, rng), is_marked=False))
            took["marked"].append(await stored_s(writer, batch(at + timedelta(seconds=1), rng)))
            took["by_trigger"].append(await stored_s(other, batch(at + timedelta(seconds=2), rng)))
        report |= {f"batch_{name}_ms": statistics.median(seconds) * 1000 for name, seconds in took.items()}
        start = START + timedelta(hours=1)
        await _roll_up(writer, start)  # what the rounds left is not to be counted below
        for name, messages in (("30", 30), ("5", 5), ("1", 1), ("30_held", 30)):
            if name.endswith("held"):
                await writer.execute(HELD)
            for number in range(messages):
                await stored_s(writer, batch(start + number * timedelta(minutes=5) / messages, rng))
            start += timedelta(minutes=5)
            started = time.perf_counter()
            await _roll_up(writer, start)
            spent_us = (time.perf_counter() - started) * 1e6
            report[f"refresh_us_per_message_at_{name}_a_bucket"] = spent_us / messages / DEVICES
    return report


async def _roll_up(conn: AsyncConnection, until: datetime) -> None:
    more = True
    while more:
        async with conn.transaction():
            more = (await rollups.refresh(conn, until + rollups.GRACE)).more


def main() -> int:
    with scratch() as address:
        result = asyncio.run(measure(address))
    folder = Path("build")
    folder.mkdir(exist_ok=True)
    (folder / "bench_rollups.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
