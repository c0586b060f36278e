"""Devices that knock and are not registered, bounded however many names somebody makes up. Never commits.

Two parts, as in a segmented cache: those heard a few times, and those heard once or twice. Each drops who was silent
longest when it is full, so that a flood of names that come once never pushes out a device that comes again (ADR-0026).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from core.knock import Knock
from storage import locks
from storage.queries.where import where

PAYLOAD_KEPT_BYTES = 1024
"""Enough to see what it measures; our choice."""
HEARD_OFTEN = 3
KEPT_OFTEN, KEPT_SELDOM = 2000, 500
"""Most rows of each part; our choice: more than a person looks through."""
KEPT_DAYS = 30

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(%(key)s)"
UPSERT = """
INSERT INTO unknown_device AS u (format, address, district_code, kind, gateway, topic, payload, truncated,
                                 first_seen, last_seen, seen)
SELECT format, address, district_code, kind, gateway, topic, payload, truncated, %(now)s, %(now)s, seen
FROM unnest(%(format)s::text[], %(address)s::text[], %(district_code)s::text[], %(kind)s::text[], %(gateway)s::text[],
            %(topic)s::text[], %(payload)s::bytea[], %(truncated)s::boolean[], %(seen)s::bigint[])
     AS given (format, address, district_code, kind, gateway, topic, payload, truncated, seen)
ON CONFLICT (format, address) DO UPDATE
SET district_code = EXCLUDED.district_code, kind = EXCLUDED.kind, gateway = EXCLUDED.gateway, topic = EXCLUDED.topic,
    payload = EXCLUDED.payload, truncated = EXCLUDED.truncated, last_seen = EXCLUDED.last_seen,
    seen = u.seen + EXCLUDED.seen
WHERE u.ignored_at IS NULL
RETURNING xmax = 0
"""
DROP_SILENT = """
DELETE FROM unknown_device WHERE unknown_id IN (
    SELECT unknown_id FROM (
        SELECT unknown_id, last_seen, seen >= %(often)s AS is_often,
               row_number() OVER (PARTITION BY seen >= %(often)s ORDER BY last_seen DESC, unknown_id DESC) AS place
        FROM unknown_device WHERE ignored_at IS NULL
    ) AS ranked
    WHERE place > CASE WHEN is_often THEN %(kept_often)s ELSE %(kept_seldom)s END
       OR last_seen < %(now)s - make_interval(days => %(days)s)
)
"""
# Who was registered since is no stranger any more, by whichever way it was registered.
LIST = """
SELECT u.unknown_id, u.format, u.address, u.district_code, u.kind, u.gateway, u.topic, u.payload, u.truncated,
       u.first_seen, u.last_seen, u.seen, u.ignored_at, u.ignored_by, u.ignored_reason
FROM unknown_device AS u
WHERE {where} AND NOT EXISTS (
    SELECT FROM device AS d WHERE d.label = u.address AND u.format = ANY(%(by_label)s)
) AND NOT EXISTS (
    SELECT FROM device AS d WHERE d.format = u.format AND d.address = u.address
)
ORDER BY u.last_seen DESC, u.unknown_id DESC LIMIT %(limit)s
"""
FILTERS: Mapping[str, LiteralString] = {
    "unknown_id": "u.unknown_id = %(unknown_id)s",
    "format": "u.format = %(format)s",
    "district_code": "u.district_code = %(district_code)s",
    "ignored": "(u.ignored_at IS NOT NULL) = %(ignored)s",
    "before": "(u.last_seen, u.unknown_id) < (%(before)s, %(before_id)s)",
}
LOCK = "SELECT * FROM unknown_device WHERE unknown_id = %(unknown_id)s FOR UPDATE"
FORGET = "DELETE FROM unknown_device WHERE unknown_id = %(unknown_id)s"
IGNORE = """
UPDATE unknown_device SET ignored_at = %(now)s, ignored_by = %(actor)s, ignored_reason = %(reason)s
WHERE unknown_id = %(unknown_id)s
"""
NOTICE_AGAIN = """
UPDATE unknown_device SET ignored_at = NULL, ignored_by = NULL, ignored_reason = NULL WHERE unknown_id = %(unknown_id)s
"""

Row = dict[str, Any]


async def record(conn: AsyncConnection, knocks: Sequence[Knock], now: datetime) -> None:
    """Note who knocked; does nothing for those whom somebody ignores."""
    if not knocks:
        return
    await conn.execute(ONE_AT_A_TIME, {"key": locks.DEAD_LETTERS})  # every knock comes with a dead letter
    names = ("format", "address", "district_code", "kind", "gateway", "seen")
    columns: dict[str, list[Any]] = {name: [getattr(knock, name) for knock in knocks] for name in names}
    columns["topic"] = [knock.topic[:512] for knock in knocks]
    columns["payload"] = [knock.payload[:PAYLOAD_KEPT_BYTES] for knock in knocks]
    columns["truncated"] = [len(knock.payload) > PAYLOAD_KEPT_BYTES for knock in knocks]
    cursor = await conn.execute(UPSERT, {**columns, "now": now})
    if any(is_new for (is_new,) in await cursor.fetchall()):
        bounds = {"often": HEARD_OFTEN, "kept_often": KEPT_OFTEN, "kept_seldom": KEPT_SELDOM, "days": KEPT_DAYS}
        await conn.execute(DROP_SILENT, {**bounds, "now": now})


async def find(conn: AsyncConnection, given: Mapping[str, object], by_label: Sequence[str], *, limit: int) -> list[Row]:
    """Give at most `limit` strangers, the last heard first; `by_label` = formats that call a device by its label."""
    conditions = where(FILTERS, {name: value for name, value in given.items() if name != "before_id"})
    async with conn.cursor(row_factory=dict_row) as cursor:
        values = {**given, "by_label": list(by_label), "limit": limit}
        await cursor.execute(sql.SQL(LIST).format(where=conditions), values)
        return await cursor.fetchall()


async def lock(conn: AsyncConnection, unknown_id: int) -> Row | None:
    """Give a stranger's row, locked until the transaction ends."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LOCK, {"unknown_id": unknown_id})
        return await cursor.fetchone()


async def forget(conn: AsyncConnection, unknown_id: int) -> None:
    """Drop a stranger."""
    await conn.execute(FORGET, {"unknown_id": unknown_id})


async def ignore(conn: AsyncConnection, unknown_id: int, *, now: datetime, actor: str, reason: str) -> None:
    """Let a stranger knock unnoticed."""
    await conn.execute(IGNORE, {"unknown_id": unknown_id, "now": now, "actor": actor, "reason": reason})


async def notice_again(conn: AsyncConnection, unknown_id: int) -> None:
    """End that."""
    await conn.execute(NOTICE_AGAIN, {"unknown_id": unknown_id})
