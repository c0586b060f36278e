"""The file a city's calendar is kept in: CSV, one line a stretch of hours, a season, or days off or made up. Pure.

`what` says what a line is: `hours` (weekdays such as 1-5 or 1,3,5, Monday is 1; month-day to month-day), `planting`
(month-day to month-day), `off` and `work` (date to date). The shipped one is `citytime/calendar.csv`.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from importlib import resources

from alerts.limits import RowMistake
from alerts.work_calendar import Calendar, Hours, Season, WorkDay
from core.errors import InvalidInput

COLUMNS = (
    "what", "since", "until", "weekdays", "opens", "closes", "name_zh", "name_en", "source", "certainty",
)  # fmt: skip
_LONGEST_HOLIDAY_DAYS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a line is called, and who says so how surely."""

    name_zh: str
    name_en: str
    source: str
    certainty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a file says; each with its line's words."""

    hours: list[tuple[Hours, Told]] = field(default_factory=list[tuple[Hours, Told]])
    planting: list[tuple[Season, Told]] = field(default_factory=list[tuple[Season, Told]])
    days: dict[date, tuple[bool, Told]] = field(default_factory=dict[date, tuple[bool, Told]])
    """Whether a day is worked (made up) or off."""

    def calendar(self, timezone: str, work_day: WorkDay) -> Calendar:
        """Give the calendar; what the file does not mention is as it is by default."""
        plain = Calendar()
        return Calendar(
            timezone=timezone,
            hours=tuple(sorted(hours for hours, _ in self.hours)) or plain.hours,
            planting=tuple(season for season, _ in self.planting) or plain.planting,
            holidays=frozenset(day for day, (works, _) in self.days.items() if not works),
            worked_weekends=frozenset(day for day, (works, _) in self.days.items() if works),
            work_day=work_day,
        )


def read(text: str) -> tuple[Content, list[RowMistake]]:
    """Give what a file's text says, and its mistakes; raises `InvalidInput` without a head."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if missing := set(COLUMNS) - set(reader.fieldnames or ()):
        raise InvalidInput(f"no calendar: the columns {', '.join(sorted(missing))} are missing")
    content = Content()
    mistakes: list[RowMistake] = []
    for row in reader:
        given = {column: (row.get(column) or "").strip() for column in COLUMNS}
        try:
            _add(content, given)
        except InvalidInput as error:
            column, _, detail = str(error).partition(": ")
            mistakes.append(RowMistake(reader.line_num, column, detail))
    return content, mistakes


def shipped() -> Content:
    """Give the calendar a city may start with: China's announced holidays, and one city's hours."""
    content, mistakes = read(resources.files("alerts").joinpath("citytime", "calendar.csv").read_text(encoding="utf-8"))
    assert not mistakes, mistakes
    return content


def _add(content: Content, row: Mapping[str, str]) -> None:
    told = Told(**{name: row[name] for name in ("name_zh", "name_en", "source", "certainty")})
    if row["what"] == "hours":
        opens, closes = _clock(row, "opens"), _clock(row, "closes")
        if opens >= closes:
            raise InvalidInput(f"closes: {row['closes']} is not after {row['opens']}; a night is two lines")
        content.hours.extend((Hours(day, opens, closes, _season(row)), told) for day in _weekdays(row["weekdays"]))
    elif row["what"] == "planting":
        content.planting.append((_season(row), told))
    elif row["what"] in {"off", "work"}:
        for day in _days(row):
            if day in content.days:
                raise InvalidInput(f"since: {day} stands twice")
            content.days[day] = (row["what"] == "work", told)
    else:
        raise InvalidInput(f"what: {row['what']!r} is none of hours, planting, off, work")


def _clock(row: Mapping[str, str], column: str) -> time:
    match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", row[column])
    if match is None:
        raise InvalidInput(f"{column}: {row[column]!r} is no time of day, e.g. 08:00")
    return time(int(match[1]), int(match[2]))


def _season(row: Mapping[str, str]) -> Season:
    return Season(_month_day(row, "since"), _month_day(row, "until"))


def _month_day(row: Mapping[str, str], column: str) -> tuple[int, int]:
    try:
        day = date.fromisoformat(f"2024-{row[column]}")  # a leap year: 02-29 is a day
    except ValueError:
        raise InvalidInput(f"{column}: {row[column]!r} is no month and day, e.g. 03-15") from None
    return day.month, day.day


def _weekdays(text: str) -> Iterable[int]:
    """Give the weekdays of `1-5` or `1,3`, Monday as 0."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"([1-7])(?:-([1-7]))?", part.strip())
        if match is None or (match[2] and match[2] < match[1]):
            raise InvalidInput(f"weekdays: {text!r} names no days: write 1-5 or 1,3,5; Monday is 1")
        found |= set(range(int(match[1]) - 1, int(match[2] or match[1])))
    return sorted(found)


def _days(row: Mapping[str, str]) -> Iterable[date]:
    try:
        since, until = date.fromisoformat(row["since"]), date.fromisoformat(row["until"] or row["since"])
    except ValueError:
        raise InvalidInput(f"since: {row['since']!r} to {row['until']!r} are no dates, e.g. 2026-10-01") from None
    count = (until - since).days + 1
    if not 1 <= count <= _LONGEST_HOLIDAY_DAYS:
        raise InvalidInput(f"until: {since} to {until} is no holiday of 1 to {_LONGEST_HOLIDAY_DAYS} days")
    return [since + timedelta(days=number) for number in range(count)]
