"""SQL that puts a partition in force and moves what stands in it. Takes a connection, never commits.

Rows of grids are never rewritten: a redrawn grid is a new row, one that comes back is its old row again. What is past
(readings, closed incidents, versions of components) keeps the row it had.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection

from geo.gridfile import Level

# Nobody registers or surveys into a grid that is about to be void; readings and incidents go on.
STAND_STILL = "LOCK TABLE component, device IN SHARE ROW EXCLUSIVE MODE"
REMEMBER = """
CREATE TEMPORARY TABLE grid_before ON COMMIT DROP AS
SELECT unit_grid_id, patrol_grid_id FROM unit_grid WHERE state = 'valid'
"""
STAGE = """
CREATE TEMPORARY TABLE regridded (
    kind text, key bigint, from_unit int, to_unit int, PRIMARY KEY (kind, key)
) ON COMMIT DROP
"""
COPY_STAGED = "COPY regridded (kind, key, from_unit, to_unit) FROM STDIN"
# The same shape within a centimetre is the same grid: a file may begin its ring elsewhere, or come in another system.
NEXT_UNITS = """
CREATE TEMPORARY TABLE next_grid ON COMMIT DROP AS
SELECT s.code, s.parent_code, s.patrol_code, s.area_m2, s.geom, (
    SELECT u.unit_grid_id FROM unit_grid AS u
    WHERE u.code = s.code AND u.community_code = s.parent_code AND ST_HausdorffDistance(u.geom, s.geom) < 1e-7
    ORDER BY u.state, u.unit_grid_id DESC LIMIT 1
) AS key FROM grid_shape AS s WHERE s.version_id = %(version_id)s
"""
NEXT_PATROLS = """
CREATE TEMPORARY TABLE next_grid ON COMMIT DROP AS
SELECT s.code, s.parent_code, s.name_zh, s.name_en, s.team, ST_Multi(s.geom) AS geom, (
    SELECT p.patrol_grid_id FROM patrol_grid AS p
    WHERE p.code = s.code AND p.district_code = s.parent_code AND ST_HausdorffDistance(p.geom, s.geom) < 1e-7
    ORDER BY p.state, p.patrol_grid_id DESC LIMIT 1
) AS key FROM grid_shape AS s WHERE s.version_id = %(version_id)s
"""
VOID_UNITS = """
UPDATE unit_grid SET state = 'void'
WHERE state = 'valid' AND NOT EXISTS (SELECT FROM next_grid AS n WHERE n.key = unit_grid.unit_grid_id)
"""
REVIVE_UNITS = """
UPDATE unit_grid SET state = 'valid' FROM next_grid AS n
WHERE n.key = unit_grid.unit_grid_id AND unit_grid.state = 'void'
"""
NEW_UNITS = """
INSERT INTO unit_grid (code, community_code, area_m2, geom)
SELECT code, parent_code, area_m2, geom FROM next_grid WHERE key IS NULL ORDER BY code
"""
VOID_PATROLS = """
UPDATE patrol_grid SET state = 'void'
WHERE state = 'valid' AND NOT EXISTS (SELECT FROM next_grid AS n WHERE n.key = patrol_grid.patrol_grid_id)
"""
# Names and teams are no shape: a grid that only changed hands keeps its row.
REVIVE_PATROLS = """
UPDATE patrol_grid SET state = 'valid', name_zh = n.name_zh, name_en = n.name_en, team = n.team
FROM next_grid AS n WHERE n.key = patrol_grid.patrol_grid_id
"""
NEW_PATROLS = """
INSERT INTO patrol_grid (code, district_code, name_zh, name_en, team, geom)
SELECT code, parent_code, name_zh, name_en, team, geom FROM next_grid WHERE key IS NULL ORDER BY code
"""
# A file of unit grids says whose each is; where it does not, the place decides.
ASSIGN_AS_SAID = """
UPDATE unit_grid AS u SET patrol_grid_id = coalesce(said.patrol_grid_id, placed.patrol_grid_id)
FROM next_grid AS n
LEFT JOIN patrol_grid AS said ON said.code = n.patrol_code AND said.state = 'valid'
LEFT JOIN LATERAL (
    SELECT p.patrol_grid_id FROM patrol_grid AS p
    WHERE said.patrol_grid_id IS NULL AND p.state = 'valid' AND ST_Covers(p.geom, ST_PointOnSurface(n.geom))
    ORDER BY p.patrol_grid_id LIMIT 1
) AS placed ON true
WHERE u.code = n.code AND u.state = 'valid'
  AND u.patrol_grid_id IS DISTINCT FROM coalesce(said.patrol_grid_id, placed.patrol_grid_id)
"""
# New patrol grids: the place decides; where none covers it, the one of the same code.
ASSIGN_BY_PLACE = """
UPDATE unit_grid AS u SET patrol_grid_id = found.patrol_grid_id
FROM (
    SELECT g.unit_grid_id, coalesce(placed.patrol_grid_id, named.patrol_grid_id) AS patrol_grid_id
    FROM unit_grid AS g
    LEFT JOIN LATERAL (
        SELECT p.patrol_grid_id FROM patrol_grid AS p
        WHERE p.state = 'valid' AND ST_Covers(p.geom, ST_PointOnSurface(g.geom)) ORDER BY p.patrol_grid_id LIMIT 1
    ) AS placed ON true
    LEFT JOIN patrol_grid AS was ON was.patrol_grid_id = g.patrol_grid_id
    LEFT JOIN patrol_grid AS named ON named.code = was.code AND named.state = 'valid'
    WHERE g.state = 'valid'
) AS found
WHERE found.unit_grid_id = u.unit_grid_id AND u.patrol_grid_id IS DISTINCT FROM found.patrol_grid_id
"""
CLEAR_AREAS = """
UPDATE area SET geom = NULL WHERE level = %(level)s
  AND NOT EXISTS (SELECT FROM grid_shape AS s WHERE s.version_id = %(version_id)s AND s.code = area.area_code)
"""
# A file without names does not take names away.
DRAW_AREAS = """
INSERT INTO area (area_code, level, parent_code, name_zh, name_en, geom)
SELECT s.code, %(level)s, above.area_code, s.name_zh, s.name_en, ST_Multi(s.geom)
FROM grid_shape AS s LEFT JOIN area AS above ON above.area_code = s.parent_code WHERE s.version_id = %(version_id)s
ON CONFLICT (area_code) DO UPDATE SET geom = EXCLUDED.geom,
    name_zh = CASE WHEN EXCLUDED.name_zh = area.area_code THEN area.name_zh ELSE EXCLUDED.name_zh END,
    name_en = CASE WHEN EXCLUDED.name_en = area.area_code THEN area.name_en ELSE EXCLUDED.name_en END
"""
HOMELESS = """
SELECT component_id, coalesce(unit_grid_id, 0), ST_AsBinary(geom) FROM component
WHERE unit_grid_id IS NULL OR unit_grid_id IN (SELECT unit_grid_id FROM unit_grid WHERE state = 'void')
"""
SAY_WHO = "SELECT set_config('citygrid.actor', %(actor)s, true)"
MOVE_COMPONENTS = """
UPDATE component AS c SET unit_grid_id = r.to_unit FROM regridded AS r
WHERE r.kind = 'component' AND r.key = c.component_id
"""
# A device stands where its component does, else where it was put.
STAGE_DEVICES = """
INSERT INTO regridded
SELECT 'device', device_id, unit_grid_id, to_unit FROM (
    SELECT d.device_id, d.unit_grid_id, coalesce(c.unit_grid_id, (
        SELECT u.unit_grid_id FROM unit_grid AS u
        WHERE u.state = 'valid' AND ST_Intersects(u.geom, d.geom) ORDER BY u.unit_grid_id LIMIT 1
    )) AS to_unit
    FROM device AS d
    LEFT JOIN component AS c USING (component_id)
    LEFT JOIN unit_grid AS u ON u.unit_grid_id = d.unit_grid_id
    WHERE u.state IS DISTINCT FROM 'valid' OR c.unit_grid_id <> d.unit_grid_id
) AS d WHERE unit_grid_id IS DISTINCT FROM to_unit
"""
MOVE_DEVICES = """
UPDATE device AS d SET unit_grid_id = r.to_unit FROM regridded AS r WHERE r.kind = 'device' AND r.key = d.device_id
"""
# Open incidents are still somebody's work: they follow, and their history says so. One outside all grids stays.
STAGE_INCIDENTS = """
INSERT INTO regridded
SELECT 'incident', i.incident_id, i.unit_grid_id, now_in.unit_grid_id
FROM incident AS i
JOIN unit_grid AS was ON was.unit_grid_id = i.unit_grid_id AND was.state = 'void'
JOIN LATERAL (
    SELECT u.unit_grid_id FROM unit_grid AS u
    WHERE u.state = 'valid' AND ST_Intersects(u.geom, ST_PointOnSurface(i.geom)) ORDER BY u.unit_grid_id LIMIT 1
) AS now_in ON true
WHERE i.is_open
"""
LOCK_HISTORY = "SELECT pg_advisory_xact_lock(hashtext('citygrid.incident_event'))"
# from_patrol is the incident's own, which may be another than its grid's.
MOVED_INCIDENTS = """
INSERT INTO grid_move
SELECT %(period_id)s, 'incident', i.incident_id, i.unit_grid_id, to_unit.unit_grid_id, i.patrol_grid_id,
       to_unit.patrol_grid_id
FROM incident AS i
LEFT JOIN regridded AS r ON r.kind = 'incident' AND r.key = i.incident_id
JOIN unit_grid AS to_unit ON to_unit.unit_grid_id = coalesce(r.to_unit, i.unit_grid_id) AND to_unit.state = 'valid'
WHERE i.is_open
  AND (r.key IS NOT NULL OR i.patrol_grid_id IN (SELECT patrol_grid_id FROM patrol_grid WHERE state = 'void')
       OR (SELECT b.patrol_grid_id FROM grid_before AS b WHERE b.unit_grid_id = i.unit_grid_id)
          IS DISTINCT FROM to_unit.patrol_grid_id)
"""
FOLLOW_INCIDENTS = """
UPDATE incident AS i SET unit_grid_id = m.to_unit_id, patrol_grid_id = m.to_patrol_id
FROM grid_move AS m WHERE m.period_id = %(period_id)s AND m.kind = 'incident' AND m.key = i.incident_id
"""
FORGET_REDRAWN = """
DELETE FROM grid_move AS m USING unit_grid AS f, unit_grid AS t
WHERE m.period_id = %(period_id)s AND f.unit_grid_id = m.from_unit_id AND t.unit_grid_id = m.to_unit_id
  AND f.code = t.code
  AND (SELECT code FROM patrol_grid WHERE patrol_grid_id = m.from_patrol_id)
      IS NOT DISTINCT FROM (SELECT code FROM patrol_grid WHERE patrol_grid_id = m.to_patrol_id)
"""
TELL_INCIDENTS = """
INSERT INTO incident_event (incident_id, at, actor, kind, from_stage, to_stage, detail)
SELECT i.incident_id, %(now)s, %(actor)s, 'regridded', i.stage, i.stage, jsonb_build_object(
    'from_unit_grid', f.code, 'to_unit_grid', t.code, 'from_patrol_grid', fp.code, 'to_patrol_grid', tp.code)
FROM grid_move AS m
JOIN incident AS i ON i.incident_id = m.key
LEFT JOIN unit_grid AS f ON f.unit_grid_id = m.from_unit_id
LEFT JOIN unit_grid AS t ON t.unit_grid_id = m.to_unit_id
LEFT JOIN patrol_grid AS fp ON fp.patrol_grid_id = m.from_patrol_id
LEFT JOIN patrol_grid AS tp ON tp.patrol_grid_id = m.to_patrol_id
WHERE m.period_id = %(period_id)s AND m.kind = 'incident'
ORDER BY i.incident_id
"""
# What is in another unit grid; asked before the rows themselves are changed (components) or after (devices): it
# reads only the staged keys.
RECORD_MOVED = """
INSERT INTO grid_move
SELECT %(period_id)s, r.kind, r.key, r.from_unit, r.to_unit, b.patrol_grid_id, t.patrol_grid_id
FROM regridded AS r
LEFT JOIN grid_before AS b ON b.unit_grid_id = r.from_unit
LEFT JOIN unit_grid AS t ON t.unit_grid_id = r.to_unit
WHERE r.kind IN ('component', 'device')
"""
# What stays in its unit grid while that goes to another patrol grid.
RECORD_HANDED = """
WITH handed AS (
    SELECT b.unit_grid_id, b.patrol_grid_id AS from_patrol, u.patrol_grid_id AS to_patrol
    FROM grid_before AS b JOIN unit_grid AS u USING (unit_grid_id)
    WHERE u.state = 'valid' AND b.patrol_grid_id IS DISTINCT FROM u.patrol_grid_id
)
INSERT INTO grid_move
SELECT %(period_id)s, 'component', c.component_id, h.unit_grid_id, h.unit_grid_id, h.from_patrol, h.to_patrol
FROM handed AS h JOIN component AS c USING (unit_grid_id)
UNION ALL
SELECT %(period_id)s, 'device', d.device_id, h.unit_grid_id, h.unit_grid_id, h.from_patrol, h.to_patrol
FROM handed AS h JOIN device AS d USING (unit_grid_id)
ON CONFLICT DO NOTHING
"""
FORGET_TOUCHED = """
DELETE FROM component_grid AS g USING unit_grid AS u WHERE u.unit_grid_id = g.unit_grid_id AND u.state = 'void'
"""
FIND_TOUCHED = """
INSERT INTO component_grid
SELECT t.component_id, t.unit_grid_id, t.share, t.extent
FROM (
    SELECT DISTINCT ON (c.component_id) c.component_id, c.unit_grid_id, c.geom
    FROM unit_grid AS u JOIN component AS c ON ST_Dimension(c.geom) > 0 AND ST_Intersects(c.geom, u.geom)
    WHERE u.state = 'valid' AND NOT EXISTS (SELECT FROM grid_before AS b WHERE b.unit_grid_id = u.unit_grid_id)
) AS c
CROSS JOIN LATERAL touched_grids(c.component_id, c.unit_grid_id, c.geom) AS t
ON CONFLICT DO NOTHING
"""
COUNT_GRIDS = """
SELECT count(*) FILTER (WHERE b.unit_grid_id IS NULL), count(*) FILTER (WHERE u.unit_grid_id IS NULL),
       count(*) FILTER (WHERE b.unit_grid_id = u.unit_grid_id)
FROM grid_before AS b
FULL JOIN (SELECT unit_grid_id FROM unit_grid WHERE state = 'valid') AS u USING (unit_grid_id)
"""
COUNT_MOVED = """
SELECT kind, count(*), count(*) FILTER (WHERE to_unit_id IS NULL) FROM grid_move
WHERE period_id = %(period_id)s GROUP BY kind
"""
COUNT_REDRAWN = "SELECT count(*) FROM regridded WHERE kind = 'component'"
ANALYZE = ("ANALYZE regridded", "ANALYZE unit_grid, patrol_grid")


async def stand_still(conn: AsyncConnection[Any]) -> None:
    """Keep registrations and surveys out, and remember what is in force now."""
    for statement in (STAND_STILL, REMEMBER, STAGE):
        await conn.execute(statement)


async def change_grids(conn: AsyncConnection[Any], level: Level, version_id: int) -> None:
    """Put the shapes of a version in force; unit grids get their patrol grids."""
    values = {"version_id": version_id, "level": level.value}
    known: dict[Level, tuple[LiteralString, ...]] = {
        Level.UNIT: (NEXT_UNITS, VOID_UNITS, REVIVE_UNITS, NEW_UNITS, ASSIGN_AS_SAID),
        Level.PATROL: (NEXT_PATROLS, VOID_PATROLS, REVIVE_PATROLS, NEW_PATROLS, ASSIGN_BY_PLACE),
    }
    for statement in known.get(level, (CLEAR_AREAS, DRAW_AREAS)):
        await conn.execute(statement, values)


async def stage_components(conn: AsyncConnection[Any], moved: Iterable[tuple[int, int | None, int | None]]) -> None:
    """Write components that go from a grid to another; None = in none."""
    async with conn.cursor() as cursor, cursor.copy(COPY_STAGED) as copy:
        for key, before, after in moved:
            await copy.write_row(("component", key, before, after))


async def move_all(conn: AsyncConnection[Any], period_id: int, *, now: datetime, actor: str) -> None:
    """Move the staged components, then devices and open incidents, and write what moved where."""
    values = {"period_id": period_id, "now": now, "actor": actor}
    steps = (
        *ANALYZE, SAY_WHO, MOVE_COMPONENTS, STAGE_DEVICES, MOVE_DEVICES, RECORD_MOVED, RECORD_HANDED,
        FORGET_TOUCHED, FIND_TOUCHED,
        LOCK_HISTORY, STAGE_INCIDENTS, MOVED_INCIDENTS, FOLLOW_INCIDENTS, FORGET_REDRAWN, TELL_INCIDENTS,
    )  # fmt: skip
    for statement in steps:
        await conn.execute(statement, values)


async def count(conn: AsyncConnection[Any], period_id: int) -> dict[str, int]:
    """Give how many grids came, went and stayed, and how much moved from one code to another."""
    row = await (await conn.execute(COUNT_GRIDS)).fetchone()
    redrawn = await (await conn.execute(COUNT_REDRAWN)).fetchone()
    assert row is not None
    assert redrawn is not None
    result = dict(zip(("unit_grids_new", "unit_grids_gone", "unit_grids_kept"), row, strict=True))
    result |= {"components_looked_up": redrawn[0], "components": 0, "devices": 0, "incidents": 0, "outside": 0}
    for kind, moved, outside in await (await conn.execute(COUNT_MOVED, {"period_id": period_id})).fetchall():
        result[f"{kind}s"] = moved
        result["outside"] += outside
    return result
