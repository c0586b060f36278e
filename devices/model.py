"""A device's life cycle, and what must be said to register one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.errors import Conflict


class State(StrEnum):
    """Where a device is in its life."""

    REGISTERED = "registered"
    INSTALLED = "installed"
    COMMISSIONED = "commissioned"
    IN_SERVICE = "in_service"
    MAINTENANCE = "maintenance"
    REPLACED = "replaced"
    RETIRED = "retired"


_NEXT: Mapping[State, frozenset[State]] = {
    State.REGISTERED: frozenset({State.INSTALLED, State.IN_SERVICE, State.RETIRED}),
    State.INSTALLED: frozenset({State.COMMISSIONED, State.IN_SERVICE, State.RETIRED}),
    State.COMMISSIONED: frozenset({State.IN_SERVICE, State.RETIRED}),
    State.IN_SERVICE: frozenset({State.MAINTENANCE, State.REPLACED, State.RETIRED}),
    State.MAINTENANCE: frozenset({State.IN_SERVICE, State.REPLACED, State.RETIRED}),
    State.REPLACED: frozenset({State.RETIRED}),
    State.RETIRED: frozenset(),
}

REPORTING = frozenset({State.REGISTERED, State.INSTALLED, State.COMMISSIONED, State.IN_SERVICE, State.MAINTENANCE})
"""States in which readings are accepted: installers must see the first reading arrive."""


def require_transition(label: str, current: State, wanted: State) -> None:
    """Raise `Conflict`, naming what is possible, unless a device may go from `current` to `wanted`."""
    if wanted not in _NEXT[current]:
        possible = ", ".join(sorted(_NEXT[current])) or "nothing: it is at its end"
        raise Conflict(f"device {label} is {current}: it cannot become {wanted}; possible: {possible}")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Why one row was not registered."""

    line: int
    column: str
    reason: str
    detail: str
