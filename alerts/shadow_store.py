"""What shadows would have raised, written down in the transaction of the batch that decided; nobody is told.

Takes a connection, never commits.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from alerts import member_store, memory_store
from alerts.case import Decided, Merging, Opening, Recovery
from alerts.engine import Step
from alerts.rule import Rulebook, plain
from alerts.shadow import Shadow
from core.fleet import Fleet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

OPEN = """
INSERT INTO shadow_incident (
    version, cause, rule, severity, device_id, unit_grid_id, patrol_grid_id, district_code, origin, fired_ts, opened_at,
    evidence
)
SELECT %(version)s, f.cause, f.rule, f.severity, f.device_id, g.unit_grid_id, g.patrol_grid_id,
       coalesce(left(g.code, 6), d.district_code), f.origin, f.fired_ts, %(now)s, f.evidence
FROM (VALUES (
    %(cause)s, %(rule)s, %(severity)s, %(device_id)s::int, %(unit_grid_id)s::int, %(origin)s::smallint,
    %(fired_ts)s::timestamptz, %(evidence)s::jsonb
)) AS f (cause, rule, severity, device_id, unit_grid_id, origin, fired_ts, evidence)
JOIN device d USING (device_id)
LEFT JOIN unit_grid g ON g.unit_grid_id = CASE WHEN f.unit_grid_id >= 0 THEN f.unit_grid_id ELSE d.unit_grid_id END
ON CONFLICT (version, cause) WHERE recovered_at IS NULL DO NOTHING
"""
RECOVER = """
UPDATE shadow_incident SET recovered_at = %(now)s
WHERE version = %(version)s AND cause = %(cause)s AND recovered_at IS NULL
"""
FORGET = (
    "DELETE FROM rule_state WHERE rule ~ %(marked)s",
    "DELETE FROM rule_firing WHERE rule ~ %(marked)s",
    "DELETE FROM rule_case WHERE rule ~ %(marked)s",
)
# Live and shadow agree where the same rule stood on the same cause at the same time; a shadow that begins while a live
# incident is open meets it so.
REPORT = """
WITH shadow AS (
    SELECT s.rule, s.cause, s.opened_at, coalesce(s.recovered_at, %(until)s) AS ended_at,
           coalesce(p.code, '') AS patrol_grid
    FROM shadow_incident s LEFT JOIN patrol_grid p USING (patrol_grid_id)
    WHERE s.version = %(version)s
),
live AS (
    SELECT i.rule, i.cause, i.opened_at, coalesce(i.recovered_at, i.closed_at, %(until)s) AS ended_at,
           coalesce(p.code, '') AS patrol_grid
    FROM incident i LEFT JOIN patrol_grid p USING (patrol_grid_id)
    WHERE i.opened_at < %(until)s AND coalesce(i.recovered_at, i.closed_at, %(until)s) >= %(since)s
      AND i.parent_id IS NULL AND i.rule = ANY(%(rules)s)
),
counted AS (
    SELECT s.rule, s.patrol_grid,
           EXISTS (SELECT FROM live l WHERE l.rule = s.rule AND l.cause = s.cause AND l.opened_at <= s.ended_at
                                        AND l.ended_at >= s.opened_at) AS agreed, true AS in_shadow
    FROM shadow s
    UNION ALL
    SELECT l.rule, l.patrol_grid,
           EXISTS (SELECT FROM shadow s WHERE l.rule = s.rule AND l.cause = s.cause AND l.opened_at <= s.ended_at
                                          AND l.ended_at >= s.opened_at), false
    FROM live l
)
SELECT rule, patrol_grid, count(*) FILTER (WHERE in_shadow AND agreed) AS both,
       count(*) FILTER (WHERE in_shadow AND NOT agreed) AS more,
       count(*) FILTER (WHERE NOT in_shadow AND NOT agreed) AS less
FROM counted GROUP BY rule, patrol_grid ORDER BY rule, patrol_grid
"""


async def load(conn: AsyncConnection, version: int, book: Rulebook, fleet: Fleet, shard: str) -> Shadow:
    """Give a shadow with what it remembered at the last commit."""
    return Shadow(
        version=version,
        book=book,
        state=await memory_store.load_state(conn, book, fleet, shard_of(shard, version)),
        cases=await member_store.load(conn, book, fleet),
    )


async def record(conn: AsyncConnection, one: Shadow, decided: Decided, fleet: Fleet, now: datetime) -> None:
    """Write down what a shadow decided; few changes, one by one, so that they keep their order."""
    for change in decided.changes:
        if isinstance(change, Opening):
            await conn.execute(OPEN, {"version": one.version, "now": now, **_row(change, fleet)})
        elif isinstance(change, Recovery | Merging):
            await conn.execute(RECOVER, {"version": one.version, "cause": plain(change.cause), "now": now})


async def keep(conn: AsyncConnection, one: Shadow, step: Step, decided: Decided, fleet: Fleet, shard: str) -> None:
    """Write down what a shadow remembers from now on."""
    await memory_store.keep(conn, step.changes, fleet, shard_of(shard, one.version))
    await member_store.keep(conn, decided, fleet)


async def forget_all_but(conn: AsyncConnection, versions: Sequence[int]) -> None:
    """Free the memory of shadows that are no more; what they would have raised is kept."""
    kept = "".join(f"(?!{version}~)" for version in versions)
    for statement in FORGET:
        await conn.execute(statement, {"marked": f"^{kept}[0-9]+~"})
    await memory_store.forget_shadows(conn, versions)


async def report(
    conn: AsyncConnection, version: int, rules: Sequence[str], since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Give, by rule and patrol grid, what both raised, the shadow alone (`more`), live alone (`less`)."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        span = {"version": version, "rules": list(rules), "since": since, "until": until}
        await cursor.execute(REPORT, span)
        return await cursor.fetchall()


def shard_of(shard: str, version: int) -> str:
    """Give the name under which a shadow's memory says when it listened."""
    return f"{shard}~{version}"


def _row(opening: Opening, fleet: Fleet) -> dict[str, Any]:
    transition = opening.transition
    proof = transition.proof
    return {
        "cause": plain(opening.cause),
        "rule": plain(opening.rule.name),
        "severity": opening.rule.severity.value,
        "device_id": int(fleet.device_id[transition.slot]),
        "unit_grid_id": transition.unit_grid_id,
        "origin": transition.origin,
        "fired_ts": _EPOCH + timedelta(microseconds=transition.ts_us),
        "evidence": Jsonb(
            {
                "channel": proof.channel,
                "comparison": proof.comparison,
                "threshold": proof.threshold,
                "value": proof.value if math.isfinite(proof.value) else None,
                "since_ms": transition.since_us // 1000,
            }
        ),
    }
