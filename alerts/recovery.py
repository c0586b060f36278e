"""What readings do to an incident that is open: it recovers, and asks for a check or closes; it fires again.

On the caller's connection, under `incident_sql.LOCK_HISTORY`; never commits.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from alerts import move_store
from alerts.case import WITHDRAWN, Opening, Recovery
from alerts.incident import Action, Role
from alerts.move_store import Move
from alerts.moves import Clocks, Given, Standing

OPEN_BY_CAUSE = "SELECT cause, incident_id FROM incident WHERE cause = ANY(%(causes)s) AND is_open"


async def recovered(conn: AsyncConnection, recoveries: Sequence[Recovery], now: datetime, by: Clocks) -> int:
    """Write down recoveries, one a cause, and give the number of events; none where a person closed the incident."""
    return await _write(conn, {it.cause: it for it in recoveries}, now, by)


async def relapsed(conn: AsyncConnection, openings: Sequence[Opening], now: datetime, by: Clocks) -> int:
    """Write down which openings are of incidents that had recovered and have not ended; give the number of events."""
    return await _write(conn, {it.cause: it for it in openings}, now, by)


async def _write(conn: AsyncConnection, changes: Mapping[str, Recovery | Opening], now: datetime, by: Clocks) -> int:
    cursor = await conn.execute(OPEN_BY_CAUSE, {"causes": list(changes)})
    keys: dict[int, str] = {number: cause for cause, number in await cursor.fetchall()}
    if not keys:
        return 0
    standings = await move_store.standings(conn, list(keys))
    planned = [_move(standings[number], changes[cause]) for number, cause in keys.items()]
    planned = [move for move in planned if move.action is not Action.RELAPSE or move.before.recovered_at]
    return len(await move_store.write(conn, planned, now, by)) if planned else 0


def _move(before: Standing, change: Recovery | Opening) -> Move:
    proof = change.transition.proof
    given = Given(actor=f"rule {change.rule.name}", reason=proof.comparison if proof.channel else _in_words(change))
    detail = {
        "ts_ms": change.transition.ts_us // 1000,
        "channel": proof.channel,
        "comparison": proof.comparison,
        "value": _number(proof.value),
    }
    return Move(before=before, action=_action(before, change), role=Role.SYSTEM, given=given, detail=detail)


def _action(before: Standing, change: Recovery | Opening) -> Action:
    if isinstance(change, Opening):
        return Action.RELAPSE
    closes = change.rule.raises.on_recovery == "close" and not before.case.open_children
    return Action.CLEAR if closes else Action.RECOVER


def _in_words(change: Recovery | Opening) -> str:
    comparison = change.transition.proof.comparison
    return "reports again" if isinstance(change, Recovery) and comparison != WITHDRAWN else comparison


def _number(value: float) -> Any:
    return value if value - value == 0 else None
