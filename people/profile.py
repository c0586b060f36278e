"""What somebody is shown of the own account, and the audit log."""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from people import grant, store
from storage.queries.where import where

_OWN = """
SELECT a.name, a.display_name, a.language, a.department_id, a.password_hash IS NOT NULL AS has_password,
       d.name_zh AS department_zh, d.name_en AS department_en
FROM account a LEFT JOIN department d USING (department_id) WHERE a.account_id = %(account_id)s
"""
_PLACES = """
SELECT area_code AS code, name_zh, name_en FROM area WHERE area_code = ANY(%(areas)s)
UNION ALL SELECT 'grid:' || code, name_zh, name_en FROM patrol_grid WHERE code = ANY(%(grids)s)
"""
_AUDIT = """
SELECT audit_id, at, actor, action, subject, detail FROM audit WHERE {where} ORDER BY audit_id DESC LIMIT %(limit)s
"""
_AUDIT_FILTERS: Mapping[str, LiteralString] = {
    "actor": "split_part(actor, '/', 1) = split_part(%(actor)s, '/', 1) AND (actor = %(actor)s OR %(actor)s !~ '/')",
    "action": "(action = %(action)s OR action LIKE replace(replace(%(action)s, '_', '\\_'), '%%', '\\%%') || '.%%')",
    "subject": "subject = %(subject)s",
    "since": "at >= %(since)s",
    "until": "at < %(until)s",
    "before_id": "audit_id < %(before_id)s",
}


async def own(conn: AsyncConnection, account_id: int) -> dict[str, Any]:
    """Give what an account says of itself; it exists, because somebody is signed in as it."""
    row = await store.one(conn, _OWN, {"account_id": account_id})
    assert row is not None
    return row


async def places(conn: AsyncConnection, grants: tuple[grant.Grant, ...]) -> dict[str, tuple[str, str]]:
    """Give the names, Chinese and English, of the areas (by code) and patrol grids (by `grid:code`) of grants."""
    given = {
        "areas": [one.area_code for one in grants if one.area_code],
        "grids": [one.patrol_grid for one in grants if one.patrol_grid],
    }
    found = await store.rows(conn, _PLACES, given) if given["areas"] or given["grids"] else []
    return {row["code"]: (row["name_zh"], row["name_en"]) for row in found}


async def audited(conn: AsyncConnection, given: Mapping[str, object], *, limit: int) -> list[dict[str, Any]]:
    """Give what was done, newest first."""
    query = sql.SQL(_AUDIT).format(where=where(_AUDIT_FILTERS, given))
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, {**given, "limit": limit})
        return await cursor.fetchall()
