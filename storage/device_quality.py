"""Counts of doubts by device and day, and what the checks of quality remember across a restart.

Takes a connection, never commits.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from core.quality import COUNTED, REFUSED, REPEATED
from storage.dead_letters import DeadLetter

COLUMNS = (REPEATED, *COUNTED, REFUSED)
"""What is counted; the columns of `device_quality`."""

# In order of the key, as everybody who writes here: two that write the same devices wait, and do not deadlock.
ADD = """
INSERT INTO device_quality AS kept (device_id, day, repeated, late, out_of_order, out_of_range, sentinel, suspect_jump,
                                    counter_reset, clock, refused)
SELECT device_id, (%(now)s AT TIME ZONE 'UTC')::date, repeated, late, out_of_order, out_of_range, sentinel,
       suspect_jump, counter_reset, clock, refused
FROM unnest(%(device_id)s::int[], %(repeated)s::int[], %(late)s::int[], %(out_of_order)s::int[],
            %(out_of_range)s::int[], %(sentinel)s::int[], %(suspect_jump)s::int[], %(counter_reset)s::int[],
            %(clock)s::int[], %(refused)s::int[])
     AS given (device_id, repeated, late, out_of_order, out_of_range, sentinel, suspect_jump, counter_reset, clock,
               refused)
ORDER BY device_id
ON CONFLICT (device_id, day) DO UPDATE
SET repeated = kept.repeated + EXCLUDED.repeated, late = kept.late + EXCLUDED.late,
    out_of_order = kept.out_of_order + EXCLUDED.out_of_order, out_of_range = kept.out_of_range + EXCLUDED.out_of_range,
    sentinel = kept.sentinel + EXCLUDED.sentinel, suspect_jump = kept.suspect_jump + EXCLUDED.suspect_jump,
    counter_reset = kept.counter_reset + EXCLUDED.counter_reset, clock = kept.clock + EXCLUDED.clock,
    refused = kept.refused + EXCLUDED.refused
"""
RECENT = """
SELECT (SELECT coalesce(sum(messages), 0) FROM reading_1h AS r
        WHERE r.device_id = %(device_id)s AND r.bucket >= since.day AT TIME ZONE 'UTC') AS stored,
       coalesce(sum(repeated), 0) AS repeated, coalesce(sum(late), 0) AS late,
       coalesce(sum(out_of_order), 0) AS out_of_order, coalesce(sum(out_of_range), 0) AS out_of_range,
       coalesce(sum(sentinel), 0) AS sentinel, coalesce(sum(suspect_jump), 0) AS suspect_jump,
       coalesce(sum(counter_reset), 0) AS counter_reset, coalesce(sum(clock), 0) AS clock,
       coalesce(sum(refused), 0) AS refused
FROM (SELECT (%(now)s AT TIME ZONE 'UTC')::date - %(days_before)s AS day) AS since
LEFT JOIN device_quality AS q ON q.device_id = %(device_id)s AND q.day >= since.day
GROUP BY since.day
"""
KNOWN_LETTERS = "SELECT digest FROM dead_letter WHERE digest = ANY(%(digests)s)"
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


async def uncounted(conn: AsyncConnection, letters: Sequence[DeadLetter]) -> list[bool]:
    """Say which letters nobody has counted yet; ask before they are recorded.

    One that may have been delivered before was counted if it is kept: both happened in one transaction.
    """
    again = [letter.digest for letter in letters if letter.redelivered]
    if not again:
        return [True] * len(letters)
    cursor = await conn.execute(KNOWN_LETTERS, {"digests": again})
    known = {row[0] for row in await cursor.fetchall()}
    return [not letter.redelivered or letter.digest not in known for letter in letters]


async def add(
    conn: AsyncConnection, device_id: NDArray[np.int32], counts: Mapping[str, NDArray[np.int64]], now: datetime
) -> None:
    """Add to the counts of some devices, each named once, on the day of `now`; see `COLUMNS`."""
    columns = {name: counts[name].tolist() for name in COLUMNS}
    await conn.execute(ADD, {"now": now, "device_id": device_id.tolist(), **columns})


async def recent(conn: AsyncConnection, device_id: int, now: datetime, days: int) -> dict[str, int]:
    """Give what is in `COLUMNS`, and `stored` readings, of the last `days` days (UTC), today among them.

    `stored` comes from the hourly roll-ups, by event time; it lags by their refresh.
    """
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(RECENT, {"device_id": device_id, "now": now, "days_before": days - 1})
        row = await cursor.fetchone()
    assert row is not None
    return {name: int(count) for name, count in row.items()}
