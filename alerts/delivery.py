"""Step 8 of the journey: one notice from the outbox to the world.

A notice is locked while it is sent, and marked in the transaction that holds the lock: two notifiers never send the
same one. Between the sending and the commit lies the one gap no outbox can close: a process killed exactly there sends
that notice again when it comes back (at least once). What reached one address of several is remembered, and only the
others are tried again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import channels, message
from alerts.channels import Address

Outcome = Literal["sent", "retry", "parked"]

TAKE_ONE = """
SELECT notice_id, attempts, payload
FROM outbox
WHERE sent_at IS NULL AND parked_at IS NULL AND next_try_at <= %(now)s
ORDER BY next_try_at, notice_id
LIMIT 1
FOR UPDATE SKIP LOCKED
"""
MARK_SENT = "UPDATE outbox SET sent_at = %(now)s, attempts = %(attempts)s WHERE notice_id = %(notice_id)s"
MARK_RETRY = """
UPDATE outbox
SET attempts = %(attempts)s, next_try_at = %(next_try_at)s, last_error = %(error)s,
    payload = payload || %(done)s
WHERE notice_id = %(notice_id)s
"""
MARK_PARKED = """
UPDATE outbox
SET attempts = %(attempts)s, parked_at = %(now)s, last_error = %(error)s, payload = payload || %(done)s
WHERE notice_id = %(notice_id)s
"""
NOWHERE = "no address is set: CITYGRID_NOTIFY_URLS is empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What became of a notice."""

    notice_id: int
    attempts: int
    outcome: Outcome
    error: str | None = None


async def deliver_one(
    conn: AsyncConnection, addresses: Sequence[Address], zone: ZoneInfo, now: datetime
) -> Delivered | None:
    """Send the notice that is due longest and give what became of it; None when none is due. Its own transaction."""
    async with conn.transaction():
        row = await (await conn.execute(TAKE_ONE, {"now": now})).fetchone()
        if row is None:
            return None
        notice_id, attempts, payload = row
        if not addresses:
            return await _fail(conn, notice_id, message.ATTEMPTS, {}, NOWHERE, now)
        done: list[str] = list(payload.get("reached", []))
        failures = await channels.send(
            message.of_payload(payload, zone), [address for address in addresses if address.key not in done]
        )
        if not failures:
            await conn.execute(MARK_SENT, {"notice_id": notice_id, "attempts": attempts + 1, "now": now})
            return Delivered(notice_id=notice_id, attempts=attempts + 1, outcome="sent")
        reached = [a.key for a in addresses if a.key not in failures]
        error = "; ".join(failures.values())
        return await _fail(conn, notice_id, attempts + 1, {"reached": reached}, error, now)


async def _fail(
    conn: AsyncConnection, notice_id: int, attempts: int, done: dict[str, Any], error: str, now: datetime
) -> Delivered:
    is_over = attempts >= message.ATTEMPTS
    parameters = {
        "notice_id": notice_id,
        "attempts": attempts,
        "now": now,
        "next_try_at": now + message.wait_before(attempts, notice_id),
        "error": error[:2000],
        "done": Jsonb(done),
    }
    await conn.execute(MARK_PARKED if is_over else MARK_RETRY, parameters)
    return Delivered(notice_id=notice_id, attempts=attempts, outcome="parked" if is_over else "retry", error=error)
