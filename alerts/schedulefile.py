"""The `schedule:` of a rule, in the shape of Alertmanager's `time_intervals`, to a `Schedule`. Pure."""

import re
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.notation import Entry, near
from alerts.schedule import MONTHS, WEEKDAYS, Interval, Schedule, Span

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)")


def read(entry: Entry, city_zone: str) -> Schedule:
    """Give the schedule of one interval or a list of them; raises `Mistake`."""
    return Schedule(intervals=tuple(_interval(each, city_zone) for each in entry.elements()))


def _interval(entry: Entry, city_zone: str) -> Interval:
    entry.allow("times", "weekdays", "days_of_month", "months", "years", "location")
    location, times = entry.get("location"), entry.get("times")
    return Interval(
        location=zone(location) if location else city_zone,
        times=tuple(_time(each) for each in times.elements()) if times else (),
        weekdays=_spans(entry.get("weekdays"), _weekday),
        days_of_month=_spans(entry.get("days_of_month"), _day),
        months=_spans(entry.get("months"), _month),
        years=_spans(entry.get("years"), _year),
    )


def zone(entry: Entry) -> str:
    """Give the name of a time zone; raises `Mistake`."""
    try:
        return ZoneInfo(entry.text()).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise entry.mistake(f"{entry.text()!r} is no time zone: write e.g. Asia/Shanghai or UTC") from error


def _time(entry: Entry) -> Span:
    entry.allow("start_time", "end_time")
    start, end = _minute(entry.need("start_time")), _minute(entry.need("end_time"))
    if start >= end:
        raise entry.need("end_time").mistake(
            "must be after start_time: write a span over midnight as two, one to 24:00 and one from 00:00"
        )
    return start, end


def _minute(entry: Entry) -> int:
    match = _CLOCK.fullmatch(entry.text())
    if match is None:
        raise entry.mistake(f"{entry.text()!r} is no time of day: write it quoted, hours and minutes, e.g. '08:30'")
    return int(match[1] or match[3]) * 60 + int(match[2] or match[4])


def _spans(entry: Entry | None, value: Callable[[Entry, str], int]) -> tuple[Span, ...]:
    return tuple(_span(each, value) for each in entry.elements()) if entry else ()


def _span(entry: Entry, value: Callable[[Entry, str], int]) -> Span:
    first, _, last = entry.text().partition(":")
    start = value(entry, first)
    end = value(entry, last) if ":" in entry.text() else start
    if start > end and (start < 0) == (end < 0):
        raise entry.mistake(f"{entry.text()!r} ends before it starts: write it as two spans")
    if start < 0 < end:
        raise entry.mistake(f"{entry.text()!r}: a span that starts from the month's end also ends there, e.g. '-3:-1'")
    return start, end


def _weekday(entry: Entry, text: str) -> int:
    return _named(entry, text, WEEKDAYS)


def _month(entry: Entry, text: str) -> int:
    if re.fullmatch(r"[1-9]|1[0-2]", text.strip()):
        return int(text)
    return _named(entry, text, MONTHS) + 1


def _day(entry: Entry, text: str) -> int:
    if not re.fullmatch(r"-?([1-9]|[12]\d|3[01])", text.strip()):
        raise entry.mistake(f"{text!r} is no day of a month: 1 to 31, or -1 (the last) to -31")
    return int(text)


def _year(entry: Entry, text: str) -> int:
    if not re.fullmatch(r"[12]\d{3}", text.strip()):
        raise entry.mistake(f"{text!r} is no year: write e.g. '2026' or '2026:2028'")
    return int(text)


def _named(entry: Entry, text: str, names: Sequence[str]) -> int:
    name = text.strip().lower()
    if name not in names:
        raise entry.mistake(f"{text!r} is not known{near(name, names)}")
    return names.index(name)
