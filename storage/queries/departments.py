"""The units that answer for components, as the API and the commands show them."""

from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import dict_row

Row = dict[str, Any]

LIST = """
SELECT d.department_id, d.unit_code, d.name_zh, d.name_en, d.kind, d.contact, d.parent_id, p.name_zh AS parent_zh,
       p.name_en AS parent_en, d.retired_at, d.merged_into, m.name_zh AS merged_zh, m.name_en AS merged_en,
       ARRAY(SELECT a.name_zh FROM department_alias AS a WHERE a.department_id = d.department_id ORDER BY 1) AS known_as
FROM department AS d
LEFT JOIN department AS p ON p.department_id = d.parent_id
LEFT JOIN department AS m ON m.department_id = d.merged_into
WHERE %(retired)s OR d.retired_at IS NULL
ORDER BY d.department_id
"""
HISTORY = """
SELECT since, NULL::timestamptz AS until, changed_by, change_reason, unit_code, name_zh, name_en, kind, contact,
       parent_id, retired_at, merged_into
FROM department WHERE department_id = %(department_id)s
UNION ALL
SELECT since, until, changed_by, change_reason, unit_code, name_zh, name_en, kind, contact, parent_id, retired_at,
       merged_into
FROM department_version WHERE department_id = %(department_id)s
ORDER BY since DESC, until DESC NULLS FIRST
"""


async def find(conn: AsyncConnection, *, retired: bool = False) -> list[Row]:
    """Give the units by their number; those that are retired or merged only when asked for."""
    return await _rows(conn, LIST, {"retired": retired})


async def history(conn: AsyncConnection, department_id: int) -> list[Row]:
    """Give every state of a unit, the present one first; none for a unit that does not exist."""
    return await _rows(conn, HISTORY, {"department_id": department_id})


async def _rows(conn: AsyncConnection, query: LiteralString, values: Row) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
