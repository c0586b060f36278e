"""SQL of what a survey changes, read from its staged rows before they are taken over.

Takes a connection, never commits.
"""

import csv
from pathlib import Path

from psycopg import AsyncConnection

_HEADINGS = ("code", "change", "column", "before", "after")
# A survey speaks of the classes it holds in the districts it holds: what else is registered there, it misses.
MISSING = """
SELECT count(*) FROM component AS c
WHERE (c.district_code, c.class_code) IN (SELECT DISTINCT district_code, class_code FROM staged_component)
  AND NOT EXISTS (SELECT 1 FROM staged_component AS s WHERE s.code = c.code)
"""
DIFFERENCES = """
WITH named AS (SELECT department_id, name_zh FROM department)
SELECT s.code, 'changed' AS change, d.col, d.was, d.given
FROM staged_component AS s JOIN component AS c USING (code)
LEFT JOIN named AS p1 ON p1.department_id = c.competent_dept_id
LEFT JOIN named AS p2 ON p2.department_id = s.competent_dept_id
LEFT JOIN named AS o1 ON o1.department_id = c.owner_dept_id
LEFT JOIN named AS o2 ON o2.department_id = s.owner_dept_id
LEFT JOIN named AS m1 ON m1.department_id = c.maintainer_dept_id
LEFT JOIN named AS m2 ON m2.department_id = s.maintainer_dept_id
CROSS JOIN LATERAL (VALUES
    ('name', c.name, s.name), ('state', c.state, s.state), ('competent', p1.name_zh, p2.name_zh),
    ('owner', o1.name_zh, o2.name_zh), ('maintainer', m1.name_zh, m2.name_zh),
    ('surveyed_on', c.surveyed_on::text, s.surveyed_on::text), ('changed_on', c.changed_on::text, s.changed_on::text),
    ('data_source', c.data_source, s.data_source), ('note', c.note, s.note),
    ('unit_grid', c.unit_grid_id::text, s.unit_grid_id::text),
    ('geometry', CASE WHEN NOT ST_OrderingEquals(c.geom, s.geom) THEN ST_AsText(c.geom, 9) END,
                 CASE WHEN NOT ST_OrderingEquals(c.geom, s.geom) THEN ST_AsText(s.geom, 9) END)
) AS d(col, was, given)
WHERE d.was IS DISTINCT FROM d.given
UNION ALL
SELECT s.code, 'created', '', NULL, NULL FROM staged_component AS s
WHERE NOT EXISTS (SELECT 1 FROM component AS c WHERE c.code = s.code)
UNION ALL
SELECT c.code, 'missing', '', NULL, NULL FROM component AS c
WHERE (c.district_code, c.class_code) IN (SELECT DISTINCT district_code, class_code FROM staged_component)
  AND NOT EXISTS (SELECT 1 FROM staged_component AS s WHERE s.code = c.code)
ORDER BY 1, 3
"""


async def missing(conn: AsyncConnection) -> int:
    """Give how many registered components the staged survey could have had and does not."""
    row = await (await conn.execute(MISSING)).fetchone()
    return int(row[0]) if row else 0


async def write_differences(conn: AsyncConnection, file: Path) -> None:
    """Write what the staged rows create, change column by column, and miss, as CSV."""
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_HEADINGS)
        async with conn.cursor(name="differences") as cursor:
            await cursor.execute(DIFFERENCES)
            async for row in cursor:
                writer.writerow(row)
