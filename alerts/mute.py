"""Which cases are held back, and why: inhibition, silences, maintenance windows, as Alertmanager means them. Pure.

Nothing is thrown away here: `alerts.fan_in` remembers what is held back, records it with the reason given here, and
opens it when the mute ends while the rule still fires.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from alerts import matcher
from alerts.matcher import Matcher

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Labels = Mapping[str, str]
AREA_LABELS = ("district", "patrol_grid")
"""Labels whose value is the code of an area a silence may name: enough where a device has no unit grid."""


class Windows(Protocol):
    """Recurring times, such as every Sunday from 02:00 to 04:00: an `alerts.schedule.Schedule`."""

    def active(self, ts_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which instants, microseconds since 1970 UTC, lie in one of them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A case that may be held back."""

    cause: str
    labels: Labels
    """See `alerts.labels`."""
    lon_deg: float
    lat_deg: float
    unit_grid_id: int = 0
    """0 = unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InhibitRule:
    """While a source stands, targets with the same values of the `equal` labels are held back."""

    name: str = ""
    source_matchers: tuple[Matcher, ...]
    target_matchers: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()
    file: str = ""
    line: int = 0

    def key(self, labels: Labels) -> tuple[str, ...]:
        """Give what source and target must have in common; an absent label is an empty one."""
        return tuple(labels.get(name, "") for name in self.equal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What a person wants held back: where all matchers hold, inside the area, from `starts_at` until `ends_at`."""

    silence_id: int
    matchers: tuple[Matcher, ...] = ()
    areas: tuple[str, ...] = ()
    """Codes of districts, streets, communities or patrol grids; the case lies in any of them. Empty = anywhere."""
    unit_grids: frozenset[int] = frozenset()
    """The unit grids of these areas."""
    polygon: BaseGeometry | None = None
    starts_at: datetime
    ends_at: datetime
    windows: Windows | None = None
    """A maintenance window: held back only at these times; None = all the time."""
    author: str
    reason: str

    def covers(self, subject: Subject, at: datetime) -> bool:
        """Say whether it holds the case back at an instant."""
        if not self.starts_at <= at < self.ends_at or not self._is_time(at):
            return False
        if self.areas and not self._is_in_areas(subject):
            return False
        if self.polygon is not None and not shapely.intersects_xy(self.polygon, subject.lon_deg, subject.lat_deg):
            return False
        return matcher.every(self.matchers, subject.labels)

    def _is_time(self, at: datetime) -> bool:
        if self.windows is None:
            return True
        return bool(self.windows.active(np.array([(at - _EPOCH) // timedelta(microseconds=1)], np.int64))[0])

    def _is_in_areas(self, subject: Subject) -> bool:
        named = any(subject.labels.get(name) in self.areas for name in AREA_LABELS)
        return named or subject.unit_grid_id in self.unit_grids


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted:
    """Why a case is held back."""

    kind: Literal["silence", "inhibition"]
    by: str
    """Of an inhibition the cause that stands; of a silence its number."""
    reason: str
    """In words, for people."""


class Standing:
    """The causes that stand, found by what inhibition asks of them; what is held back itself stands too.

    A draft shares what it was made from and takes changes of its own: decide on a draft, `apply` it after the commit.
    """

    def __init__(self, rules: Sequence[InhibitRule] = (), under: "Standing | None" = None) -> None:
        self.rules = tuple(rules)
        self._under = under
        self.labels: dict[str, Labels] = {}
        self.gone: set[str] = set()
        self._sources: list[dict[tuple[str, ...], dict[str, bool]]] = [{} for _ in self.rules]
        """By rule and key: the causes that match its source side -> whether they match its target side too."""

    def put(self, cause: str, labels: Labels) -> None:
        """Note that a cause stands."""
        self.drop(cause)
        self.labels[cause] = labels
        for rule, sources in zip(self.rules, self._sources, strict=True):
            if matcher.every(rule.source_matchers, labels):
                both = matcher.every(rule.target_matchers, labels)
                sources.setdefault(rule.key(labels), {})[cause] = both

    def drop(self, cause: str) -> None:
        """Note that a cause is over; one that is not known is ignored."""
        if self._under is not None:
            self.gone.add(cause)
        labels = self.labels.pop(cause, None)
        if labels is None:
            return
        for rule, sources in zip(self.rules, self._sources, strict=True):
            key = rule.key(labels)
            causes = sources.get(key)
            if causes is not None and causes.pop(cause, None) is not None and not causes:
                del sources[key]

    def draft(self) -> "Standing":
        """Give a draft of changes to this."""
        return Standing(self.rules, under=self)

    def apply(self, draft: "Standing") -> None:
        """Take over the changes of a draft of this."""
        for cause in draft.gone:
            self.drop(cause)
        for cause, labels in draft.labels.items():
            self.put(cause, labels)

    def with_rules(self, rules: Sequence[InhibitRule]) -> "Standing":
        """Give the same causes under other rules."""
        result = Standing(rules)
        for cause, labels in self.labels.items():
            result.put(cause, labels)
        return result

    def inhibitor(self, subject: Subject) -> tuple[InhibitRule, str] | None:
        """Give the rule and the standing cause that hold a case back.

        As in Alertmanager, a case that matches both sides of a rule is not held back by others of which that is true.
        """
        for number, rule in enumerate(self.rules):
            if matcher.every(rule.target_matchers, subject.labels):
                is_both = matcher.every(rule.source_matchers, subject.labels)
                for cause, both in self.causes(number, rule.key(subject.labels)):
                    if cause != subject.cause and not (both and is_both):
                        return rule, cause
        return None

    def causes(self, number: int, key: tuple[str, ...]) -> Iterable[tuple[str, bool]]:
        """Give the sources of a rule under a key, and whether each is a target of it too."""
        yield from self._sources[number].get(key, {}).items()
        if self._under is not None:
            for cause, both in self._under.causes(number, key):
                if cause not in self.gone:
                    yield cause, both


def muted_by(subject: Subject, at: datetime, silences: Sequence[Silence], standing: Standing) -> Muted | None:
    """Give why a case is held back at an instant, None when it is not; a silence is named before an inhibition."""
    for silence in silences:
        if silence.covers(subject, at):
            until = f"until {silence.ends_at:%Y-%m-%d %H:%M} UTC"
            kind = "maintenance window" if silence.windows is not None else "silenced"
            return Muted(
                kind="silence",
                by=str(silence.silence_id),
                reason=f"{kind} by {silence.author} {until}: {silence.reason}",
            )
    found = standing.inhibitor(subject) if standing.rules else None
    if found is None:
        return None
    rule, cause = found
    return Muted(kind="inhibition", by=cause, reason=f"an effect of {cause}" + (f" ({rule.name})" if rule.name else ""))
