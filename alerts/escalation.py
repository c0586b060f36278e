"""When an incident's light turns and when it goes up a level: what the clock decides without anybody. Pure.

Up by one level: when its limit is used up, again when twice of it is, and once when departments returned it twice (our
choice of triggers, after what cities report). A desk that is late (filing, checking) is told of and takes nothing up.
It is handed down only by people, and its clock runs on; what was decided is not decided again. However late this is
asked, the answer is the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from alerts.levels import Level, area_of

RETURNED_TOO_OFTEN = 2


class Kind(StrEnum):
    """What happened, in the words of the history."""

    AMBER = "amber"
    OVERDUE = "overdue"
    OVERDUE_TWICE = "overdue_twice"
    ESCALATED = "escalated"


_STEPS = (Kind.AMBER, Kind.OVERDUE, Kind.OVERDUE_TWICE)
_TAKES_UP = frozenset({Kind.OVERDUE, Kind.OVERDUE_TWICE})
_NEXT = {Level.STREET: Level.DISTRICT, Level.DISTRICT: Level.CITY}

Marks = tuple[datetime, ...]
"""When a clock turns amber, is due, and is used twice; the last one only while it is a limit of disposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the clock needs to know of an open incident."""

    level: Level
    district_code: str
    marks: Marks = ()
    """None while no clock runs."""
    told: int = 0
    """How many of the marks were passed and told."""
    is_disposal: bool = True
    """Whether the clock is the limit's, and no desk's."""
    returns: int = 0
    returns_told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing to write down."""

    kind: Kind
    reason: str
    at: datetime | None
    """When it was so; None = it is no matter of time."""
    level: Level
    holder_code: str | None
    """The new holder; None = it stays where it is."""


def decide(watched: Watched, now: datetime) -> tuple[Turn, ...]:
    """Give what is to be written down by now, in order."""
    return tuple(_turns(watched, now))


def passed(marks: Marks, now: datetime) -> int:
    """Give how many marks are passed."""
    return sum(now > mark for mark in marks)


def told_of_new(marks: Marks, since: datetime | None, told: int) -> int:
    """Give how many marks count as told for a clock that started anew at `since`, when `told` were before.

    What was used up already when it started is not told again; a desk's clock (None) starts from nothing.
    """
    return min(told, sum(mark <= since for mark in marks)) if since else 0


def _turns(watched: Watched, now: datetime) -> Iterator[Turn]:
    level = watched.level
    for number in range(watched.told, passed(watched.marks, now)):
        kind, at = _STEPS[number], watched.marks[number]
        yield Turn(kind=kind, reason="", at=at, level=level, holder_code=None)
        if watched.is_disposal and kind in _TAKES_UP and level in _NEXT:
            level = _NEXT[level]
            yield _up(level, watched.district_code, kind.value, at)
    if watched.returns >= RETURNED_TOO_OFTEN and not watched.returns_told and level in _NEXT:
        level = _NEXT[level]
        yield _up(level, watched.district_code, "returned too often", None)


def _up(level: Level, district_code: str, reason: str, at: datetime | None) -> Turn:
    holder = area_of(level, district_code)
    return Turn(kind=Kind.ESCALATED, reason=reason, at=at, level=level, holder_code=holder)
