"""HTTP for devices that knock: messages of devices that nobody registered, and registering them as they speak."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api import paging
from api.paging import Cursor, Limit, Page
from api.principal import Person
from api.services import Use
from devices import unknown
from devices.guess import guess
from devices.model import Change, Registration
from devices.profile import Profile

router = APIRouter(prefix="/unknown-devices", tags=["devices"])
NO_NUL = r"^[^\x00]*$"

UnknownId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=NO_NUL)]


class UnknownDevice(BaseModel):
    """A device that sends and is not registered, with what a registration form is filled with."""

    unknown_id: int
    format: str
    address: str = Field(description="What its format calls it; our own calls it by its label.")
    district_code: str = Field(description="Of the topic it sends on; empty where the topic names none.")
    kind: str
    gateway: str = Field(description="Label of the gateway it sends through; empty = none.")
    topic: str
    payload: str = Field(description="The last it said, as text; bytes that are no UTF-8 in base64.")
    payload_is_text: bool
    truncated: bool
    first_seen: datetime
    last_seen: datetime
    seen: int
    ignored_at: datetime | None
    ignored_by: str | None
    ignored_reason: str | None
    profiles: list[str] = Field(description="Device types it may be, the likeliest first.")
    measures: list[str] = Field(description="Channels its last message names.")
    lon: float | None = Field(description="Where it says it is.")
    lat: float | None


class RegisterUnknownCommand(BaseModel):
    """What a person adds to what the device says of itself."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    profile: str = Field(min_length=1, max_length=64, pattern=NO_NUL)
    label: str = Field(
        default="", pattern="^[A-Za-z0-9_-]{0,64}$", description="Empty = the name it speaks by, where that is one."
    )
    component_code: str = Field(default="", pattern="^([0-9]{16})?$")
    district_code: str = Field(default="", pattern="^([0-9]{6})?$")
    lon: float | None = Field(default=None, ge=-180, le=180)
    lat: float | None = Field(default=None, ge=-90, le=90)
    interval_s: float | None = Field(default=None, gt=0, le=31_536_000)
    codec: str = Field(default="", max_length=64, pattern=NO_NUL, description="What reads its LoRaWAN bytes.")


class IgnoreCommand(BaseModel):
    """Why it may knock unnoticed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: Reason


class NoticeCommand(BaseModel):
    """Why it is listed again."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: str = Field(default="", max_length=2000, pattern=NO_NUL)


class RegisteredDevice(BaseModel):
    """The device it is now."""

    label: str


class Noted(BaseModel):
    """The stranger that was changed."""

    unknown_id: int
    ignored: bool


@router.get("")
async def list_unknown_devices(
    services: Use,
    *,
    ignored: Annotated[bool, Query(description="Those that somebody lets knock.")] = False,
    district_code: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[UnknownDevice]:
    """List devices that send and are not registered, the last heard first; a bounded number is remembered."""
    given: dict[str, object] = {"ignored": ignored, "district_code": district_code}
    if cursor:
        given["before"], given["before_id"] = paging.decode("unknown-devices", cursor, tuple[datetime, int])
    async with services.reading() as conn:
        rows = await unknown.find(conn, given, limit=limit + 1)
    items = [_shown(row, services.profiles) for row in rows[:limit]]
    more = len(rows) > limit
    last = paging.encode("unknown-devices", [items[-1].last_seen, items[-1].unknown_id]) if more else None
    return Page(items=items, next=last)


@router.post("/{unknown_id}/registration")
async def register_unknown_device(
    unknown_id: UnknownId, command: RegisterUnknownCommand, services: Use, person: Person
) -> RegisteredDevice:
    """Register it under the name it speaks by, installed from now on; what it said so far is tried again."""
    wanted = Registration(
        label=command.label,
        profile=command.profile,
        component_code=command.component_code,
        district_code=command.district_code,
        lon_deg=command.lon,
        lat_deg=command.lat,
        interval_s=command.interval_s,
        codec=command.codec,
    )
    by = Change(now=services.clock(), actor=person.name)
    async with services.writing() as conn:
        label = await unknown.register(conn, unknown_id, wanted, services.profiles, by)
    return RegisteredDevice(label=label)


@router.post("/{unknown_id}/ignore")
async def ignore_unknown_device(unknown_id: UnknownId, command: IgnoreCommand, services: Use, person: Person) -> Noted:
    """Let it knock unnoticed; its messages are refused as before."""
    async with services.writing() as conn:
        by = Change(now=services.clock(), actor=person.name, reason=command.reason)
        await unknown.ignore(conn, unknown_id, by)
    return Noted(unknown_id=unknown_id, ignored=True)


@router.post("/{unknown_id}/notice")
async def notice_unknown_device(unknown_id: UnknownId, command: NoticeCommand, services: Use, person: Person) -> Noted:
    """End that it is ignored."""
    async with services.writing() as conn:
        by = Change(now=services.clock(), actor=person.name, reason=command.reason)
        await unknown.notice(conn, unknown_id, by)
    return Noted(unknown_id=unknown_id, ignored=False)


def _shown(row: dict[str, Any], profiles: Mapping[str, Profile]) -> UnknownDevice:
    found = guess(row["kind"], row["payload"], profiles)
    text, is_text = _text(row["payload"])
    said: dict[str, Any] = {"profiles": found.profiles, "measures": found.measures}
    said |= {"lon": found.lon_deg, "lat": found.lat_deg, "payload": text, "payload_is_text": is_text}
    return UnknownDevice.model_validate({**row, **said})


def _text(payload: bytes) -> tuple[str, bool]:
    try:
        return payload.decode(), True
    except UnicodeDecodeError:
        return base64.b64encode(payload).decode(), False
