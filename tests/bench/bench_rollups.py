"""What marks cost the writer, and what a refresh costs, in a database of its own that is dropped afterwards.

Run: PYTHONPATH=. CITYGRID_TEST_DATABASE_URL=<a superuser's address> python tests/bench/bench_rollups.py. Batches of
5,000 messages of eight channels, one a device, are copied in with and without the trigger; then one ended bucket of
150,000 messages is rolled up. Medians, seconds on the clock: neighbours count. Results go to build/bench_rollups.json.
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

from psycopg import AsyncConnection, conninfo

from storage import rollups
from storage.migrate import migrate
from storage.pool import session_options
from tests.conftest import Cluster, create_database, drop_database

START = datetime(2026, 11, 22, tzinfo=UTC)
DEVICES = 5000
CHANNELS = """
INSERT INTO profile_channel SELECT 'bench', n, 'channel_' || n, '1', '', '' FROM generate_series(1, 8) AS n
"""
COPY = 'COPY reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values") FROM STDIN'
EMPTY = "TRUNCATE reading, rollup_queue, reading_5m, reading_1h, ingest_1m"
DROP_TRIGGER = "DROP TRIGGER reading_marks_rollups ON reading"
CREATE_TRIGGER = """
CREATE TRIGGER reading_marks_rollups AFTER INSERT ON reading
REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION mark_rollups()
"""


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


async def copy_batches(conn: AsyncConnection, count: int, step: timedelta) -> list[float]:
    """Copy batches, each `step` later than the one before; gives the seconds each took, commit included."""
    took: list[float] = []
    for batch in range(count):
        ts = (START + batch * step).isoformat()
        lines = (f"{ts}\t{device}\t0\t{ts}\t0\t1\t0\t{{1,2,3,4,5,6,7,8}}\n" for device in range(1, DEVICES + 1))
        text = "".join(lines)
        started = time.perf_counter()
        async with conn.cursor() as cursor, cursor.copy(COPY) as copy:
            await copy.write(text)
        await conn.commit()
        took.append(time.perf_counter() - started)
    return took


async def measure(address: str) -> dict[str, float]:
    async with await AsyncConnection.connect(address, options=session_options("")) as conn:
        await conn.execute(CHANNELS)
        await conn.execute(DROP_TRIGGER)
        without = await copy_batches(conn, 40, timedelta(seconds=1))
        await conn.execute(EMPTY)
        await conn.execute(CREATE_TRIGGER)
        with_marks = await copy_batches(conn, 40, timedelta(seconds=1))
        await conn.execute(EMPTY)
        await copy_batches(conn, 30, timedelta(seconds=10))
        started = time.perf_counter()
        done = await rollups.refresh(conn, START + rollups.FINE)
        await conn.commit()
        refreshed_s = time.perf_counter() - started
    return {
        "batch_without_marks_ms": round(statistics.median(without) * 1000, 1),
        "batch_with_marks_ms": round(statistics.median(with_marks) * 1000, 1),
        "refresh_messages": 30 * DEVICES,
        "refresh_rows": done.rows,
        "refresh_s": round(refreshed_s, 2),
    }


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
