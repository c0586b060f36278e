"""Notices as the API and the command line show them."""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]

NOTICES = """
SELECT
    n.notice_no, n.message_id::text AS notice_id, n.receiver, n.group_key, n.address_name, n.kind, n.created_at,
    n.attempts, n.next_try_at, n.sent_at, n.parked_at, n.last_error,
    CASE WHEN n.sent_at IS NOT NULL THEN 'sent' WHEN n.parked_at IS NOT NULL THEN 'parked' ELSE 'waiting' END AS state,
    ARRAY(SELECT (a ->> 'incident_id')::bigint FROM jsonb_array_elements(n.content -> 'alerts') a) AS incidents
FROM notice_message n
WHERE {where}
ORDER BY n.notice_no DESC
LIMIT %(limit)s
"""
FILTERS: Mapping[str, LiteralString] = {
    "before_no": "n.notice_no < %(before_no)s",
    "receiver": "n.receiver = %(receiver)s",
    "incident": "n.content @> %(incident)s",
    "sent": "n.sent_at IS NOT NULL",
    "parked": "n.parked_at IS NOT NULL",
    "waiting": "n.sent_at IS NULL AND n.parked_at IS NULL",
}
COUNTS = """
SELECT
    count(*) FILTER (WHERE sent_at IS NULL AND parked_at IS NULL) AS waiting,
    count(*) FILTER (WHERE parked_at IS NOT NULL) AS parked,
    (SELECT count(*) FROM outbox WHERE sorted_at IS NULL) AS unsorted,
    (SELECT count(*) FROM notice_delivery WHERE flushed_at IS NULL) AS gathering
FROM notice_message
WHERE sent_at IS NULL
"""


async def find(conn: AsyncConnection, given: Mapping[str, object], *, state: str | None, limit: int) -> list[Row]:
    """Give at most `limit` notices, newest first; `state` waiting, sent, parked or None = all."""
    chosen = {**given, state: True} if state is not None else given
    query = sql.SQL(NOTICES).format(where=where(FILTERS, chosen))
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, {**given, "limit": limit})
        return await cursor.fetchall()


async def counts(conn: AsyncConnection) -> Row:
    """Give how many notices wait to be sent, are parked, gather in a group, or were not sorted yet."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(COUNTS)
        row = await cursor.fetchone()
    assert row is not None
    return row
