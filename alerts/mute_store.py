"""Part of step 7 of the journey: which cases were held back, by what, and what became of them.

Takes a connection, never commits. What is to open when a mute ends is remembered by `alerts.fan_in`; this is the record
for people: nothing is held back without a row here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from psycopg import AsyncConnection

from alerts.case import Change, Muting, Opening, Recovery
from core.fleet import Fleet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

INSERT = """
INSERT INTO muted_case
    (cause, rule, severity, device_id, district_code, origin, muted_by, reason, fired_ts, muted_at)
VALUES (
    %(cause)s, %(rule)s, %(severity)s, %(device_id)s, %(district_code)s, %(origin)s, %(muted_by)s, %(reason)s,
    %(fired_ts)s, %(now)s
)
ON CONFLICT (cause) WHERE ended_at IS NULL DO UPDATE SET muted_by = EXCLUDED.muted_by, reason = EXCLUDED.reason
"""
END = """
UPDATE muted_case AS m
SET ended_at = %(now)s, outcome = e.outcome
FROM unnest(%(cause)s::text[], %(outcome)s::text[]) AS e (cause, outcome)
WHERE m.cause = e.cause AND m.ended_at IS NULL
"""


async def record(conn: AsyncConnection, changes: Sequence[Change], fleet: Fleet, now: datetime) -> None:
    """Write down, in order, the cases that are held back now and those that are not any more."""
    ended: dict[str, str] = {}
    for change in changes:
        if isinstance(change, Muting):
            await _end(conn, ended, now)
            ended = {}
            await conn.execute(INSERT, _row(change, fleet, now))
        elif isinstance(change, Opening | Recovery):
            ended.setdefault(change.cause, "opened" if isinstance(change, Opening) else "recovered")
    await _end(conn, ended, now)


async def _end(conn: AsyncConnection, ended: dict[str, str], now: datetime) -> None:
    if ended:
        await conn.execute(END, {"cause": list(ended), "outcome": list(ended.values()), "now": now})


def _row(muting: Muting, fleet: Fleet, now: datetime) -> dict[str, object]:
    transition = muting.transition
    return {
        "cause": muting.cause,
        "rule": muting.rule.name,
        "severity": muting.rule.severity.value,
        "device_id": int(fleet.device_id[transition.slot]),
        "district_code": fleet.district_code[transition.slot],
        "origin": transition.origin,
        "muted_by": muting.by,
        "reason": muting.reason,
        "fired_ts": _EPOCH + timedelta(microseconds=transition.ts_us),
        "now": now,
    }
