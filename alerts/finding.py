"""What lint finds, and what it is told of the world that rules are checked against. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from alerts.limits import LimitTable

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class ChannelFact:
    """What is known of a channel: its unit and plausible range."""

    unit: str
    min: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFact:
    """What is known of a device profile."""

    channels: Mapping[str, ChannelFact]
    classes: Collection[str]
    """Component classes its devices stand on; none = they stand on nothing."""
    interval_s: float = 0.0
    """How often its devices usually report; 0 = not known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What rules are checked against."""

    profiles: Mapping[str, ProfileFact]
    classes: Collection[str]
    """All classes of the catalogue."""
    areas: Collection[str] | None = None
    """Names of the city's areas; None = not known here."""
    limits: LimitTable | None = None
    """What the city demands; None = not asked."""
    devices: Mapping[str, int] | None = None
    """How many devices of each profile there are; None = not known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong or doubtful."""

    level: Level
    file: str
    line: int
    rule: str
    field: str
    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.level}: rule {self.rule}: {self.field}: {self.message} [{self.check}]"


Report = Callable[[Level, str, str, str], Finding]
"""Makes a finding of a rule: level, field, check, message."""
