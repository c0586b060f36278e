"""Use case: work out how long batteries last, some devices at a time, so that a list can be asked for by it."""

import asyncio
from datetime import datetime, timedelta

from psycopg import AsyncConnection

from devices import battery
from storage import device_battery

AT_ONCE = 200
"""Devices in a transaction: some tens of milliseconds."""
BETWEEN_BREATHS = 10
"""Forecasts between two looks at what else there is to do: ingest shares this process."""


async def go_on(conn: AsyncConnection, after: int, now: datetime) -> int | None:
    """Work out the forecasts of the next devices after a key and give the last one's; None = that were all."""
    since = now - timedelta(days=battery.LOOK_BACK_DAYS)
    found = await device_battery.next_levels(conn, after, channel=battery.CHANNEL, since=since, limit=AT_ONCE)
    days_left: dict[int, float] = {}
    for number, (device_id, days, levels) in enumerate(found, start=1):
        forecast = battery.forecast(days, levels)
        if forecast.days_left is not None:
            days_left[device_id] = forecast.days_left
        if number % BETWEEN_BREATHS == 0:
            await asyncio.sleep(0)
    if found:
        await device_battery.keep(conn, days_left, after, found[-1][0], now)
    if len(found) == AT_ONCE:
        return found[-1][0]
    await device_battery.forget_after(conn, found[-1][0] if found else after)
    return None
