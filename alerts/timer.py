"""What the clock does to incidents by itself: lights that turn, cases that go up a level; with history and notices.

Run every few seconds by the notifier processes, and by as many of them as there are: all is read and written in one
transaction under the lock of the history, and what was told is remembered with the incident. So each thing happens
once, and late is as good as in time. Takes a connection in autocommit mode.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from alerts import city_time, due, escalation, incident_sql
from alerts.due import Clock
from alerts.escalation import RETURNED_TOO_OFTEN, Marks, Turn, Watched
from alerts.levels import Level
from alerts.work_calendar import Calendar, WorkDay

# Incidents with something to tell: the clock is another one than was looked at, or one of its marks is passed.
WAITING = """
FROM incident
WHERE
    is_open
    AND (
        (deadline IS NOT NULL AND timed_for IS DISTINCT FROM deadline)
        OR (overdue_step = 0 AND amber_at < %(now)s AND deadline IS NOT NULL)
        OR (overdue_step < 2 AND deadline < %(now)s)
        OR (overdue_step = 2 AND twice_at < %(now)s AND deadline IS NOT NULL)
        OR (returns >= %(too_often)s AND NOT returns_told)
    )
"""
ANY_WAITING = f"SELECT EXISTS (SELECT {WAITING})"
TAKE = f"""
SELECT incident_id, stage, level, district_code, deadline, timed_for, amber_at, twice_at, overdue_step, limit_stages,
       limit_at, clock_since, used_s, extended_s, returns, returns_told
{WAITING}
ORDER BY incident_id
LIMIT %(limit)s
FOR UPDATE
"""
AT_A_TIME = 500
KEEP = """
UPDATE incident
SET
    level = %(level)s, holder_code = coalesce(%(holder_code)s, holder_code), escalations = escalations + %(up)s,
    level_reason = coalesce(%(level_reason)s, level_reason), timed_for = deadline, amber_at = %(amber_at)s,
    twice_at = %(twice_at)s, overdue_step = %(told)s, returns_told = %(returns_told)s
WHERE incident_id = %(incident_id)s
"""
TELL = """
WITH event AS (
    INSERT INTO incident_event (incident_id, at, actor, role, kind, from_stage, to_stage, reason, detail)
    VALUES (
        %(incident_id)s, %(now)s, 'timer', 'system', %(kind)s, %(stage)s, %(stage)s, %(reason)s, %(detail)s
    )
    RETURNING event_id, incident_id, kind
),
notice AS (
    INSERT INTO outbox (event_id, created_at)
    SELECT e.event_id, %(now)s
    FROM event e
    JOIN incident i USING (incident_id)
    WHERE i.origin = 0
    RETURNING notice_id
)
SELECT
    event_id,
    pg_notify('citygrid_incident', event_id::text),
    (SELECT pg_notify('citygrid_outbox', max(notice_id)::text) FROM notice HAVING count(*) > 0)
FROM event
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the city counts."""

    timezone: str
    work_day: WorkDay


async def tick(conn: AsyncConnection, reading: Reading, now: datetime) -> int:
    """Write down what the clock made of incidents by now; give how many events that are."""
    given = {"now": now, "too_often": RETURNED_TOO_OFTEN, "limit": AT_A_TIME}
    row = await (await conn.execute(ANY_WAITING, given)).fetchone()
    if row is None or not row[0]:
        return 0
    events, taken = 0, AT_A_TIME
    while taken == AT_A_TIME:
        async with conn.transaction():
            await conn.execute(incident_sql.LOCK_HISTORY)
            rows = await _take(conn, given)
            calendar = (await city_time.calendar_content(conn)).calendar(reading.timezone, reading.work_day)
            for incident in rows:
                events += await _turn(conn, incident, calendar, now)
            taken = len(rows)
    return events


async def _take(conn: AsyncConnection, given: dict[str, Any]) -> list[dict[str, Any]]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(TAKE, given)
        return await cursor.fetchall()


async def _turn(conn: AsyncConnection, incident: dict[str, Any], calendar: Calendar, now: datetime) -> int:
    watched = _watched(incident, calendar)
    turns = escalation.decide(watched, now)
    ups = [turn for turn in turns if turn.holder_code is not None]
    last: Turn | None = ups[-1] if ups else None
    marks: Sequence[datetime | None] = [*watched.marks, None, None, None]
    keep = {
        "incident_id": incident["incident_id"],
        "level": last.level.value if last else incident["level"],
        "holder_code": last.holder_code if last else None,
        "level_reason": last.reason if last else None,
        "up": len(ups),
        "amber_at": marks[0],
        "twice_at": marks[2],
        "told": max(watched.told, escalation.passed(watched.marks, now)),
        "returns_told": watched.returns >= RETURNED_TOO_OFTEN,
    }
    await conn.execute(KEEP, keep)
    for turn in turns:
        detail = {
            "at": turn.at.isoformat() if turn.at else None,
            "level": turn.level.value if turn.holder_code else None,
            "holder_code": turn.holder_code,
        }
        event = {
            "incident_id": incident["incident_id"],
            "now": now,
            "kind": turn.kind.value,
            "stage": incident["stage"],
            "reason": turn.reason,
            "detail": Jsonb({name: value for name, value in detail.items() if value is not None}),
        }
        await conn.execute(TELL, event)
    return len(turns)


def _watched(incident: dict[str, Any], calendar: Calendar) -> Watched:
    since: datetime | None = incident["clock_since"]
    known = Watched(
        level=Level(incident["level"]),
        district_code=incident["district_code"],
        marks=_marks(incident, calendar),
        told=incident["overdue_step"],
        is_disposal=since is not None,
        returns=incident["returns"],
        returns_told=incident["returns_told"],
    )
    if incident["deadline"] is None or incident["timed_for"] == incident["deadline"]:
        return known
    return replace(known, told=escalation.told_of_new(known.marks, since, known.told))


def _marks(incident: dict[str, Any], calendar: Calendar) -> Marks:
    """Give the marks of the clock that runs; a child's end no later than its parent's, which its deadline knows."""
    deadline: datetime | None = incident["deadline"]
    if deadline is None:
        return ()
    clock = _clock(incident)
    marks = clock.marks(calendar) if clock else None
    if marks is None:
        return (min(incident["amber_at"] or deadline, deadline), deadline)
    return (min(marks.amber_at, deadline), deadline, max(marks.twice_at, deadline))


def _clock(incident: dict[str, Any]) -> Clock | None:
    stages = due.from_json(incident["limit_stages"])
    if incident["clock_since"] is None or not stages:
        return None
    return Clock(
        limit=stages[incident["limit_at"]].limit,
        since=incident["clock_since"],
        used=timedelta(seconds=incident["used_s"]),
        extended=timedelta(seconds=incident["extended_s"]),
    )
