"""A city's table of time limits: class and filing condition (立案条件) to stages, and the file it is kept in. Pure.

Limits are data of a city, never code. The shipped table (`citytime/limits.csv`) is a starting point, see its sources.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import Literal

from alerts import due
from alerts.due import Limit, Stage
from alerts.levels import LevelRules
from alerts.work_calendar import Calendar
from core.errors import InvalidInput

COLUMNS = (
    "kind", "class_code", "condition", "condition_zh", "condition_en", "limit", "closing_zh", "source", "certainty",
)  # fmt: skip
EVENT = "E"
"""Begins the code of an event class, e.g. E0506: component 0506 is another thing."""
CODE = rf"{EVENT}?[0-9]{{4,5}}"
_CONDITION = re.compile(r"[a-z][a-z0-9_]{0,40}")

Kind = Literal["component", "event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CityLimit:
    """What a city demands when a class meets a filing condition."""

    class_code: str
    """Of an event class with `EVENT` before it."""
    condition: str
    condition_zh: str
    condition_en: str
    stages: tuple[Stage, ...]
    closing_zh: str
    """When it may be closed (结案条件)."""
    source: str
    certainty: str

    @property
    def kind(self) -> Kind:
        """Whether it is about a component or an event."""
        return "event" if self.class_code.startswith(EVENT) else "component"


def _no_limits() -> Mapping[tuple[str, str], CityLimit]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LimitTable:
    """All limits of a city."""

    by_key: Mapping[tuple[str, str], CityLimit] = field(default_factory=_no_limits)
    """By class and condition."""

    def find(self, class_code: str, condition: str) -> CityLimit | None:
        """Give the limit of a class and condition; without a condition, of the class's only one."""
        if condition:
            return self.by_key.get((class_code, condition))
        found = [limit for limit in self.by_key.values() if limit.class_code == class_code]
        return found[0] if len(found) == 1 else None

    def stages(self, class_code: str, condition: str, otherwise: Limit) -> tuple[Stage, ...]:
        """Give the stages an incident runs through; `otherwise` where the city says nothing."""
        found = self.find(class_code, condition)
        return found.stages if found else (Stage(due.ONLY_STAGE, otherwise),)

    def conditions(self, class_code: str) -> tuple[str, ...]:
        """Give the filing conditions the city knows of a class."""
        return tuple(sorted(limit.condition for limit in self.by_key.values() if limit.class_code == class_code))


@dataclass(frozen=True, slots=True, kw_only=True)
class CityTime:
    """What a city says about time: when it works, what must be done by when, and who holds it first."""

    calendar: Calendar = field(default_factory=Calendar)
    limits: LimitTable = field(default_factory=LimitTable)
    levels: LevelRules = field(default_factory=LevelRules)


@dataclass(frozen=True, slots=True)
class RowMistake:
    """A line of a file that cannot be used."""

    line: int
    column: str
    detail: str


def table(limits: Iterable[CityLimit]) -> LimitTable:
    """Give the table of limits."""
    return LimitTable(MappingProxyType({(limit.class_code, limit.condition): limit for limit in limits}))


def lacking(class_code: str, condition: str, limits: LimitTable) -> str | None:
    """Say why a rule that raises a class in a condition gets no limit from the table; None when it does.

    A rule that names no class has the deadline it states: nothing is lacking.
    """
    if not class_code or limits.find(class_code, condition):
        return None
    known = ", ".join(limits.conditions(class_code))
    if not known:
        return f"class {class_code} has no limit; its own deadline counts"
    asked = f"has no limit for {condition!r}" if condition else "has several limits: say which in `condition`"
    return f"class {class_code} {asked}; there are: {known}"


def read(text: str) -> tuple[list[CityLimit], list[RowMistake]]:
    """Give the limits of a file's text (CSV with `COLUMNS`), and its mistakes; raises `InvalidInput` without a head."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if missing := set(COLUMNS) - set(reader.fieldnames or ()):
        raise InvalidInput(f"no table of limits: the columns {', '.join(sorted(missing))} are missing")
    limits: dict[tuple[str, str], CityLimit] = {}
    mistakes: list[RowMistake] = []
    for row in reader:
        found = _limit(row, reader.line_num)
        if isinstance(found, RowMistake):
            mistakes.append(found)
        elif (key := (found.class_code, found.condition)) in limits:
            detail = f"{found.class_code} {found.condition} stands twice"
            mistakes.append(RowMistake(reader.line_num, "condition", detail))
        else:
            limits[key] = found
    return list(limits.values()), mistakes


def shipped() -> LimitTable:
    """Give the table a city may start with."""
    text = resources.files("alerts").joinpath("citytime", "limits.csv").read_text(encoding="utf-8")
    limits, mistakes = read(text)
    assert not mistakes, mistakes
    return table(limits)


def _limit(row: Mapping[str, str | None], line: int) -> CityLimit | RowMistake:
    given = {column: (row.get(column) or "").strip() for column in COLUMNS}
    if given["kind"] not in {"component", "event"}:
        return RowMistake(line, "kind", f"{given['kind']!r} is neither component nor event")
    if not re.fullmatch("[0-9]{4,5}", given["class_code"]):
        return RowMistake(
            line, "class_code", f"{given['class_code']!r} is no class: four digits, five in newer editions"
        )
    if not _CONDITION.fullmatch(given["condition"]):
        return RowMistake(
            line, "condition", f"{given['condition']!r} is no key: a word in small letters, e.g. displaced"
        )
    if blank := next(
        (name for name in ("condition_zh", "condition_en", "source", "certainty") if not given[name]), None
    ):
        return RowMistake(line, blank, "is empty")
    try:
        stages = due.stages(given["limit"])
    except InvalidInput as error:
        return RowMistake(line, "limit", str(error))
    prefix = EVENT if given["kind"] == "event" else ""
    return CityLimit(
        class_code=prefix + given["class_code"],
        stages=stages,
        **{
            name: given[name]
            for name in ("condition", "condition_zh", "condition_en", "closing_zh", "source", "certainty")
        },
    )
