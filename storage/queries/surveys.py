"""Surveys that were imported and what was found in them, as the API shows them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]

SURVEYS = """
SELECT s.survey_id, s.source, s.crs, s.imported_at, s.actor, s.rows_read, s.rows_loaded, s.synthetic, s.summary
FROM survey AS s WHERE {where} ORDER BY s.survey_id DESC LIMIT %(limit)s
"""
SURVEY_FILTERS: Mapping[str, LiteralString] = {
    "survey_id": "s.survey_id = %(survey_id)s",
    "before": "s.survey_id < %(before)s",
}
REASONS = """
SELECT reason, refused, count(*) AS findings, count(lon) AS placed FROM survey_finding
WHERE survey_id = %(survey_id)s GROUP BY 1, 2 ORDER BY 3 DESC, 1
"""
FINDINGS = """
SELECT f.line, f.col AS column, f.reason, f.detail, f.refused, f.lon, f.lat FROM survey_finding AS f
WHERE f.survey_id = %(survey_id)s AND {where} ORDER BY f.line, f.reason, f.col LIMIT %(limit)s
"""
FINDING_FILTERS: Mapping[str, LiteralString] = {
    "reason": "f.reason = %(reason)s",
    "refused": "f.refused = %(refused)s",
    "placed": "f.lon IS NOT NULL",
    "after_line": "(f.line, f.reason, f.col) > (%(after_line)s, %(after_reason)s, %(after_column)s)",
}
_AFTER = ("after_reason", "after_column")


async def find(conn: AsyncConnection, given: Mapping[str, object], *, limit: int) -> list[Row]:
    """Give at most `limit` surveys, the newest first; see `SURVEY_FILTERS` for names."""
    return await _rows(conn, sql.SQL(SURVEYS).format(where=where(SURVEY_FILTERS, given)), {**given, "limit": limit})


async def reasons(conn: AsyncConnection, survey_id: int) -> list[Row]:
    """Count a survey's findings by reason, the most frequent first; `placed`: those that lie somewhere."""
    return await _rows(conn, sql.SQL(REASONS), {"survey_id": survey_id})


async def findings(conn: AsyncConnection, survey_id: int, given: Mapping[str, object], *, limit: int) -> list[Row]:
    """Give at most `limit` findings of a survey by line; see `FINDING_FILTERS` for names."""
    return await _rows(conn, _query(given), {**given, "survey_id": survey_id, "limit": limit})


async def stream_findings(conn: AsyncConnection, survey_id: int, given: Mapping[str, object]) -> AsyncIterator[Row]:
    """Give all findings, one after another, whatever their number; inside a transaction."""
    async with conn.cursor(name="findings", row_factory=dict_row) as cursor:
        await cursor.execute(_query(given), {**given, "survey_id": survey_id, "limit": None})
        async for row in cursor:
            yield row


def _query(given: Mapping[str, object]) -> sql.Composed:
    named = {name: value for name, value in given.items() if name not in _AFTER}
    return sql.SQL(FINDINGS).format(where=where(FINDING_FILTERS, named))


async def _rows(conn: AsyncConnection, query: sql.SQL | sql.Composed, values: Mapping[str, object]) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
