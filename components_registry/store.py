"""SQL of the component registry. Takes a connection, never commits."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from components_registry.taxonomy import Catalogue

UPSERT_CLASS = """
INSERT INTO component_class (catalogue_id, class_code, major_zh, major_en, name_zh, name_en, geometry_kind, subsystem,
                             department_zh, department_en, source, certainty)
VALUES (%(catalogue_id)s, %(class_code)s, %(major_zh)s, %(major_en)s, %(name_zh)s, %(name_en)s, %(geometry_kind)s,
        %(subsystem)s, %(department_zh)s, %(department_en)s, %(source)s, %(certainty)s)
ON CONFLICT (catalogue_id, class_code) DO UPDATE
SET major_zh = EXCLUDED.major_zh, major_en = EXCLUDED.major_en, name_zh = EXCLUDED.name_zh,
    name_en = EXCLUDED.name_en, geometry_kind = EXCLUDED.geometry_kind, subsystem = EXCLUDED.subsystem,
    department_zh = EXCLUDED.department_zh, department_en = EXCLUDED.department_en, source = EXCLUDED.source,
    certainty = EXCLUDED.certainty
WHERE component_class IS DISTINCT FROM EXCLUDED
"""
# One catalogue is the city's: of another, only what some component is or was is kept.
FORGET_CLASSES = """
DELETE FROM component_class AS k WHERE k.catalogue_id <> %(catalogue_id)s
  AND NOT EXISTS (SELECT FROM component AS c WHERE (c.class_code, c.catalogue_id) = (k.class_code, k.catalogue_id))
  AND NOT EXISTS (
      SELECT FROM component_version AS v WHERE (v.class_code, v.catalogue_id) = (k.class_code, k.catalogue_id)
  )
"""
AUDIT_CLASSES = """
INSERT INTO audit (at, actor, action, subject, detail)
VALUES (%(now)s, %(actor)s, 'catalogue.publish', 'catalogue ' || %(catalogue_id)s, %(detail)s)
"""
# A name that is already known, or that a unit had before, keeps what it means.
INSERT_DEPARTMENTS = """
INSERT INTO department (name_zh, name_en)
SELECT * FROM unnest(%(zh)s::text[], %(en)s::text[]) AS said (name_zh, name_en)
WHERE NOT EXISTS (SELECT FROM department_alias AS a WHERE a.name_zh = said.name_zh)
  AND NOT EXISTS (SELECT FROM department AS d WHERE d.name_zh = said.name_zh)
ON CONFLICT (name_zh) DO NOTHING
"""
DEPARTMENTS = "SELECT name_zh, department_id FROM department_name WHERE name_zh = ANY(%(names)s)"
DISTRICTS = "SELECT area_code FROM area WHERE level = 'district'"
DISTRICT_OF_GRIDS = "SELECT unit_grid_id, left(community_code, 6) FROM unit_grid WHERE state = 'valid'"
# One vertex of each, as the sample of a file has.
POSITIONS = """
SELECT c.code, ST_X(p.at), ST_Y(p.at) FROM component AS c
CROSS JOIN LATERAL (SELECT geom AS at FROM ST_DumpPoints(c.geom) LIMIT 1) AS p
WHERE c.code = ANY(%(codes)s)
"""

INSERT_SURVEY = """
INSERT INTO survey (source, crs, imported_at, actor, rows_read, rows_loaded, synthetic)
VALUES (%(source)s, %(crs)s, %(now)s, %(actor)s, 0, 0, %(synthetic)s)
RETURNING survey_id
"""
FINISH_SURVEY = """
UPDATE survey SET rows_read = %(rows_read)s, rows_loaded = %(rows_loaded)s, summary = %(summary)s
WHERE survey_id = %(survey_id)s
"""
CREATE_STAGING = """
CREATE TEMPORARY TABLE staged_component (
    line int, code text, class_code text, district_code text, name text, state text, competent_dept_id int,
    owner_dept_id int, maintainer_dept_id int, unit_grid_id int, surveyed_on date, changed_on date, data_source text,
    note text, former_code text, geom geometry
) ON COMMIT DROP
"""
COPY_STAGING = """
COPY staged_component (line, code, class_code, district_code, name, state, competent_dept_id, owner_dept_id,
    maintainer_dept_id, unit_grid_id, surveyed_on, changed_on, data_source, note, former_code, geom) FROM STDIN
"""
ANALYZE_STAGING = "ANALYZE staged_component"

# A component keeps its key, and its code for ever; what the survey says now replaces what was known.
UPSERT_COMPONENTS = """
WITH written AS (
    INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, competent_dept_id,
                           owner_dept_id, maintainer_dept_id, unit_grid_id, surveyed_on, changed_on, data_source,
                           note, survey_id, geom, since, changed_by)
    SELECT code, %(catalogue_id)s, class_code, district_code, name, state, competent_dept_id, owner_dept_id,
           maintainer_dept_id, unit_grid_id, surveyed_on, changed_on, data_source, note, %(survey_id)s, geom,
           %(now)s, %(actor)s
    FROM staged_component ORDER BY code
    ON CONFLICT (code) DO UPDATE
    SET catalogue_id = EXCLUDED.catalogue_id, name = EXCLUDED.name, state = EXCLUDED.state,
        competent_dept_id = EXCLUDED.competent_dept_id, owner_dept_id = EXCLUDED.owner_dept_id,
        maintainer_dept_id = EXCLUDED.maintainer_dept_id, unit_grid_id = EXCLUDED.unit_grid_id,
        surveyed_on = EXCLUDED.surveyed_on, changed_on = EXCLUDED.changed_on, data_source = EXCLUDED.data_source,
        note = EXCLUDED.note, survey_id = EXCLUDED.survey_id, geom = EXCLUDED.geom,
        since = greatest(EXCLUDED.since, component.since), changed_by = EXCLUDED.changed_by, change_reason = ''
    WHERE (component.catalogue_id, component.name, component.state, component.competent_dept_id,
           component.owner_dept_id, component.maintainer_dept_id, component.unit_grid_id, component.surveyed_on,
           component.changed_on, component.data_source, component.note)
          IS DISTINCT FROM
          (EXCLUDED.catalogue_id, EXCLUDED.name, EXCLUDED.state, EXCLUDED.competent_dept_id, EXCLUDED.owner_dept_id,
           EXCLUDED.maintainer_dept_id, EXCLUDED.unit_grid_id, EXCLUDED.surveyed_on, EXCLUDED.changed_on,
           EXCLUDED.data_source, EXCLUDED.note)
       OR NOT ST_OrderingEquals(component.geom, EXCLUDED.geom)
    RETURNING xmax = 0 AS is_new
)
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new), (SELECT count(*) FROM staged_component)
FROM written
"""
KEEP_FORMER = """
INSERT INTO former_code (former_code, component_id, survey_id)
SELECT s.former_code, c.component_id, %(survey_id)s FROM staged_component AS s JOIN component AS c USING (code)
WHERE s.former_code <> '' AND s.former_code <> s.code
ON CONFLICT DO NOTHING
"""
IS_EMPTY = "SELECT NOT EXISTS (SELECT 1 FROM component)"
ANALYZE_COMPONENTS = "ANALYZE component"


async def upsert_classes(conn: AsyncConnection, catalogue: Catalogue, *, now: datetime, actor: str) -> int:
    """Write the classes of a catalogue that are new or changed, and the departments they name; give their number."""
    rows = [
        {
            "catalogue_id": catalogue.catalogue_id,
            "class_code": entry.class_code,
            "major_zh": entry.major_zh,
            "major_en": entry.major_en,
            "name_zh": entry.name_zh,
            "name_en": entry.name_en,
            "geometry_kind": entry.geometry.value,
            "subsystem": entry.subsystem,
            "department_zh": entry.department_zh,
            "department_en": entry.department_en,
            "source": entry.source,
            "certainty": entry.certainty,
        }
        for entry in catalogue.classes.values()
    ]
    async with conn.cursor() as cursor:
        await cursor.executemany(UPSERT_CLASS, rows)
        written = cursor.rowcount
    await add_departments(conn, {entry.department_zh: entry.department_en for entry in catalogue.classes.values()})
    if written:
        values = {
            "now": now,
            "actor": actor,
            "catalogue_id": catalogue.catalogue_id,
            "detail": Jsonb({"classes": written}),
        }
        await conn.execute(FORGET_CLASSES, values)
        await conn.execute(AUDIT_CLASSES, values)
    return written


async def add_departments(conn: AsyncConnection, names: Mapping[str, str]) -> None:
    """Add departments that are not known yet: Chinese name -> English name."""
    await conn.execute(INSERT_DEPARTMENTS, {"zh": list(names.keys()), "en": list(names.values())})


async def departments(conn: AsyncConnection, names: Collection[str]) -> dict[str, int]:
    """Give the keys of those of the departments that are known, by their Chinese names."""
    return {row[0]: row[1] for row in await (await conn.execute(DEPARTMENTS, {"names": list(names)})).fetchall()}


async def districts(conn: AsyncConnection) -> frozenset[str]:
    """Give the codes of the city's districts."""
    return frozenset(row[0] for row in await (await conn.execute(DISTRICTS)).fetchall())


async def district_of_grids(conn: AsyncConnection) -> dict[int, str]:
    """Give the district of every unit grid by its key."""
    return {row[0]: row[1] for row in await (await conn.execute(DISTRICT_OF_GRIDS)).fetchall()}


async def positions(conn: AsyncConnection, codes: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Give longitude and latitude of the first vertex of the components that are registered, by code."""
    rows = await (await conn.execute(POSITIONS, {"codes": list(codes)})).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


async def open_survey(  # who, when and what belong to every survey
    conn: AsyncConnection, *, source: str, crs: str, synthetic: bool, now: datetime, actor: str
) -> int:
    """Write the survey's row and make the staging table; give the survey's key."""
    values = {"source": source, "crs": crs, "synthetic": synthetic, "now": now, "actor": actor}
    row = await (await conn.execute(INSERT_SURVEY, values)).fetchone()
    assert row is not None
    await conn.execute(CREATE_STAGING)
    return int(row[0])


async def stage(conn: AsyncConnection, text: str) -> None:
    """Copy rows, already in COPY's text format, into the staging table."""
    async with conn.cursor() as cursor, cursor.copy(COPY_STAGING) as copy:
        await copy.write(text)


async def all_staged(conn: AsyncConnection) -> None:
    """Let the planner know what was staged."""
    await conn.execute(ANALYZE_STAGING)


async def is_empty(conn: AsyncConnection) -> bool:
    """Tell whether the registry holds no component at all."""
    row = await (await conn.execute(IS_EMPTY)).fetchone()
    return bool(row and row[0])


async def take_over(
    conn: AsyncConnection, *, catalogue_id: str, survey_id: int, now: datetime, actor: str
) -> tuple[int, int, int]:
    """Write the staged rows into the registry; give the numbers of new, changed and unchanged components."""
    values = {"catalogue_id": catalogue_id, "survey_id": survey_id, "now": now, "actor": actor}
    row = await (await conn.execute(UPSERT_COMPONENTS, values)).fetchone()
    assert row is not None
    await conn.execute(KEEP_FORMER, values)
    await conn.execute(ANALYZE_COMPONENTS)
    created, changed, staged = row
    return created, changed, staged - created - changed


async def close_survey(
    conn: AsyncConnection, survey_id: int, *, rows_read: int, rows_loaded: int, summary: Mapping[str, Any]
) -> None:
    """Write what became of the survey's rows."""
    values = {"survey_id": survey_id, "rows_read": rows_read, "rows_loaded": rows_loaded, "summary": Jsonb(summary)}
    await conn.execute(FINISH_SURVEY, values)
