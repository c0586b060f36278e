"""Device types as data: a profile names the channels a device measures, their units, and how often it reports."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from core import units
from core.errors import InvalidInput

SHIPPED = Path(__file__).parent / "profiles"
MOST_CHANNELS = 64
"""Which channels a message lacks is one 64-bit number (`storage.binary_copy`)."""


class Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a device writes a channel where it does not say the unit: number x `scale` + `offset`, in `unit` (UCUM)."""

    unit: str
    scale: float = 1.0
    offset: float = 0.0


class Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured quantity in its canonical unit (UCUM); values outside `min`..`max` are implausible.

    The rules behind the optional fields are in docs/quality.md.
    """

    name: str
    unit: str
    min: float
    max: float
    name_zh: str
    name_en: str
    sentinels: tuple[float, ...] = ()
    """Values that say "no sensor"; they are no measurement, also where they lie inside `min`..`max`."""
    max_step_per_s: float | None = None
    """Fastest believable change, units of the channel a second; None = any."""
    average: Literal["arithmetic", "time_weighted"] = "arithmetic"
    """Kind of mean over time: states that hold until they change, or are reported more often when something is up, are
    weighted by how long they held (ADR-0009)."""
    counter: bool = False
    """True when it only ever grows: a fall is a counter that began anew."""
    sent: Sent | None = None
    """None = it is sent in `unit`. Sentinels are numbers as they are sent."""

    @property
    def line(self) -> tuple[float, float] | None:
        """Give scale and offset from the number that is sent to the channel's unit; None = it is sent so."""
        if self.sent is None:
            return None
        scale, offset = units.conversion(self.sent.unit, self.unit) or (1.0, 0.0)
        return self.sent.scale * scale, self.sent.offset * scale + offset


class Argument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number that a command takes or an installer notes, in its unit (UCUM), from `min` to `max`."""

    name: str
    unit: str
    min: float
    max: float
    name_zh: str
    name_en: str
    default: float | None = None
    """What counts when nobody says it; None = nothing."""


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something a device of this type can be told to do (docs/commands.md)."""

    name: str
    name_zh: str
    name_en: str
    argument: tuple[Argument, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    profile: str
    version: int
    kind: str
    name_zh: str
    name_en: str
    interval_s: float
    classes: tuple[str, ...]
    channel: tuple[Channel, ...]
    moving: bool = False
    sentinels: tuple[float, ...] = ()
    """Say "no sensor" on every channel whose range they are outside of."""
    command: tuple[Command, ...] = ()
    install: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A device type. Channels keep their order for ever: stored arrays follow it, new channels are appended."""

    profile: str
    version: int
    kind: str
    """The topic's segment for devices of this type."""
    name_zh: str
    name_en: str
    interval_s: float
    """Usual reporting interval, seconds; a device may have agreed another."""
    classes: tuple[str, ...]
    """Component classes it may stand on; empty = it stands on none (a vehicle)."""
    channels: tuple[Channel, ...]
    moving: bool
    """True when its position is in its readings (`lon_deg`, `lat_deg`)."""
    commands: tuple[Command, ...] = ()
    """What it can be told to do; empty = nothing."""
    install: tuple[Argument, ...] = ()
    """What whoever installs it notes on the spot, such as the angle at which it lies."""

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels, in order."""
        return tuple(channel.name for channel in self.channels)


def parse(text: str, source: str) -> Profile:
    """Give the profile a TOML text describes; raises `InvalidInput` naming `source` and the field."""
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidInput(f"{source}: {error}") from error
    if wrong := _fault(file):
        raise InvalidInput(f"{source}: {wrong}")
    return Profile(
        profile=file.profile,
        version=file.version,
        kind=file.kind,
        name_zh=file.name_zh,
        name_en=file.name_en,
        interval_s=file.interval_s,
        classes=file.classes,
        channels=tuple(_with_sentinels(channel, file.sentinels) for channel in file.channel),
        moving=file.moving,
        commands=file.command,
        install=file.install,
    )


def _fault(file: _File) -> str:
    """Say what is wrong with a file beyond its shape, or give nothing."""
    names = [channel.name for channel in file.channel]
    if len(set(names)) != len(names):
        return "a channel is named twice"
    if len(names) > MOST_CHANNELS:
        return f"{len(names)} channels; at most {MOST_CHANNELS}"
    if file.moving and not {"lon_deg", "lat_deg"} <= set(names):
        return "a moving device needs channels lon_deg and lat_deg"
    return next(filter(None, (*map(_channel_fault, file.channel), *map(_install_fault, file.install))), "")


def _channel_fault(channel: Channel) -> str:
    if not channel.min < channel.max:
        return f"channel {channel.name}: min must be below max"
    if channel.max_step_per_s is not None and not channel.max_step_per_s > 0:
        return f"channel {channel.name}: max_step_per_s must be above 0"
    if channel.sent and not channel.sent.scale:
        return f"channel {channel.name}: scale must not be 0"
    if channel.sent and units.conversion(channel.sent.unit, channel.unit) is None:
        return f"channel {channel.name}: {channel.sent.unit} cannot become {channel.unit}"
    return ""


def _install_fault(it: Argument) -> str:
    if not it.min < it.max:
        return f"install {it.name}: min must be below max"
    if it.default is not None and not it.min <= it.default <= it.max:
        return f"install {it.name}: the default is outside {it.min:g} to {it.max:g}"
    return ""


def _with_sentinels(channel: Channel, of_all: tuple[float, ...]) -> Channel:
    scale, offset = channel.line or (1.0, 0.0)
    own, others = ([value * scale + offset for value in values] for values in (channel.sentinels, of_all))
    outside = (value for value in others if not channel.min <= value <= channel.max)
    return msgspec.structs.replace(channel, sentinels=tuple(dict.fromkeys((*own, *outside))))


def schema() -> dict[str, Any]:
    """Give the JSON Schema of a profile's file, for editors."""
    (document,), parts = msgspec.json.schema_components([_File], ref_template="#/$defs/{name}")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Device type of CityGrid"}
    return {**parts.pop("_File", document), **head, "$defs": parts}


def load(folder: Path) -> dict[str, Profile]:
    """Give the profiles of a folder's TOML files by name."""
    profiles: dict[str, Profile] = {}
    for file in sorted(folder.glob("*.toml")):
        profile = parse(file.read_text(encoding="utf-8"), file.name)
        if profile.profile in profiles:
            raise InvalidInput(f"{file.name}: profile {profile.profile} is defined twice")
        profiles[profile.profile] = profile
    return profiles


@cache
def shipped() -> Mapping[str, Profile]:
    """Give the profiles that come with CityGrid."""
    return load(SHIPPED)
