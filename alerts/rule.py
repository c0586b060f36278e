"""What a rule is: the condition or the silence it watches for, where, for how long, and what it raises. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, get_args

from alerts.condition import Condition
from alerts.due import Limit
from alerts.mute import InhibitRule
from alerts.schedule import Schedule
from alerts.together import SamePlace, Together
from alerts.work_calendar import Calendar

Mode = Literal["live", "shadow"]
Files = Literal["by_itself", "after_check"]
OnRecovery = Literal["check", "close"]
MODES: tuple[Mode, ...] = get_args(Mode)
FILES: tuple[Files, ...] = get_args(Files)
ON_RECOVERY: tuple[OnRecovery, ...] = get_args(OnRecovery)


class Severity(StrEnum):
    """How bad an incident is, mildest first."""

    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


def plain(name: str) -> str:
    """Give a rule's name, or a cause, without the version it bears in shadow (`4~LampOut`)."""
    version, marked, rest = name.partition("~")
    return rest if marked and version.isdecimal() else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The devices a rule looks at: of any of the profiles, and of the classes, subsystems ... where these are named."""

    profiles: tuple[str, ...]
    classes: tuple[str, ...] = ()
    """Four digits of component classes."""
    subsystems: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()
    """Six digits of districts."""
    grids: tuple[str, ...] = ()
    """Codes of patrol grids or unit grids."""
    tags: tuple[str, ...] = ()
    """Tags of devices, any of which puts a device in scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A silence: no reading for so many of the device's own intervals, or so many seconds."""

    intervals: float = 0.0
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """Say it as a comparison is said."""
        return (
            f"no reading for {self.intervals:g} intervals" if self.intervals else f"no reading for {self.seconds:g} s"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A fact that a device tells: a camera's detection, an event of a device."""

    kinds: tuple[str, ...]
    """Any of these."""
    confidence: float = 0.0
    """At least so sure, 0 to 1; 0 = however sure."""

    @property
    def text(self) -> str:
        """Say it as a comparison is said."""
        return " or ".join(self.kinds) + (f", confidence >= {self.confidence:g}" if self.confidence else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """The department an incident goes to when the component names none."""

    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Raises:
    """What the incident carries."""

    deadline: Limit
    """The limit where the city's table has none for the class and filing condition."""
    department: Department | None = None
    class_code: str = ""
    """Four digits of the class that is filed; empty = the component's own."""
    condition: str = ""
    """The filing condition of the class, as the city's table of limits names it; empty = the class's only one."""
    files: Files = "after_check"
    """Whether the incident files itself, or an acceptor has it verified first."""
    on_recovery: OnRecovery = "check"
    """Whether a recovery by sensor asks for a check, or closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Exactly one of `fires`, `absence` and `sighting` is set; `clears` is only ever beside `fires`."""

    name: str
    group: str
    scope: Scope
    severity: Severity
    raises: Raises
    fires: Condition | None = None
    clears: Condition | None = None
    """When a firing rule recovers; None = when `fires` fails."""
    absence: Absence | None = None
    sighting: Sighting | None = None
    for_us: int = 0
    """How long the condition holds, by event time, before the rule fires; microseconds."""
    keep_firing_us: int = 0
    """How long the recovery holds, by event time, before the rule recovers; microseconds."""
    offset_us: int = 0
    """The stated lateness (`query_offset`): readings are seen this long after their time, in order of event time;
    0 = as they arrive; microseconds."""
    mode: Mode = "live"
    schedule: Schedule | None = None
    """When the rule looks at all; None = always."""
    together: Together | None = None
    """What makes one case of many devices; None = a case a component, or a device where it stands on none."""
    same_place: SamePlace | None = None
    """What makes one case of several reports from one spot, of devices that stand on no component."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    source: str = ""
    """Where the numbers come from, or that they are our choice."""
    file: str = ""
    line: int = 0
    version: int = 0
    """Of the rule book it was published with; 0 = not published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """All rules in force, in the order of their files, and the calendar their deadlines run by."""

    rules: tuple[Rule, ...] = ()
    calendar: Calendar = field(default_factory=Calendar)
    version: int = 0
    """As published; 0 = not published."""
    inhibit_rules: tuple[InhibitRule, ...] = ()
    """Causes that hold back their effects."""

    def named(self, name: str) -> Rule | None:
        """Give the rule of a name."""
        return next((rule for rule in self.rules if rule.name == name), None)
