"""Children of a case: one a department when it is split, one at the street when it is pushed down.

On the caller's connection, under `incident_sql.LOCK_HISTORY`; never commits.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg import AsyncConnection

from alerts import move_store, moves, service_sql
from alerts.incident import Action, Role, Stage
from alerts.move_store import Move
from alerts.moves import Clocks, Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """Which children a case gets, and who brings them about."""

    parent_id: int
    departments: tuple[int | None, ...]
    """One a child; None = the street's dispatcher decides."""
    street_code: str | None = None
    """The street they go to; None = they stay where their parent is."""
    given: Given
    role: Role


async def bear(conn: AsyncConnection, birth: Birth, now: datetime, by: Clocks) -> list[int]:
    """Open the children, filed, dispatch those whose department is known, and give their keys."""
    parameters = {
        "parent_id": birth.parent_id,
        "street_code": birth.street_code,
        "actor": birth.given.actor,
        "role": birth.role.value,
        "reason": birth.given.reason,
        "now": now,
        **moves.desk_columns(Stage.FILED, now, by),
    }
    ids: list[int] = []
    for _ in birth.departments:
        row = await (await conn.execute(service_sql.CHILD, {**parameters, "key": str(uuid.uuid4())})).fetchone()
        assert row is not None
        ids.append(int(row[0]))
    standings = await move_store.standings(conn, ids)
    planned = [
        Move(
            before=standings[child],
            action=Action.DISPATCH,
            role=birth.role,
            given=replace(birth.given, department_id=department, assignee=None),
        )
        for child, department in zip(ids, birth.departments, strict=True)
        if department is not None
    ]
    if planned:
        await move_store.write(conn, planned, now, by)
    return ids
