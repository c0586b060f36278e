"""What flows into the hub: incidents as the database announces them, devices once a second while anybody listens.

Step 9 of the journey: NOTIFY at commit -> one LISTEN connection -> the event's row -> every subscriber.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection

from api import incident
from api.live import Frame, Hub, encode
from api.services import health_clock
from storage.queries import devices, incidents
from storage.queries.devices import PLACE, LiveRow
from storage.scope import Extent

Lend = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
Nap = Callable[[float], Awaitable[None]]

LISTEN = "LISTEN citygrid_incident"
POLL_S = 5.0
"""An announcement is a hint only: the table is looked at this often even without one."""
RETRY_S = 1.0
PAGE = 200
TICK_S = 1.0
SCAN_EVERY_S = 5.0
"""Health and open severity of all devices are compared this often; vehicles' positions every tick."""
OVERLAP = timedelta(seconds=2)
"""A reading is stamped before its batch commits: look back this far, and pass on only what changed."""
NOWHERE: Mapping[str, float | None] = {"west": None, "south": None, "east": None, "north": None}


async def follow_incidents(
    hub: Hub, connect: Callable[[], Awaitable[AsyncConnection]], lend: Lend, nap: Nap = asyncio.sleep
) -> None:
    """Pass every new incident event to `hub`, in order, each once; runs until cancelled.

    When the database goes away it is tried again each second, and what was missed is passed on then.
    """
    while True:
        try:
            async with await connect() as conn:
                await conn.set_autocommit(True)
                await conn.execute(LISTEN)
                await _catch_up(hub, lend)
                hub.listening = True
                while True:
                    async for signal in conn.notifies(timeout=POLL_S):
                        if not _is_known(hub, signal.payload):
                            await _catch_up(hub, lend)
                    await _catch_up(hub, lend)
        except psycopg.OperationalError:
            hub.listening = False
            await nap(RETRY_S)


def _is_known(hub: Hub, payload: str) -> bool:
    return payload.isdigit() and hub.last_event_id is not None and int(payload) <= hub.last_event_id


async def _catch_up(hub: Hub, lend: Lend) -> None:
    async with lend() as conn:
        if hub.last_event_id is None:
            hub.last_event_id = await incidents.newest_event(conn)
            return
        while rows := await incidents.events_after(conn, hub.last_event_id, limit=PAGE):
            for row in rows:
                hub.publish(incident_frame(row))


def incident_frame(row: Mapping[str, Any]) -> Frame:
    """Give the frame of one incident event's row."""
    event = incident.IncidentEvent(event_id=row["event_id"], kind=row["kind"], incident=incident.of_row(row))
    frame = encode("incident", event.model_dump_json().encode(), event.event_id)

    def part(seen: Extent) -> bytes:
        return frame.text if seen.covers(row["district_code"], row["unit_grid_code"]) else b""

    return replace(frame, part=part)


async def follow_devices(hub: Hub, lend: Lend, clock: Callable[[], datetime], nap: Nap = asyncio.sleep) -> None:
    """Pass moved and changed devices to `hub`, about once a second while anybody listens; runs until cancelled."""
    memory = Memory()
    scan_at: datetime | None = None
    since = clock()
    while True:
        if not hub.subscribers:
            await hub.wanted.wait()
            memory, scan_at, since = Memory(), None, clock()
        now = clock()
        try:
            if scan_at is None or now >= scan_at:
                rows = await _live(lend, now, None)
                changed = memory.changed(rows, is_first=scan_at is None)
                scan_at = now + max(timedelta(seconds=SCAN_EVERY_S), 20 * (clock() - now))
            else:
                changed = memory.changed(await _live(lend, now, since - OVERLAP), is_first=False)
            since = now
        except psycopg.OperationalError:
            changed = []  # the incident feed's retries say so to everybody
        if changed:
            hub.publish(device_frame(changed, now))
        await nap(TICK_S)


def device_frame(rows: Sequence[LiveRow], now: datetime) -> Frame:
    """Give the frame of devices that moved or changed."""

    def part(seen: Extent) -> bytes:
        some = [row for row in rows if seen.covers(*row[PLACE])]
        return device_frame(some, now).text if some else b""

    data = {"as_of": now, "devices": [compact(row) for row in rows]}
    return encode("devices", msgspec.json.encode(data), part=part)


async def _live(lend: Lend, now: datetime, moved_since: datetime | None) -> list[LiveRow]:
    async with lend() as conn:
        return await devices.live(conn, clock=health_clock(now), box=NOWHERE, moved_since=moved_since)


class Memory:
    """What was last told of each device."""

    def __init__(self) -> None:
        self._told: dict[str, LiveRow] = {}

    def changed(self, rows: list[LiveRow], *, is_first: bool) -> list[LiveRow]:
        """Give the rows that differ from what was told, and remember them; on the first look nothing is news."""
        news = [row for row in rows if self._told.get(row[0]) != row]
        self._told.update((row[0], row) for row in news)
        return [] if is_first else news


def compact(row: LiveRow) -> list[Any]:
    """Give [label, profile, lon, lat, health, open severity], and a vehicle's bearing as seventh."""
    label, profile, lon, lat, health, severity, is_moving, bearing, *_ = row
    short = [label, profile, lon, lat, health, severity]
    return [*short, bearing] if is_moving else short
