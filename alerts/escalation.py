"""When an incident's light turns and when it goes up a level: what the clock decides without anybody. Pure.

Up by one level: when its limit is used up, again when twice of it is, and once when departments returned it twice (our
choice of triggers, after what cities report). It is handed down only by people, and its clock runs on; what was decided
is not decided again. However late this is asked, the answer is the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from alerts.due import Marks
from alerts.levels import Level, area_of

RETURNED_TOO_OFTEN = 2


class Kind(StrEnum):
    """What happened, in the words of the history."""

    AMBER = "amber"
    OVERDUE = "overdue"
    OVERDUE_TWICE = "overdue_twice"
    ESCALATED = "escalated"


_STEPS = (Kind.AMBER, Kind.OVERDUE, Kind.OVERDUE_TWICE)
_UP_FROM = 1
"""The step from which each one takes it up a level."""
_NEXT = {Level.STREET: Level.DISTRICT, Level.DISTRICT: Level.CITY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the clock needs to know of an open incident."""

    level: Level
    district_code: str
    marks: Marks | None
    """None = no clock runs."""
    step: int
    """How many of the marks were passed and told."""
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


def step_at(marks: Marks, at: datetime) -> int:
    """Give how many marks are passed at an instant."""
    return sum(at > mark for mark in (marks.amber_at, marks.due_at, marks.twice_at))


def step_of_new(marks: Marks, since: datetime, step: int) -> int:
    """Give how many marks count as told for a clock that started again at `since`, when `step` were told before."""
    return min(step, sum(mark <= since for mark in (marks.amber_at, marks.due_at, marks.twice_at)))


def _turns(watched: Watched, now: datetime) -> Iterator[Turn]:
    level = watched.level
    if watched.marks is not None:
        instants = (watched.marks.amber_at, watched.marks.due_at, watched.marks.twice_at)
        for step in range(watched.step, step_at(watched.marks, now)):
            yield Turn(kind=_STEPS[step], reason="", at=instants[step], level=level, holder_code=None)
            if step >= _UP_FROM and level in _NEXT:
                level = _NEXT[level]
                yield _up(level, watched.district_code, _STEPS[step].value, instants[step])
    if watched.returns >= RETURNED_TOO_OFTEN and not watched.returns_told and level in _NEXT:
        level = _NEXT[level]
        yield _up(level, watched.district_code, f"returned {watched.returns} times", None)


def _up(level: Level, district_code: str, reason: str, at: datetime | None) -> Turn:
    holder = area_of(level, district_code)
    return Turn(kind=Kind.ESCALATED, reason=reason, at=at, level=level, holder_code=holder)
