"""What a city says about time, in the database: limits, calendar, first levels.

Takes a connection, never commits. A change is announced at the commit.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from alerts import due, limits
from alerts.calendar_file import Content, Told
from alerts.due import Limit, Unit
from alerts.levels import LevelRules
from alerts.limits import CityLimit, CityTime
from alerts.work_calendar import Calendar, Hours, Season, WorkDay
from core.errors import InvalidInput
from storage import signals

SELECT_LIMITS = """
SELECT class_code, condition, condition_zh, condition_en, stages, closing_zh, source, certainty
FROM time_limit ORDER BY class_code, condition
"""
SELECT_DAYS = "SELECT day, works, name_zh, name_en, source, certainty FROM holiday ORDER BY day"
SELECT_HOURS = """
SELECT weekday, opens, closes, since, until, name_zh, name_en, source, certainty
FROM work_hours ORDER BY weekday, since, opens
"""
SELECT_PLANTING = "SELECT since, until, name_zh, name_en, source, certainty FROM planting_season ORDER BY since"
SELECT_LEVELS = "SELECT what, key, level FROM level_rule"

INSERT_LIMIT = """
INSERT INTO time_limit (class_code, condition, condition_zh, condition_en, stages, closing_zh, source, certainty)
VALUES (
    %(class_code)s, %(condition)s, %(condition_zh)s, %(condition_en)s, %(stages)s, %(closing_zh)s, %(source)s,
    %(certainty)s
)
"""
INSERT_HOURS = """
INSERT INTO work_hours (weekday, opens, closes, since, until, name_zh, name_en, source, certainty)
VALUES (
    %(weekday)s, %(opens)s, %(closes)s, %(since)s, %(until)s, %(name_zh)s, %(name_en)s, %(source)s, %(certainty)s
)
"""
INSERT_PLANTING = """
INSERT INTO planting_season (since, until, name_zh, name_en, source, certainty)
VALUES (%(since)s, %(until)s, %(name_zh)s, %(name_en)s, %(source)s, %(certainty)s)
"""
INSERT_DAY = """
INSERT INTO holiday (day, works, name_zh, name_en, source, certainty)
VALUES (%(day)s, %(works)s, %(name_zh)s, %(name_en)s, %(source)s, %(certainty)s)
"""
DELETE_DAYS_OF = "DELETE FROM holiday WHERE extract(year FROM day)::int = ANY(%(years)s)"
AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail) VALUES (%(now)s, %(actor)s, %(action)s, 'city', %(detail)s)
"""


async def load(conn: AsyncConnection, timezone: str, work_day: WorkDay) -> CityTime:
    """Give what the city says."""
    calendar = (await calendar_content(conn)).calendar(timezone, work_day)
    table = limits.table(await city_limits(conn))
    rows = await _rows(conn, SELECT_LEVELS)
    levels = LevelRules({(row["what"], row["key"]): row["level"] for row in rows})
    return CityTime(calendar=calendar, limits=table, levels=levels)


async def city_limits(conn: AsyncConnection) -> list[CityLimit]:
    """Give the city's limits, by class and condition."""
    return [CityLimit(stages=due.stages(row.pop("stages")), **row) for row in await _rows(conn, SELECT_LIMITS)]


async def calendar_content(conn: AsyncConnection) -> Content:
    """Give the city's calendar, each entry with its words."""
    content = Content()
    for row in await _rows(conn, SELECT_HOURS):
        hours = Hours(row["weekday"] - 1, row["opens"], row["closes"], _season(row))
        content.hours.append((hours, _told(row)))
    content.planting.extend((_season(row), _told(row)) for row in await _rows(conn, SELECT_PLANTING))
    content.days.update({row["day"]: (row["works"], _told(row)) for row in await _rows(conn, SELECT_DAYS)})
    return content


async def replace_limits(conn: AsyncConnection, new: Iterable[CityLimit], *, actor: str, now: datetime) -> int:
    """Put a table of limits in the place of the city's; incidents that are dispatched keep the limit they have."""
    rows = [
        {
            "class_code": limit.class_code,
            "condition": limit.condition,
            "condition_zh": limit.condition_zh,
            "condition_en": limit.condition_en,
            "stages": due.text_of(limit.stages),
            "closing_zh": limit.closing_zh,
            "source": limit.source,
            "certainty": limit.certainty,
        }
        for limit in new
    ]
    async with conn.cursor() as cursor:
        await cursor.execute("DELETE FROM time_limit")
        await cursor.executemany(INSERT_LIMIT, rows)
    await _announce(conn, "limits.import", {"limits": len(rows)}, actor, now)
    return len(rows)


async def import_calendar(conn: AsyncConnection, content: Content, *, actor: str, now: datetime) -> None:
    """Take in a calendar: days take the place of those of their years, hours and seasons of all hours and seasons.

    Raises: `InvalidInput` when nobody would ever work then.
    """
    years = sorted({day.year for day in content.days})
    days = [{"day": day, "works": works, **_words(told)} for day, (works, told) in sorted(content.days.items())]
    hours = [
        {
            "weekday": entry.weekday + 1,
            "opens": entry.opens,
            "closes": entry.closes,
            **_months(entry.season),
            **_words(told),
        }
        for entry, told in content.hours
    ]
    planting = [{**_months(season), **_words(told)} for season, told in content.planting]
    async with conn.cursor() as cursor:
        await cursor.execute(DELETE_DAYS_OF, {"years": years})
        await cursor.executemany(INSERT_DAY, days)
        if hours:
            await cursor.execute("DELETE FROM work_hours")
            await cursor.executemany(INSERT_HOURS, hours)
        if planting:
            await cursor.execute("DELETE FROM planting_season")
            await cursor.executemany(INSERT_PLANTING, planting)
    require_working_time((await calendar_content(conn)).calendar("UTC", WorkDay.HOURS), now)
    detail = {"years": years, "days": len(days), "hours": len(hours), "planting_seasons": len(planting)}
    await _announce(conn, "calendar.import", detail, actor, now)


def require_working_time(calendar: Calendar, now: datetime) -> None:
    """Raise `InvalidInput` for a calendar in which the longest limit is never over."""
    for unit in (Unit.WORK_DAY, Unit.PLANTING_WORK_DAY):
        due.due(now, Limit(1, unit), calendar)
        due.due(now + timedelta(days=366), Limit(1, unit), calendar)


async def _announce(conn: AsyncConnection, action: str, detail: dict[str, Any], actor: str, now: datetime) -> None:
    if not actor.strip():
        raise InvalidInput("say who does it: `--by`")
    await conn.execute(AUDIT, {"now": now, "actor": actor.strip(), "action": action, "detail": Jsonb(detail)})
    await signals.announce_city_time(conn)


def _season(row: dict[str, Any]) -> Season:
    return Season(_month_day(row["since"]), _month_day(row["until"]))


def _month_day(text: str) -> tuple[int, int]:
    month, day = text.split("-")
    return int(month), int(day)


def _months(season: Season) -> dict[str, str]:
    return {name: "{:02d}-{:02d}".format(*getattr(season, name)) for name in ("since", "until")}


def _told(row: dict[str, Any]) -> Told:
    return Told(**{name: row[name] for name in ("name_zh", "name_en", "source", "certainty")})


def _words(told: Told) -> dict[str, str]:
    return {"name_zh": told.name_zh, "name_en": told.name_en, "source": told.source, "certainty": told.certainty}


async def _rows(conn: AsyncConnection, query: str) -> list[dict[str, Any]]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(cast("Any", query))
        return await cursor.fetchall()
