"""Dead letters as people read them: lists by the newest, one in full, counts by reason."""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]

FIELDS: LiteralString = """
encode(digest, 'hex') AS id, topic, reason, detail, octet_length(payload) AS payload_bytes, truncated, first_seen,
last_seen, seen, waiting_since, tried_at
"""
LIST = """
SELECT {fields} FROM dead_letter WHERE {where} ORDER BY last_seen DESC, digest DESC LIMIT %(limit)s
"""
SHOW = """
SELECT {fields}, payload FROM dead_letter
WHERE digest >= decode(rpad(%(start)s, 64, '0'), 'hex') AND digest <= decode(rpad(%(start)s, 64, 'f'), 'hex')
ORDER BY digest LIMIT 2
"""
FILTERS: Mapping[str, LiteralString] = {
    "reason": "reason = %(reason)s",
    "topic": "topic LIKE %(topic)s",
    "since": "last_seen >= %(since)s",
    "before": "(last_seen, digest) < (%(before)s, decode(%(before_id)s, 'hex'))",
}
# The tally is by the day of the first refusal and counts rows; what was dropped is counted nowhere else.
COUNTS = """
SELECT reason, sum(kept)::bigint AS kept, sum(kept_bytes)::bigint AS kept_bytes, sum(dropped)::bigint AS dropped
FROM dead_letter_tally GROUP BY reason HAVING sum(kept) + sum(dropped) > 0 ORDER BY reason
"""


async def find(conn: AsyncConnection, given: Mapping[str, object], *, limit: int) -> list[Row]:
    """Give at most `limit` letters, the last seen first; see `FILTERS`."""
    conditions = where(FILTERS, {name: value for name, value in given.items() if name != "before_id"})
    query = sql.SQL(LIST).format(fields=sql.SQL(FIELDS), where=conditions)
    return await _rows(conn, query, {**given, "limit": limit})


async def show(conn: AsyncConnection, start: str) -> list[Row]:
    """Give the letters, at most two, whose id begins with `start` (hex); with the payload."""
    return await _rows(conn, sql.SQL(SHOW).format(fields=sql.SQL(FIELDS)), {"start": start})


async def counts(conn: AsyncConnection) -> list[Row]:
    """Give what is kept and what was dropped, by reason."""
    return await _rows(conn, sql.SQL(COUNTS), {})


async def _rows(conn: AsyncConnection, query: sql.SQL | sql.Composed, given: Mapping[str, object]) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, given)
        return await cursor.fetchall()
