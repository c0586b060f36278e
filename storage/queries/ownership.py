"""Components whose ownership is unclear, as a worklist and in counts; and who answers for all of them.

A component is unclear when it names no owner or no maintainer, names a unit that is retired, or a "unit" that is two
(电力公司、路灯处), or when nobody at all answers for it: no unit of its own, and none that its class goes to.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from storage.queries.where import where

Row = dict[str, Any]
Reason = Literal["no_owner", "no_maintainer", "retired_unit", "two_units", "nobody_answers"]
Group = Literal["class", "district", "street", "community"]

_ANY: LiteralString = "(j.no_owner OR j.no_maintainer OR j.retired_unit OR j.two_units OR j.nobody_answers)"
FILTERS: Mapping[str, LiteralString] = {
    "no_owner": "j.no_owner",
    "no_maintainer": "j.no_maintainer",
    "retired_unit": "j.retired_unit",
    "two_units": "j.two_units",
    "nobody_answers": "j.nobody_answers",
    "class_code": "j.class_code = %(class_code)s",
    "area": """(j.district_code = %(area)s OR left(j.community_code, 9) = %(area)s OR j.community_code = %(area)s
        OR j.unit_grid_code = %(area)s)""",
    "after": "j.component_id > %(after)s",
}
LIST = """
SELECT j.component_id, j.code, j.class_code, j.class_name_zh, j.class_name_en, j.name, j.district_code,
       j.community_code, j.unit_grid_code, j.competent_zh, j.owner_zh, j.maintainer_zh,
       array_remove(ARRAY[CASE WHEN j.no_owner THEN 'no_owner' END, CASE WHEN j.no_maintainer THEN 'no_maintainer' END,
           CASE WHEN j.retired_unit THEN 'retired_unit' END, CASE WHEN j.two_units THEN 'two_units' END,
           CASE WHEN j.nobody_answers THEN 'nobody_answers' END], NULL) AS reasons,
       ST_X(p.at) AS lon, ST_Y(p.at) AS lat
FROM component_ownership AS j CROSS JOIN LATERAL (SELECT ST_PointOnSurface(j.geom) AS at) AS p
WHERE {unclear} AND {where}
ORDER BY j.component_id LIMIT %(limit)s
"""
_GROUPS: Mapping[Group, LiteralString] = {
    "class": "j.class_code",
    "district": "j.district_code",
    "street": "left(j.community_code, 9)",
    "community": "j.community_code",
}
COUNTS = """
WITH counted AS (
    SELECT {group} AS key, count(*) AS components, count(*) FILTER (WHERE {unclear}) AS unclear,
           count(*) FILTER (WHERE j.no_owner) AS no_owner, count(*) FILTER (WHERE j.no_maintainer) AS no_maintainer,
           count(*) FILTER (WHERE j.retired_unit) AS retired_unit, count(*) FILTER (WHERE j.two_units) AS two_units,
           count(*) FILTER (WHERE j.nobody_answers) AS nobody_answers
    FROM component_ownership AS j WHERE {where} GROUP BY 1
)
SELECT c.*, coalesce(a.name_zh, k.name_zh, '') AS name_zh, coalesce(a.name_en, k.name_en, '') AS name_en
FROM counted AS c
LEFT JOIN area AS a ON a.area_code = c.key
LEFT JOIN LATERAL (
    SELECT name_zh, name_en FROM component_class WHERE class_code = c.key ORDER BY catalogue_id LIMIT 1
) AS k ON TRUE
ORDER BY c.unclear DESC, c.key
"""
ANSWERS = """
SELECT j.maintainer_id AS maintainer, j.owner_id AS owner, j.competent_id AS competent, j.of_class,
       count(*) AS components
FROM component_ownership AS j GROUP BY 1, 2, 3, 4
"""


async def unclear(conn: AsyncConnection, given: Mapping[str, object], *, limit: int) -> list[Row]:
    """Give at most `limit` components of unclear ownership that pass the filters, by key; see `FILTERS` for names.

    A reason is a filter without a value: `{"no_owner": True}`.
    """
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_list(given), {**given, "limit": limit})
        return await cursor.fetchall()


async def stream_unclear(conn: AsyncConnection, given: Mapping[str, object]) -> AsyncIterator[Row]:
    """Give all of them, one after another, whatever their number; inside a transaction."""
    async with conn.cursor(name="unclear", row_factory=dict_row) as cursor:
        await cursor.execute(_list(given), {**given, "limit": None})
        async for row in cursor:
            yield row


async def counts(conn: AsyncConnection, by: Group, given: Mapping[str, object]) -> list[Row]:
    """Count components and those of unclear ownership by class or area, the most unclear first."""
    query = sql.SQL(COUNTS).format(group=sql.SQL(_GROUPS[by]), unclear=sql.SQL(_ANY), where=where(FILTERS, given))
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, given)
        return await cursor.fetchall()


async def answers(conn: AsyncConnection) -> list[Row]:
    """Give who answers for components, each combination of units once, with the number of its components."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql.SQL(ANSWERS))
        return await cursor.fetchall()


def _list(given: Mapping[str, object]) -> sql.Composed:
    return sql.SQL(LIST).format(unclear=sql.SQL(_ANY), where=where(FILTERS, given))


AFFECTED = """
SELECT i.incident_id FROM incident AS i
WHERE i.is_open AND (
    i.component_id IN (SELECT a.component_id FROM assigned AS a)
    OR EXISTS (SELECT FROM incident_member AS m JOIN device AS d USING (device_id)
               JOIN assigned AS a ON a.component_id = d.component_id WHERE m.incident_id = i.incident_id)
)
ORDER BY i.incident_id LIMIT %(limit)s
"""
TOLD = """
SELECT i.incident_id, i.case_no, i.rule, i.severity, i.stage, i.title_zh, i.title_en, i.department_id,
       c.code AS component_code
FROM incident AS i LEFT JOIN component AS c USING (component_id)
WHERE i.incident_id = ANY(%(incident_ids)s) ORDER BY i.incident_id
"""


async def affected_incidents(conn: AsyncConnection, *, limit: int) -> list[int]:
    """Give the open incidents about components in the temporary table `assigned`."""
    rows = await (await conn.execute(AFFECTED, {"limit": limit})).fetchall()
    return [row[0] for row in rows]


async def incidents_told(conn: AsyncConnection, incident_ids: list[int]) -> list[Row]:
    """Give what a list says of incidents, by number."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(TOLD, {"incident_ids": incident_ids})
        return await cursor.fetchall()
