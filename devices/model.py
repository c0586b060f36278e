"""What must be said to register a device, to move it along its life, and why that was refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from devices.about import UNSAID, About
from devices.life import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changes something, when and why."""

    now: datetime
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A step of a device's life."""

    label: str
    to: State
    component_code: str = ""
    """Where it is put when it comes back from being replaced; a device that stands on no component needs none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A device to register. Position WGS 84 degrees; without a component the position must be given."""

    label: str
    profile: str
    component_code: str = ""
    district_code: str = ""
    lon_deg: float | None = None
    lat_deg: float | None = None
    interval_s: float | None = None
    install: Mapping[str, Any] = field(default_factory=dict[str, Any])
    format: str = "native"
    """What it speaks: a name of `wire.addresses.NAMINGS`."""
    address: str = ""
    """Its name in that format; empty = its label."""
    codec: str = ""
    """What turns its bytes into channels: a name of `wire.uplinks.CODECS`; empty = nothing needs to."""
    about: About = UNSAID


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Why one row was not registered."""

    line: int
    column: str
    reason: str
    detail: str
