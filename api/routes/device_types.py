"""HTTP for device types: what each measures, what it may stand on, what it is told, and how to send to it."""

import json
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from api.services import Use
from core.errors import NotFound
from devices.profile import Channel, Profile, shipped
from storage.queries import device_types

router = APIRouter(prefix="/device-types", tags=["devices"])
SHOWN_CHANNELS = 4
MOMENT = "2026-11-22T04:00:00.123Z"

Name = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,63}$")]


class DeviceType(BaseModel):
    """A device type in the list."""

    profile: str
    version: int
    name_zh: str
    name_en: str
    kind: str = Field(description="The topic's segment for devices of this type.")
    interval_s: float
    moving: bool
    classes: list[str] = Field(description="Component classes it may stand on; empty = it stands on none.")
    channels: int
    shipped: bool = Field(description="False: the city's own.")
    devices: int = Field(description="Devices of this type that are not replaced or retired.")


class TypeChannel(BaseModel):
    """A quantity it measures."""

    name: str
    name_zh: str
    name_en: str
    unit: str = Field(description="UCUM.")
    min: float
    max: float
    sentinels: list[float] = Field(description='Values that say "no sensor".')
    max_step_per_s: float | None
    average: str
    counter: bool
    sent: str | None = Field(description="How it is sent where no unit is said; null = in `unit`.")
    since_version: int | None = Field(description="Version that appended it; null before ingest has seen the type.")


class InstallParameter(BaseModel):
    """A number whoever installs it notes."""

    name: str
    name_zh: str
    name_en: str
    unit: str
    min: float
    max: float
    default: float | None


class DeviceTypeDetail(BaseModel):
    """A device type in full."""

    profile: str
    version: int
    name_zh: str
    name_en: str
    kind: str
    interval_s: float
    moving: bool
    classes: list[str]
    shipped: bool
    devices: int
    channels: list[TypeChannel]
    install: list[InstallParameter]
    commands: list[str]
    topic: str = Field(description="Where its devices publish.")
    example: str = Field(description="A message in our own format.")


class DeviceTypes(BaseModel):
    """Every device type, by name."""

    items: list[DeviceType]


@router.get("")
async def list_device_types(services: Use) -> DeviceTypes:
    """List the device types: the shipped ones and the city's own."""
    async with services.reading() as conn:
        counts = await device_types.device_counts(conn)
    items = [
        {**_facts(it), "channels": len(it.channels), "devices": counts.get(it.profile, 0)}
        for _, it in sorted(services.profiles.items())
    ]
    return DeviceTypes.model_validate({"items": items})


@router.get("/{profile}")
async def show_device_type(profile: Name, services: Use) -> DeviceTypeDetail:
    """Show one device type with its channels, install parameters and an example of what to send."""
    found = services.profiles.get(profile)
    if found is None:
        raise NotFound(f"there is no device type {profile}")
    async with services.reading() as conn:
        counts = await device_types.device_counts(conn)
        since = await device_types.channel_versions(conn, profile)
    return DeviceTypeDetail.model_validate(
        {
            **_facts(found),
            "devices": counts.get(profile, 0),
            "channels": [_channel(it, since.get(it.name)) for it in found.channels],
            "install": [_install(it) for it in found.install],
            "commands": [it.name for it in found.commands],
            "topic": f"citygrid/v1/<district>/{found.kind}/<label>/telemetry",
            "example": _example(found),
        }
    )


def _facts(profile: Profile) -> dict[str, object]:
    names = ("profile", "version", "name_zh", "name_en", "kind", "interval_s", "moving", "classes")
    own = shipped().get(profile.profile) == profile
    return {**{name: getattr(profile, name) for name in names}, "shipped": own}


def _channel(it: Channel, since: int | None) -> dict[str, object]:
    names = ("name", "name_zh", "name_en", "unit", "min", "max", "sentinels", "max_step_per_s", "average", "counter")
    sent = None
    if it.sent:
        offset = f" {it.sent.offset:+g}" if it.sent.offset else ""
        scale = f" × {it.sent.scale:g}" if it.sent.scale != 1 else ""
        sent = f"n{scale}{offset} {it.sent.unit}"
    return {**{name: getattr(it, name) for name in names}, "sent": sent, "since_version": since}


def _install(it: object) -> dict[str, object]:
    return {name: getattr(it, name) for name in ("name", "name_zh", "name_en", "unit", "min", "max", "default")}


def _example(profile: Profile) -> str:
    values = {it.name: _usual(it) for it in profile.channels[:SHOWN_CHANNELS]}
    return json.dumps({"ts": MOMENT, "seq": 17, "values": values}, ensure_ascii=False)


def _usual(it: Channel) -> float:
    """Give a number as it is sent, in the lower part of what is plausible."""
    value = 0.0 if it.min == 0 and it.max == 1 else it.min + (it.max - it.min) / 4
    scale, offset = it.line or (1.0, 0.0)
    return round((value - offset) / scale, 3)
