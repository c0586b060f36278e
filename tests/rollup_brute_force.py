"""What the roll-ups must say, computed the slow way from stored rows; and random readings to say it of."""

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection

from storage import levels
from storage.levels import Level

ZONE = ZoneInfo("Asia/Shanghai")
INTERVAL_S = {1: 10.0, 2: 60.0, 3: 300.0, 4: 3600.0, 5: 86_400.0}
"""Of the test's devices; device 6 is in no registry."""
HELD = (2, 3)
"""Positions averaged by time, of profile `state`; devices with an even number have it."""
CHANNELS = """
INSERT INTO profile_channel (profile, position, channel, unit, name_zh, name_en, average)
SELECT profile, n, 'channel_' || n, '1', '', '',
       CASE WHEN profile = 'state' AND n IN (2, 3) THEN 'time_weighted' ELSE 'arithmetic' END
FROM generate_series(1, 4) AS n, unnest(ARRAY['test', 'state']) AS profile
"""
DEVICE = """
INSERT INTO device (device_id, label, profile, district_code, state, interval_s, registered_at, registered_by, geom)
VALUES (%(id)s, %(label)s, %(profile)s, %(district)s, 'in_service', %(interval_s)s, now(), 'test',
        ST_SetSRID(ST_MakePoint(118.1, 39.6), 4326))
"""
INSERT = """
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
VALUES (%s, %s, %s, %s, %s, 1, 0, %s) ON CONFLICT DO NOTHING
"""
STORED = 'SELECT device_id, ts, seq, "values" FROM reading'
ROLLED = {
    level: f"SELECT device_id, bucket, counts, mins, maxs, sums, lasts, areas, held_s FROM reading_{level}"
    for level in (Level.MINUTE, Level.FINE, Level.HOUR, Level.DAY)
}
CLASSED = {
    level: f"SELECT profile, district_code, bucket, counts, mins, maxs, sums, areas, held_s FROM class_{level}"
    for level in (Level.FINE, Level.HOUR, Level.DAY)
}

Row = tuple[int, datetime, int, list[float | None]]
"""device, ts, seq, values."""


@dataclass(slots=True)
class Cell:
    """One channel in one bucket."""

    count: int = 0
    low: float | None = None
    high: float | None = None
    total: Any = 0.0
    last: float | None = None
    area: Any = 0.0
    held_s: Any = 0.0

    def add(self, value: float | None) -> None:
        if value is not None:
            self.count += 1
            self.low = value if self.low is None else min(self.low, value)
            self.high = value if self.high is None else max(self.high, value)
            self.total += value
            self.last = value

    def mean(self, *, is_weighted: bool) -> float:
        return self.area / self.held_s if is_weighted and self.held_s > 0 else self.total / self.count


def profile_of(device: int) -> str:
    return "state" if device % 2 == 0 else "test"


def district_of(device: int) -> str:
    return "130203" if device > 3 else "130202"


async def register(conn: AsyncConnection) -> None:
    await conn.execute(CHANNELS)
    for device, interval_s in INTERVAL_S.items():
        row = {"id": device, "label": f"d{device}", "profile": profile_of(device), "interval_s": interval_s}
        await conn.execute(DEVICE, row | {"district": district_of(device)})
    await conn.commit()


def random_readings(rng: random.Random, until: datetime, count: int, span: timedelta) -> list[tuple[object, ...]]:
    """Readings with two to four channels, some not measured, some instants shared, dense stretches among them."""
    rows: list[tuple[object, ...]] = []
    for _ in range(count):
        device = rng.randrange(1, 7)
        dense = rng.random() < 0.5
        back_s = rng.randrange(600) if dense else rng.randrange(int(span.total_seconds()))
        values = [None if rng.random() < 0.2 else round(rng.gauss(20, 5), 3) for _ in range(2 + device % 3)]
        ts = until - timedelta(seconds=back_s)
        rows.append((ts, device, rng.randrange(3), until, 1 if rng.random() < 0.1 else 0, values))
    return rows


async def store(conn: AsyncConnection, rows: Sequence[tuple[object, ...]]) -> None:
    async with conn.cursor() as cursor:
        await cursor.executemany(INSERT, rows)
    await conn.commit()


def cells(stored: Iterable[Row], level: Level, *, held: Sequence[int] = HELD) -> dict[tuple[int, datetime, int], Cell]:
    """One cell a device, bucket and position; intervals count where they end, if not longer than three usual ones."""
    found: dict[tuple[int, datetime, int], Cell] = {}
    for device, rows in _by_device(stored).items():
        before: Row | None = None
        for row in rows:
            bucket = row[1] if level is Level.RAW else levels.floor(level, row[1], ZONE)
            for position, value in enumerate(row[3], start=1):
                found.setdefault((device, bucket, position), Cell()).add(value)
            if before and profile_of(device) == "state":
                _hold(found, before, row, bucket, held)
            before = row
    return found


def _by_device(stored: Iterable[Row]) -> Mapping[int, list[Row]]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in sorted(stored, key=lambda row: (row[0], row[1], row[2])):
        grouped[row[0]].append(row)
    return grouped


def _hold(found: dict[tuple[int, datetime, int], Cell], before: Row, row: Row, bucket: datetime, held: Sequence[int]):
    gap_s = (row[1] - before[1]).total_seconds()
    if row[0] not in INTERVAL_S or gap_s > 3 * INTERVAL_S[row[0]]:
        return
    for position in held:
        value = before[3][position - 1] if position <= len(before[3]) else None
        if value is not None and position <= len(row[3]):
            cell = found.setdefault((row[0], bucket, position), Cell())
            cell.area += value * gap_s
            cell.held_s += gap_s


def busy(stored: Iterable[Row], least: int) -> set[tuple[int, datetime]]:
    """Give the (device, 5 minutes) with at least so many messages."""
    counted: dict[tuple[int, datetime], int] = defaultdict(int)
    for device, ts, _, _ in stored:
        counted[device, levels.floor(Level.FINE, ts, ZONE)] += 1
    return {key for key, messages in counted.items() if messages >= least}


async def rolled(conn: AsyncConnection, level: Level) -> dict[tuple[int, datetime, int], Cell]:
    found: dict[tuple[int, datetime, int], Cell] = {}
    for device, bucket, *arrays in await (await conn.execute(ROLLED[level].encode())).fetchall():
        *plain, areas, helds = arrays
        for index, (count, low, high, total, last) in enumerate(zip(*plain, strict=True)):
            area, held_s = (areas[index] or 0, helds[index] or 0) if areas else (0.0, 0.0)
            found[device, bucket, index + 1] = Cell(count, low, high, close(total), last, close(area), close(held_s))
    return found


async def classed(conn: AsyncConnection, level: Level) -> dict[tuple[str, str, datetime, int], Cell]:
    found: dict[tuple[str, str, datetime, int], Cell] = {}
    for profile, district, bucket, *arrays in await (await conn.execute(CLASSED[level].encode())).fetchall():
        *plain, areas, helds = arrays
        for index, (count, low, high, total) in enumerate(zip(*plain, strict=True)):
            area, held_s = (areas[index] or 0, helds[index] or 0) if areas else (0.0, 0.0)
            found[profile, district, bucket, index + 1] = Cell(
                count, low, high, close(total), None, close(area), close(held_s)
            )
    return found


def merged(of_devices: Mapping[tuple[int, datetime, int], Cell]) -> dict[tuple[str, str, datetime, int], Cell]:
    """Give the cells of classes that cells of devices add up to."""
    found: dict[tuple[str, str, datetime, int], Cell] = {}
    for (device, bucket, position), cell in of_devices.items():
        if device in INTERVAL_S:
            into = found.setdefault((profile_of(device), district_of(device), bucket, position), Cell())
            lows = [low for low in (into.low, cell.low) if low is not None]
            highs = [high for high in (into.high, cell.high) if high is not None]
            into.low, into.high = min(lows, default=None), max(highs, default=None)
            into.count += cell.count
            into.total += cell.total
            into.area += cell.area
            into.held_s += cell.held_s
    return found


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-6) if math.isfinite(value) else value
