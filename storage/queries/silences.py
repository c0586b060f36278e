"""Silences as the API shows them, and the cases that were held back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]

SILENCES = """
SELECT
    s.silence_id, s.matchers, s.areas, ST_AsGeoJSON(s.polygon, 6)::json AS polygon, s.windows, s.starts_at, s.ends_at,
    s.created_at, s.author, s.reason, s.ended_by, s.ended_reason,
    CASE WHEN s.ends_at <= %(now)s THEN 'expired' WHEN s.starts_at > %(now)s THEN 'pending' ELSE 'active' END AS state,
    m.holds_back, m.held_back
FROM silence s
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE ended_at IS NULL) AS holds_back, count(*) AS held_back
    FROM muted_case WHERE muted_by = 'silence:' || s.silence_id
) m
WHERE {where}
ORDER BY s.silence_id DESC
LIMIT %(limit)s
"""
SILENCE_FILTERS: Mapping[str, LiteralString] = {
    "silence_id": "s.silence_id = %(silence_id)s",
    "before_id": "s.silence_id < %(before_id)s",
    "active": "s.starts_at <= %(now)s AND s.ends_at > %(now)s",
    "pending": "s.starts_at > %(now)s AND s.ends_at > %(now)s",
    "expired": "s.ends_at <= %(now)s",
    "in_force": "s.ends_at > %(now)s",
}

MUTED = """
SELECT
    m.muted_id, m.cause, m.rule, m.severity, d.label AS device_label, m.district_code, m.origin, m.muted_by, m.reason,
    m.fired_ts, m.muted_at, m.ended_at, m.outcome
FROM muted_case m
LEFT JOIN device d USING (device_id)
WHERE {where}
ORDER BY m.muted_id DESC
LIMIT %(limit)s
"""
MUTED_FILTERS: Mapping[str, LiteralString] = {
    "before_id": "m.muted_id < %(before_id)s",
    "muted_by": "m.muted_by = %(muted_by)s",
    "rule": "m.rule = %(rule)s",
    "device": "d.label = %(device)s",
    "standing": "m.ended_at IS NULL",
}


async def find(
    conn: AsyncConnection, given: Mapping[str, object], *, state: str | None, now: datetime, limit: int
) -> list[Row]:
    """Give at most `limit` silences, newest first; `state` active, pending, expired, in_force or None = all."""
    chosen = {**given, state: True} if state is not None else given
    query = sql.SQL(SILENCES).format(where=where(SILENCE_FILTERS, chosen))
    return await _rows(conn, query, {**given, "now": now, "limit": limit})


async def muted(conn: AsyncConnection, given: Mapping[str, object], *, limit: int) -> list[Row]:
    """Give at most `limit` cases that were held back, newest first; see `MUTED_FILTERS`."""
    query = sql.SQL(MUTED).format(where=where(MUTED_FILTERS, given))
    return await _rows(conn, query, {**given, "limit": limit})


async def _rows(conn: AsyncConnection, query: sql.Composed, values: Mapping[str, object]) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
