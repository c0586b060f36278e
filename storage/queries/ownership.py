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
_COUNTED: Mapping[str, LiteralString] = {
    "class_code": "c.class_code = %(class_code)s",
    "area": """(c.district_code = %(area)s OR left(g.community_code, 9) = %(area)s OR g.community_code = %(area)s
        OR g.code = %(area)s)""",
}
# Half a million components are of some thousand kinds: those of a class that name the same units are unclear together.
# So they are counted first, and one of each kind is asked why; OFFSET 0 has it found by its key.
KINDS = """
kinds AS (
    SELECT concat_ws('/', c.catalogue_id, c.class_code, coalesce(c.competent_dept_id, 0), coalesce(c.owner_dept_id, 0),
                     coalesce(c.maintainer_dept_id, 0)) AS kind,
           {place} AS place, min(c.component_id) AS component_id, count(*) AS n
    FROM component AS c {grid} WHERE {where}
    GROUP BY c.catalogue_id, c.class_code, c.competent_dept_id, c.owner_dept_id, c.maintainer_dept_id, {place}
), asked AS (
    SELECT k.kind, j.*
    FROM (SELECT kind, min(component_id) AS component_id FROM kinds GROUP BY kind) AS k
    CROSS JOIN LATERAL (
        SELECT * FROM component_ownership AS o WHERE o.component_id = k.component_id OFFSET 0
    ) AS j
)
"""
_GRID: LiteralString = "LEFT JOIN unit_grid AS g USING (unit_grid_id)"
_PLACES: Mapping[Group, LiteralString] = {
    "class": "c.class_code",
    "district": "c.district_code",
    "street": "left(g.community_code, 9)",
    "community": "g.community_code",
}
COUNTS = """
WITH {kinds}, counted AS (
    SELECT k.place AS key, sum(n)::bigint AS components,
           coalesce(sum(n) FILTER (WHERE {unclear}), 0)::bigint AS unclear,
           coalesce(sum(n) FILTER (WHERE j.no_owner), 0)::bigint AS no_owner,
           coalesce(sum(n) FILTER (WHERE j.no_maintainer), 0)::bigint AS no_maintainer,
           coalesce(sum(n) FILTER (WHERE j.retired_unit), 0)::bigint AS retired_unit,
           coalesce(sum(n) FILTER (WHERE j.two_units), 0)::bigint AS two_units,
           coalesce(sum(n) FILTER (WHERE j.nobody_answers), 0)::bigint AS nobody_answers
    FROM kinds AS k JOIN asked AS j USING (kind) GROUP BY 1
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
WITH {kinds}
SELECT j.maintainer_id AS maintainer, j.owner_id AS owner, j.competent_id AS competent, j.of_class,
       sum(n)::bigint AS components
FROM kinds AS k JOIN asked AS j USING (kind) GROUP BY 1, 2, 3, 4
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
    query = sql.SQL(COUNTS).format(kinds=_kinds(by, given), unclear=sql.SQL(_ANY))
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, given)
        return await cursor.fetchall()


async def answers(conn: AsyncConnection) -> list[Row]:
    """Give who answers for components, each combination of units once, with the number of its components."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql.SQL(ANSWERS).format(kinds=_kinds("class", {})))
        return await cursor.fetchall()


def _kinds(by: Group, given: Mapping[str, object]) -> sql.Composed:
    needs_grid = by in {"street", "community"} or given.get("area") is not None
    return sql.SQL(KINDS).format(
        grid=sql.SQL(_GRID if needs_grid else ""), where=where(_COUNTED, given), place=sql.SQL(_PLACES[by])
    )


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
