"""What a rule is: the condition or the silence it watches for, where, for how long, and what it raises. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from alerts.condition import Condition
from alerts.deadline import Calendar, Limit


class Severity(StrEnum):
    """How bad an incident is, mildest first."""

    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The devices a rule looks at: of any of the profiles, and of the classes and districts where these are named."""

    profiles: tuple[str, ...]
    classes: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()


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
class Department:
    """The department an incident goes to when the component names none."""

    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Raises:
    """What the incident carries."""

    deadline: Limit
    department: Department | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Exactly one of `fires` and `absence` is set; `clears` is only ever beside `fires`."""

    name: str
    group: str
    scope: Scope
    severity: Severity
    raises: Raises
    fires: Condition | None = None
    clears: Condition | None = None
    """When a firing rule recovers; None = when `fires` fails."""
    absence: Absence | None = None
    for_us: int = 0
    """How long the condition holds, by event time, before the rule fires; microseconds."""
    keep_firing_us: int = 0
    """How long the recovery holds, by event time, before the rule recovers; microseconds."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    source: str = ""
    """Where the numbers come from, or that they are our choice."""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """All rules in force, in the order of their files, and the calendar their deadlines run by."""

    rules: tuple[Rule, ...] = ()
    calendar: Calendar = field(default_factory=Calendar)

    def named(self, name: str) -> Rule | None:
        """Give the rule of a name."""
        return next((rule for rule in self.rules if rule.name == name), None)
