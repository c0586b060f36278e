"""HTTP for devices: lists, one in full, and the compact rows of the live map."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from api import feeds, incident, paging
from api.box import BoxQuery
from api.incident import Incident
from api.paging import Cursor, Limit, Page
from api.reading import Value, origin_of, quality_of, values_of
from api.services import Use
from core.errors import NotFound
from devices.about import LONGEST, WORDS
from devices.health import Health, health
from storage import device_quality
from storage.queries import devices, incidents

router = APIRouter(prefix="/devices", tags=["devices"])
MOST_SHOWN = 100

State = Literal["registered", "installed", "commissioned", "in_service", "maintenance", "replaced", "retired"]
Label = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,64}$")]
Word = Annotated[str | None, Query(min_length=1, max_length=LONGEST, pattern=r"^[^\x00]*$")]


class Device(BaseModel):
    """A device in a list."""

    label: str
    profile: str
    state: State
    health: Health = Field(description="From its newest reading and its reporting interval.")
    district_code: str
    component_code: str | None
    unit_grid_code: str | None
    interval_s: float
    maker: str
    model: str
    firmware: str
    battery_days: float | None = Field(description="Days its battery lasts, as worked out last; null = unknown.")
    last_ts: datetime | None = Field(description="Event time of the newest reading.")
    last_received_at: datetime | None
    lon: float
    lat: float


class NewestReading(BaseModel):
    """The newest reading of a device, by event time."""

    ts: datetime
    received_at: datetime
    quality: list[str] = Field(description="What is doubtful about it; empty = good.")
    origin: str
    unit_grid_code: str | None = Field(description="The grid it was taken in.")


class Doubts(BaseModel):
    """How many of a device's messages were doubtful, by the rules of docs/quality.md."""

    stored: int = Field(description="Readings stored in all, by event time; follows within minutes.")
    repeated: int
    late: int
    out_of_order: int
    out_of_range: int
    sentinel: int
    suspect_jump: int
    counter_reset: int
    clock: int
    refused: int = Field(description="Messages, or items of one, that became dead letters.")


class QualityCounts(BaseModel):
    """Doubts by day of arrival (UTC)."""

    today: Doubts
    seven_days: Doubts = Field(description="Today and the six days before.")


class DeviceAbout(BaseModel):
    """What a device is; an empty word was not said."""

    maker: str
    model: str
    serial: str
    hardware: str
    firmware: str
    at: datetime | None = Field(description="When somebody or itself said it last; null = nobody did.")
    by: str = Field(description="Who; `device` = itself.")


class DeviceDetail(BaseModel):
    """A device with its place, its channels and their newest values, and what is open on it."""

    label: str
    profile: str
    state: State
    health: Health
    district_code: str
    component_code: str | None
    class_code: str | None
    unit_grid_code: str | None
    patrol_grid_code: str | None
    patrol_name_zh: str | None
    patrol_name_en: str | None
    street_zh: str | None
    street_en: str | None
    community_zh: str | None
    community_en: str | None
    interval_s: float
    about: DeviceAbout
    install: dict[str, Any]
    registered_at: datetime
    registered_by: str
    lon: float
    lat: float
    latest: NewestReading | None
    channels: list[Value]
    quality: QualityCounts
    open_incidents: list[Incident]


class LiveDevices(BaseModel):
    """All devices of a box, as short as possible."""

    as_of: datetime
    devices: list[list[str | float | None]] = Field(
        description="[label, profile, lon, lat, health, open severity or null], and a vehicle's bearing as seventh."
    )


@router.get("")
async def list_devices(  # noqa: PLR0913  # one argument a filter
    services: Use,
    *,
    box: BoxQuery,
    profile: Annotated[str | None, Query(max_length=64)] = None,
    district_code: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    health: Health | None = None,
    state: State | None = None,
    maker: Word = None,
    model: Word = None,
    firmware: Word = None,
    battery_days_below: Annotated[
        float | None,
        Query(gt=0, le=36_500, description="Those in use whose battery lasts fewer days."),
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Device]:
    """List devices by box, profile, district, health, state, what they are, or how long their batteries last."""
    given: dict[str, object] = {
        **box, "profile": profile, "district_code": district_code, "state": state, "health": health,
        "maker": maker, "model": model, "firmware": firmware, "battery_days_below": battery_days_below,
    }  # fmt: skip
    if cursor:
        (given["after"],) = paging.decode("devices", cursor, tuple[int])
    async with services.reading() as conn:
        rows = await devices.find(conn, given, clock=services.health_clock(), limit=limit + 1)
    last = paging.encode("devices", [rows[limit - 1]["device_id"]]) if len(rows) > limit else None
    return Page(items=[Device.model_validate(row) for row in rows[:limit]], next=last)


@router.get("/live", response_model=LiveDevices)
async def list_live_devices(services: Use, box: BoxQuery) -> Response:
    """Give every device of the box as a short row for the map; vehicles where their newest reading says they are."""
    now = services.clock()
    async with services.reading() as conn:
        rows = await devices.live(conn, clock=services.health_clock(), box=box)
    body = msgspec.json.encode({"as_of": now, "devices": [feeds.compact(row) for row in rows]})
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/{label}")
async def show_device(label: Label, services: Use) -> DeviceDetail:
    """Show one device with its channels, their newest values, its health and its open incidents."""
    async with services.reading() as conn:
        row = await devices.show(conn, label)
        if row is None:
            raise NotFound(f"no device {label}")
        channels = await devices.channels(conn, row["profile"])
        found = await incidents.find(conn, {"device": label}, state="open", limit=MOST_SHOWN)
        today = await device_quality.recent(conn, row["device_id"], services.clock(), 1)
        week = await device_quality.recent(conn, row["device_id"], services.clock(), 7)
    return DeviceDetail.model_validate(
        {
            **row,
            "health": health(row["received_at"], row["interval_s"], services.clock()),
            "about": {**{word: row[word] for word in WORDS}, "at": row["about_at"], "by": row["about_by"]},
            "latest": _newest(row),
            "channels": values_of(channels, row["values"]),
            "quality": {"today": today, "seven_days": week},
            "open_incidents": [incident.of_row(item) for item in found],
        }
    )


def _newest(row: dict[str, Any]) -> NewestReading | None:
    if row["ts"] is None:
        return None
    return NewestReading(
        ts=row["ts"],
        received_at=row["received_at"],
        quality=quality_of(row["quality"]),
        origin=origin_of(row["origin"]),
        unit_grid_code=row["current_unit_grid_code"],
    )
