"""What people do with incidents: acknowledge, assign, close. One transaction each, with its history and audit rows.

Reads (lists, one incident, the event stream) are `storage.queries.incidents`.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import incident, incident_sql
from alerts.incident import Action, Stage
from core.errors import InvalidInput, NotFound

SELECT_FOR_UPDATE = "SELECT stage FROM incident WHERE incident_id = %(incident_id)s FOR UPDATE"
SELECT_DEPARTMENT = "SELECT FROM department WHERE department_id = %(department_id)s"
MOVE = """
WITH moved AS (
    UPDATE incident
    SET
        stage = %(after)s,
        assignee = coalesce(%(assignee)s, assignee),
        department_id = coalesce(%(department_id)s, department_id),
        filed_at = CASE WHEN %(after)s = 'filed' THEN %(now)s::timestamptz ELSE filed_at END,
        dispatched_at = CASE WHEN %(after)s = 'dispatched' THEN %(now)s::timestamptz ELSE dispatched_at END,
        outcome = CASE WHEN %(after)s = 'closed' THEN 'handled' END,
        closed_at = CASE WHEN %(after)s = 'closed' THEN %(now)s::timestamptz ELSE closed_at END
    WHERE incident_id = %(incident_id)s
),
audited AS (
    INSERT INTO audit (at, actor, action, subject, detail)
    VALUES (%(now)s, %(actor)s, 'incident.' || %(action)s, 'incident ' || %(incident_id)s, %(detail)s)
),
event AS (
    INSERT INTO incident_event (incident_id, at, actor, kind, from_stage, to_stage, reason, detail)
    VALUES (%(incident_id)s, %(now)s, %(actor)s, %(kind)s, %(before)s, %(after)s, %(reason)s, %(detail)s)
    RETURNING event_id
)
SELECT event_id, pg_notify('citygrid_incident', event_id::text) FROM event
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who wants something done with which incident, and why."""

    incident_id: int
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """To whom an incident goes; at least one of the two."""

    assignee: str | None = None
    department_id: int | None = None


_NOBODY = Assignment()


async def acknowledge(conn: AsyncConnection, order: Order, now: datetime) -> int:
    """Accept a reported incident as a case and give the number of the event; raises `NotFound`, `Conflict`."""
    return await _move(conn, order, Action.ACKNOWLEDGE, _NOBODY, now)


async def assign(conn: AsyncConnection, order: Order, assignment: Assignment, now: datetime) -> int:
    """Dispatch an accepted incident, or dispatch it anew; raises `InvalidInput`, `NotFound`, `Conflict`."""
    if not (assignment.assignee or "").strip() and assignment.department_id is None:
        raise InvalidInput("say to whom: `assignee` or `department_id`")
    return await _move(conn, order, Action.ASSIGN, assignment, now)


async def close(conn: AsyncConnection, order: Order, now: datetime) -> int:
    """Close an open incident for a stated reason; raises `InvalidInput`, `NotFound`, `Conflict`.

    While the rule still fires no new incident rises from the same cause: it must recover and fire again.
    """
    if not order.reason.strip():
        raise InvalidInput("say why in `reason`: a closed incident does not come back by itself")
    return await _move(conn, order, Action.CLOSE, _NOBODY, now)


async def _move(conn: AsyncConnection, order: Order, action: Action, to: Assignment, now: datetime) -> int:
    if not order.actor.strip():
        raise InvalidInput("say who does it in `actor`")
    async with conn.transaction():
        await conn.execute(incident_sql.LOCK_HISTORY)
        row = await (await conn.execute(SELECT_FOR_UPDATE, {"incident_id": order.incident_id})).fetchone()
        if row is None:
            raise NotFound(f"no incident {order.incident_id}")
        before = Stage(row[0])
        after = incident.stage_after(order.incident_id, before, action)
        await _require_department(conn, to.department_id)
        detail = {"assignee": to.assignee, "department_id": to.department_id, "reason": order.reason.strip()}
        parameters = {
            "incident_id": order.incident_id,
            "now": now,
            "actor": order.actor.strip(),
            "action": action.value,
            "kind": incident.event_kind(action),
            "before": before.value,
            "after": after.value,
            "reason": order.reason.strip(),
            "assignee": (to.assignee or "").strip() or None,
            "department_id": to.department_id,
            "detail": Jsonb({key: value for key, value in detail.items() if value}),
        }
        event = await (await conn.execute(MOVE, parameters)).fetchone()
        assert event is not None
        return int(event[0])


async def _require_department(conn: AsyncConnection, department_id: int | None) -> None:
    if department_id is None:
        return
    row = await (await conn.execute(SELECT_DEPARTMENT, {"department_id": department_id})).fetchone()
    if row is None:
        raise InvalidInput(f"no department {department_id}: see GET /departments")
