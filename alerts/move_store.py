"""Where incidents stand, and their moves written down; on the caller's connection, never commits.

One transaction holds what is read and what is written: take `incident_sql.LOCK_HISTORY` before `standings`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from alerts import due, move_sql, moves
from alerts.incident import Action, Case, Role, Stage, step_for
from alerts.limits import CityTime
from alerts.moves import Clocks, Given, Running, Standing

_TOLD = frozenset({
    Action.DISPATCH, Action.APPROVE_RETURN, Action.HANDLE, Action.CHECK_FAIL, Action.RELAPSE, Action.RECOVER,
    Action.CLEAR, Action.CLOSE, Action.FORCE_CLOSE, Action.REJECT, Action.CANCEL, Action.MERGE,
})  # fmt: skip
"""Steps after which somebody else must act, or may stop: those get a notice of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step of one incident, ready to be written."""

    before: Standing
    action: Action
    role: Role
    given: Given
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else changes."""
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tell: bool = True


async def standings(conn: AsyncConnection, incident_ids: Sequence[int], *, locked: bool = True) -> dict[int, Standing]:
    """Give how incidents stand, by key."""
    query = move_sql.STANDING_LOCKED if locked else move_sql.STANDING
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, {"incident_ids": list(incident_ids)})
        return {row["incident_id"]: _standing(row) for row in await cursor.fetchall()}


async def clocks(conn: AsyncConnection, city: CityTime) -> Clocks:
    """Give by what time is counted: the city's, and how long each desk has."""
    rows = await (await conn.execute(move_sql.PROCESS_LIMITS)).fetchall()
    return Clocks(city=city, process={Stage(stage): due.parse(limit) for stage, limit in rows})


async def write(conn: AsyncConnection, planned: Sequence[Move], now: datetime, by: Clocks) -> list[int]:
    """Take the steps, one an incident, and give the keys of their events; raises `IllegalStep`, `WrongRole`."""
    rows = [_row(move, now, by) for move in planned]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    cursor = await conn.execute(cast("Any", move_sql.MOVE), {"now": now, **columns})
    return [row[0] for row in await cursor.fetchall()]


async def set_up(conn: AsyncConnection, columns: Mapping[int, Mapping[str, Any]]) -> None:
    """Set columns of incidents that have just been opened."""
    changes = [Jsonb({name: _plain(value) for name, value in one.items()}) for one in columns.values()]
    await conn.execute(cast("Any", move_sql.SET_UP), {"incident_id": list(columns), "changes": changes})


def _row(move: Move, now: datetime, by: Clocks) -> dict[str, Any]:
    case = move.before.case
    step = step_for(case, move.action, move.role)
    after = step.after(case.stage)
    changed = {**moves.changes(move.before, move.action, step, move.given, now, by), **move.more}
    due_at = move.before.deadline if after is not case.stage else None
    detail = {
        "department_id": move.given.department_id,
        "assignee": move.given.assignee,
        "due_at": due_at,
        **_asked(move, changed),
        **move.detail,
    }
    return {
        "incident_id": case.incident_id,
        "changes": Jsonb({name: _plain(value) for name, value in changed.items()}),
        "actor": move.given.actor,
        "role": move.role.value,
        "kind": step.done,
        "from_stage": case.stage.value,
        "to_stage": after.value,
        "reason": move.given.reason,
        "detail": Jsonb({name: _plain(value) for name, value in detail.items() if value is not None}),
        "tell": move.tell and move.action in _TOLD,
    }


def _asked(move: Move, changed: Mapping[str, Any]) -> dict[str, Any]:
    request = changed.get("request") or (move.before.request if "request" in changed else {})
    return {name: request[name] for name in ("extension", "until") if name in request}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _standing(row: Mapping[str, Any]) -> Standing:
    stages = due.from_json(row["limit_stages"])
    case = Case(
        incident_id=row["incident_id"],
        stage=Stage(row["stage"]),
        request=row["request_kind"],
        open_children=row["open_children"],
        has_children=row["has_children"],
        is_child=row["parent_id"] is not None,
        stages_left=max(len(stages) - 1 - row["limit_at"], 0),
        level=row["level"],
    )
    running = Running(
        stages=stages,
        at=row["limit_at"],
        since=row["clock_since"],
        used_s=row["used_s"],
        extended_s=row["extended_s"],
        paused_at=row["paused_at"],
    )
    same = (
        "deadline", "parent_deadline", "filed_at", "dispatched_at", "handled_at", "recovered_at", "reworks", "returns",
        "extensions", "class_code", "condition", "district_code", "street_code", "department_id",
    )  # fmt: skip
    return Standing(case=case, running=running, request=row["request"] or {}, **{name: row[name] for name in same})
