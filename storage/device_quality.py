"""Counts of doubts by device and day, and what the checks of quality remember across a restart.

Takes a connection, never commits.
"""

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

LAST_VALUES = """
SELECT s.device_id, (extract(epoch FROM s.ts) * 1000000)::bigint, s."values"[c.position]
FROM profile_channel AS c
JOIN device AS d USING (profile)
JOIN device_state AS s USING (device_id)
WHERE c.profile = %(profile)s AND c.channel = %(channel)s AND s."values"[c.position] IS NOT NULL
  AND s.quality & %(except_flags)s = 0
"""


async def last_values(
    conn: AsyncConnection, profile: str, channel: str, *, except_flags: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Give device, event time (microseconds since 1970 UTC) and value of a channel in each device's newest reading.

    Left out: readings that do not hold the channel, or have one of the quality flags `except_flags`.
    """
    cursor = await conn.execute(
        LAST_VALUES, {"profile": profile, "channel": channel, "except_flags": except_flags}, binary=True
    )
    rows = np.array(await cursor.fetchall(), dtype=[("device", np.int64), ("ts_us", np.int64), ("value", np.float64)])
    return rows["device"], rows["ts_us"], rows["value"]
