"""HTTP for readings: the newest of a device, and one channel over time."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.instant import Instant
from api.reading import Value, origin_of, quality_of, values_of
from api.routes.devices import Label
from api.services import Use
from core.errors import InvalidInput, NotFound
from storage import series
from storage.levels import Level
from storage.queries import devices

router = APIRouter(prefix="/devices/{label}/readings", tags=["readings"])
USUAL_SPAN = timedelta(hours=24)
LONGEST_SPAN = timedelta(days=400)


class LatestReading(BaseModel):
    """The newest reading by event time; `ts` is null before the first one."""

    device: str
    ts: datetime | None
    received_at: datetime | None
    quality: list[str]
    origin: str | None
    values: list[Value]


class Series(BaseModel):
    """One channel over time, no more points than asked for."""

    device: str
    channel: str
    unit: str
    level: Level = Field(
        description="The coarsest roll-up that was read; raw = none. The newest readings are there on every level."
    )
    average: str = Field(
        description="Kind of mean: arithmetic, or time_weighted for states that hold until they change."
    )
    bucket_s: int = Field(
        description="Width of a bucket, seconds; aligned to the clock (UTC), from a day on to the city's days."
    )
    points: list[tuple[int, float, float, float, int]] = Field(
        description="[start of bucket in epoch ms, min, mean, max, count]; a bucket without values is absent."
    )


@router.get("/latest")
async def show_latest_reading(label: Label, services: Use) -> LatestReading:
    """Show the newest reading of a device, by event time."""
    async with services.reading() as conn:
        row = await devices.show(conn, label)
        if row is None:
            raise NotFound(f"no device {label}")
        channels = await devices.channels(conn, row["profile"])
    return LatestReading(
        device=label,
        ts=row["ts"],
        received_at=row["received_at"],
        quality=quality_of(row["quality"] or 0),
        origin=None if row["origin"] is None else origin_of(row["origin"]),
        values=values_of(channels, row["values"]),
    )


@router.get("")
async def list_readings(
    label: Label,
    services: Use,
    channel: Annotated[str, Query(max_length=64, examples=["tilt_deg"])],
    start: Annotated[Instant | None, Query(alias="from", description="Usual: 24 hours before `to`.")] = None,
    end: Annotated[Instant | None, Query(alias="to", description="Not included. Usual: now.")] = None,
    points: Annotated[int, Query(ge=2, le=5000, description="Most points in the answer.")] = 400,
) -> Series:
    """Give one channel of a device over time, as minimum, mean and maximum of buckets; event time decides."""
    until = end or services.clock()
    since = start or until - USUAL_SPAN
    if not timedelta(0) < until - since <= LONGEST_SPAN:
        raise InvalidInput(f"from: must be before to, and at most {LONGEST_SPAN.days} days before")
    async with services.reading() as conn:
        device = await devices.show(conn, label)
        if device is None:
            raise NotFound(f"no device {label}")
        known = {row["channel"]: row for row in await devices.channels(conn, device["profile"])}
        if channel not in known:
            raise InvalidInput(f"channel: {device['profile']} has no {channel!r}; it has {', '.join(known)}")
        question = series.Question(
            device_id=device["device_id"],
            position=known[channel]["position"],
            start=since,
            end=until,
            points=points,
        )
        answer = await series.answer(conn, question)
    return Series(
        device=label,
        channel=channel,
        unit=known[channel]["unit"],
        level=answer.level,
        average=answer.average,
        bucket_s=answer.bucket_s,
        points=answer.points,
    )
