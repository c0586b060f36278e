"""Each device's newest reading: written behind the readings, and brought up to date from them after a crash."""

import numpy as np
from psycopg import AsyncConnection

from core.fleet import Fleet
from core.frame import Frame
from ingest.latest import Unwritten
from storage import device_state, readings
from tests.builders import START_US, fleet, frame

SECOND_US = 1_000_000
DEVICES = fleet(count=3)


def reading(slot: int, at_s: float, tilt_deg: float) -> Frame:
    return frame("manhole_cover", [(slot, at_s, {"tilt_deg": tilt_deg})])


async def connect(database: str) -> AsyncConnection:
    conn = await AsyncConnection.connect(database)
    await readings.prepare(conn)
    await conn.commit()
    return conn


async def store(conn: AsyncConnection, part: Frame, received_us: int) -> None:
    async with conn.transaction():
        await readings.insert_new(conn, [part], DEVICES, received_us)


async def write(conn: AsyncConnection, *parts: Frame) -> None:
    unwritten = Unwritten(kept_us=START_US)
    for part in parts:
        unwritten.note([part], START_US)
    async with conn.transaction():
        for newest in unwritten.rest():
            await device_state.keep(conn, newest.frame, DEVICES, newest.received_us)


async def kept(conn: AsyncConnection, devices: Fleet = DEVICES) -> list[tuple[int, float]]:
    cursor = await conn.execute('SELECT device_id, "values"[1] FROM device_state ORDER BY device_id')
    slot_of = {int(device_id): slot for slot, device_id in enumerate(devices.device_id)}
    return [(slot_of[device_id], tilt) for device_id, tilt in await cursor.fetchall()]


async def stamps(conn: AsyncConnection) -> list[tuple[str, int]]:
    cursor = await conn.execute(
        "SELECT shard, (extract(epoch FROM received_since) * 1000000)::bigint FROM device_state_kept ORDER BY shard"
    )
    return await cursor.fetchall()


async def test_the_newest_reading_stands_and_an_older_one_changes_nothing(database: str) -> None:
    async with await connect(database) as conn:
        await write(conn, reading(0, 10, 1.0), reading(1, 10, 2.0))
        await write(conn, reading(0, 5, 9.0), reading(1, 11, 3.0))

        assert await kept(conn) == [(0, 1.0), (1, 3.0)]
        times = await device_state.latest_times(conn, DEVICES)
        assert times.tolist() == [START_US + 10 * SECOND_US, START_US + 11 * SECOND_US, 0]


async def test_what_was_not_written_before_a_crash_is_found_in_the_readings(database: str) -> None:
    async with await connect(database) as conn:
        await store(conn, reading(0, 0, 1.0), START_US)
        await store(conn, reading(1, 0, 2.0), START_US)
        async with conn.transaction():
            await device_state.recover(conn, "city", START_US + 1)
        await store(conn, reading(0, 10, 5.0), START_US + 10 * SECOND_US)
        await store(conn, reading(0, 9, 7.0), START_US + 11 * SECOND_US)

        async with conn.transaction():
            await device_state.recover(conn, "city", START_US + 12 * SECOND_US)

        assert await kept(conn) == [(0, 5.0), (1, 2.0)]
        assert await stamps(conn) == [("city", START_US + 12 * SECOND_US)]


async def test_recovery_reads_back_to_the_oldest_record_of_any_shard(database: str) -> None:
    async with await connect(database) as conn:
        async with conn.transaction():
            await device_state.stamp(conn, "city", START_US + 50 * SECOND_US)
            await device_state.stamp(conn, "130202", START_US)
        await store(conn, reading(2, 0, 4.0), START_US + SECOND_US)

        async with conn.transaction():
            await device_state.recover(conn, "city", START_US + 60 * SECOND_US)

        assert await kept(conn) == [(2, 4.0)]
        assert np.array(await stamps(conn)).shape == (1, 2), "a shard nobody has a lease for is forgotten"


async def test_only_readings_since_the_record_are_read_back(database: str) -> None:
    async with await connect(database) as conn:
        await store(conn, reading(0, 0, 1.0), START_US)
        async with conn.transaction():
            await device_state.stamp(conn, "city", START_US + 1)

        async with conn.transaction():
            changed = await device_state.recover(conn, "city", START_US + 2)

        assert changed == 0
        assert await kept(conn) == []
