"""Stored readings equal the frames they came from, whatever channels they lack, and a second time they are not new."""

import numpy as np
import psycopg
import pytest

from core.frame import Frame
from storage import readings
from tests.builders import START_US, fleet

RECEIVED_US = START_US + 7_000_000
CHANNELS = ("a", "b", "c", "d", "e", "f", "g", "h", "i")


def random_frame(seed: int, count: int, slots: int) -> Frame:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, len(CHANNELS)))
    values[rng.random(values.shape) < 0.3] = np.nan
    return Frame(
        profile="manhole_cover",
        channels=CHANNELS,
        slot=rng.integers(0, slots, count).astype(np.int32),
        ts_us=np.sort(START_US + rng.integers(0, 10**9, count)),
        seq=np.arange(count, dtype=np.int32),
        values=values,
        quality=rng.integers(0, 8, count).astype(np.int16),
        origin=rng.integers(0, 3, count).astype(np.int8),
        unit_grid_id=rng.integers(0, 99, count).astype(np.int32),
        message=np.arange(count, dtype=np.int32),
    )


async def connect(database: str) -> psycopg.AsyncConnection:
    conn = await psycopg.AsyncConnection.connect(database, autocommit=True)
    await readings.prepare(conn)
    return conn


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_column_comes_back_as_it_went_in(database: str, seed: int) -> None:
    devices, frame = fleet(count=7, first_id=11), random_frame(seed, 300, 7)
    async with await connect(database) as conn:
        await readings.insert_new(conn, [frame], devices, RECEIVED_US)
        cursor = await conn.execute(
            "SELECT seq, device_id, (extract(epoch FROM ts) * 1000000)::bigint, quality, origin, unit_grid_id,"
            ' (extract(epoch FROM received_at) * 1000000)::bigint, "values" FROM reading ORDER BY seq'
        )
        stored = await cursor.fetchall()

    expected = [
        (
            int(frame.seq[row]),
            int(devices.device_id[frame.slot[row]]),
            int(frame.ts_us[row]),
            int(frame.quality[row]),
            int(frame.origin[row]),
            int(frame.unit_grid_id[row]),
            RECEIVED_US,
            [None if np.isnan(value) else float(value) for value in frame.values[row]],
        )
        for row in range(len(frame))
    ]
    assert stored == expected


async def test_only_rows_that_were_not_stored_come_back(database: str) -> None:
    devices, frame = fleet(count=7), random_frame(3, 100, 7)
    async with await connect(database) as conn, conn.transaction():
        first = await readings.insert_new(conn, [frame.take(np.arange(60))], devices, RECEIVED_US)
        second = await readings.insert_new(conn, [frame], devices, RECEIVED_US)
        third = await readings.insert_new(conn, [frame], devices, RECEIVED_US)
        count = await (await conn.execute("SELECT count(*) FROM reading")).fetchone()

    assert [len(f) for f in first] == [60]
    assert second[0].seq.tolist() == list(range(60, 100))
    assert third == ()
    assert count == (100,)
