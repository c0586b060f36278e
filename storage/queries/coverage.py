"""How densely the city is sensed: devices in service per square kilometre, and the share of components that carry one.

Components are counted where `grid_tally` counts them, so a city of half a million is summed from its grids; by class
from the index of classes. What lies in no valid unit grid counts in no place. A place may be asked of one class only.
"""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

Row = dict[str, Any]

KEYS: Mapping[str, LiteralString] = {
    "district": "left(u.community_code, 6)",
    "patrol": "coalesce(g.code, '')",
    "unit": "u.code",
}
NAMES: Mapping[str, LiteralString] = {
    "district": "LEFT JOIN area AS n ON n.area_code = ground.key",
    "patrol": "LEFT JOIN patrol_grid AS n ON n.code = ground.key",
    "unit": "CROSS JOIN (SELECT ''::text AS name_zh, ''::text AS name_en) AS n",
}
# Of all classes, or of one: its components, and the devices that stand on them.
ALL_TALLY: LiteralString = "grid_tally"
CLASS_TALLY: LiteralString = """(
    SELECT unit_grid_id, count(*) AS components FROM component WHERE class_code = %(class_code)s GROUP BY unit_grid_id
)"""
ON_CLASS: LiteralString = """AND EXISTS (
    SELECT FROM component AS c WHERE c.component_id = device.component_id AND c.class_code = %(class_code)s
)"""
BY_PLACE = """
WITH grid AS (
    SELECT u.unit_grid_id, u.area_m2, {key} AS key
    FROM unit_grid AS u LEFT JOIN patrol_grid AS g USING (patrol_grid_id) WHERE u.state = 'valid'
), ground AS (
    SELECT key, sum(area_m2) AS area_m2, coalesce(sum(components), 0)::bigint AS components
    FROM grid LEFT JOIN {tally} AS tally USING (unit_grid_id) GROUP BY key
), sensing AS (
    SELECT key, count(*) AS devices, count(DISTINCT component_id) AS sensed
    FROM device JOIN grid USING (unit_grid_id) WHERE state = 'in_service' {on_class} GROUP BY key
)
SELECT key, coalesce(n.name_zh, '') AS name_zh, coalesce(n.name_en, '') AS name_en, area_m2, components,
       coalesce(devices, 0) AS devices, coalesce(sensed, 0) AS sensed
FROM ground LEFT JOIN sensing USING (key) {names}
WHERE components > 0 OR devices > 0
ORDER BY devices DESC NULLS LAST, key
"""
BY_CLASS = """
WITH counted AS (
    SELECT class_code AS key, count(*) AS components FROM component GROUP BY class_code
), sensing AS (
    SELECT c.class_code AS key, count(*) AS devices, count(DISTINCT d.component_id) AS sensed
    FROM device AS d LEFT JOIN component AS c USING (component_id) WHERE d.state = 'in_service' GROUP BY c.class_code
)
SELECT coalesce(key, '') AS key, coalesce(n.name_zh, '') AS name_zh, coalesce(n.name_en, '') AS name_en,
       (SELECT coalesce(sum(u.area_m2), 0) FROM unit_grid AS u JOIN grid_tally USING (unit_grid_id)
        WHERE u.state = 'valid') AS area_m2,
       coalesce(components, 0) AS components, coalesce(devices, 0) AS devices, coalesce(sensed, 0) AS sensed
FROM counted FULL JOIN sensing USING (key)
LEFT JOIN LATERAL (
    SELECT name_zh, name_en FROM component_class WHERE class_code = key ORDER BY catalogue_id LIMIT 1
) AS n ON TRUE
ORDER BY devices DESC, components DESC, key
"""


async def count(conn: AsyncConnection, by: str, class_code: str | None = None) -> list[Row]:
    """Give counts by `class`, `district`, `patrol` or `unit`, the most devices first; key '' = of no class, no team.

    With `class_code`, a place's counts are of that class.
    """
    query = sql.SQL(BY_CLASS)
    if by != "class":
        query = sql.SQL(BY_PLACE).format(
            key=sql.SQL(KEYS[by]),
            names=sql.SQL(NAMES[by]),
            tally=sql.SQL(CLASS_TALLY if class_code else ALL_TALLY),
            on_class=sql.SQL(ON_CLASS if class_code else ""),
        )
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, {"class_code": class_code})
        return await cursor.fetchall()
