"""SQL of the component registry. Takes a connection, never commits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from components_registry.model import Finding, Flaw
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
DEPARTMENTS = "SELECT name_zh, department_id FROM department_name"
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
COPY_FINDINGS = "COPY survey_finding (survey_id, line, col, reason, detail, refused, lon, lat) FROM STDIN"
FINDINGS = """
SELECT line, col, reason, detail, refused, lon, lat FROM survey_finding
WHERE survey_id = %(survey_id)s ORDER BY line LIMIT %(limit)s
"""
SURVEY_EXISTS = "SELECT 1 FROM survey WHERE survey_id = %(survey_id)s"

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

# A new code for a component that is already there: same class, same geometry, another code.
TAKE_CROWDED = """
WITH crowded AS (
    SELECT DISTINCT ON (s.line) s.line, s.code, s.class_code, c.code AS held
    FROM staged_component s
    JOIN component c ON c.class_code = s.class_code AND c.geom ~= s.geom AND ST_OrderingEquals(c.geom, s.geom)
    WHERE NOT EXISTS (SELECT 1 FROM component k WHERE k.code = s.code)
      AND NOT EXISTS (SELECT 1 FROM staged_component m WHERE m.code = c.code)
    ORDER BY s.line, c.code
)
DELETE FROM staged_component s USING crowded WHERE s.line = crowded.line
RETURNING s.line, s.class_code, crowded.held
"""
# A new code within some metres of a component of its class that the file does not have: probably the same one. Areas
# may touch: of two of them `OVER_REGISTERED` speaks.
NEAR_REGISTERED = """
SELECT DISTINCT ON (s.line) s.line, c.code, ST_Distance(s.geom::geography, c.geom::geography) AS away_m
FROM staged_component s
JOIN component c ON c.class_code = s.class_code AND c.geom && ST_Expand(s.geom, %(degrees)s)
WHERE ST_DWithin(s.geom::geography, c.geom::geography, %(near_m)s)
  AND (ST_Dimension(s.geom) < 2 OR ST_Dimension(c.geom) < 2)
  AND NOT EXISTS (SELECT 1 FROM component k WHERE k.code = s.code)
  AND NOT EXISTS (SELECT 1 FROM staged_component m WHERE m.code = c.code)
ORDER BY s.line, away_m
"""
# A polygon over one of its class that the file does not have, by the share of the smaller one.
OVER_REGISTERED = """
SELECT DISTINCT ON (line) line, held, share, square_m, lon, lat FROM (
    SELECT s.line, c.code AS held, ST_X(p.at) AS lon, ST_Y(p.at) AS lat,
           ST_Area(ST_Intersection(s.geom, c.geom)) / least(ST_Area(s.geom), ST_Area(c.geom)) AS share,
           ST_Area(ST_Intersection(s.geom, c.geom)::geography) AS square_m
    FROM staged_component AS s
    JOIN component AS c ON c.class_code = s.class_code AND c.geom && s.geom AND ST_Dimension(c.geom) = 2
        AND c.code <> s.code AND ST_Intersects(c.geom, s.geom)
    CROSS JOIN LATERAL (SELECT ST_PointOnSurface(s.geom) AS at) AS p
    WHERE ST_Dimension(s.geom) = 2 AND NOT EXISTS (SELECT 1 FROM staged_component AS m WHERE m.code = c.code)
) AS pair
WHERE share >= %(share)s
ORDER BY line, share DESC
"""
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
METRES_A_DEGREE = 60_000.0
"""Fewer than a degree has in any direction up to 57 degrees north: a box this wide holds the circle."""
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


async def departments(conn: AsyncConnection) -> dict[str, int]:
    """Give the key of every department by its Chinese name."""
    return {row[0]: row[1] for row in await (await conn.execute(DEPARTMENTS)).fetchall()}


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


async def take_crowded(conn: AsyncConnection) -> list[Finding]:
    """Take out staged rows that give a new code to a component that is already registered; give the findings."""
    await conn.execute(ANALYZE_STAGING)
    rows = await (await conn.execute(TAKE_CROWDED)).fetchall()
    return [
        Finding(
            line=line,
            column="geometry",
            reason=Flaw.DUPLICATE_POSITION,
            detail=f"component {held} of class {class_code} is already registered at the same place",
        )
        for line, class_code, held in rows
    ]


async def near_registered(conn: AsyncConnection, near_m: float) -> list[Finding]:
    """Give a remark for each staged new code that lies within `near_m` of a registered component of its class."""
    values = {"near_m": near_m, "degrees": near_m / METRES_A_DEGREE}
    return [
        Finding(
            line=line,
            column="geometry",
            reason=Flaw.NEAR_DUPLICATE,
            detail=f"component {held} of the same class is registered {away_m:.2f} m away",
            refused=False,
        )
        for line, held, away_m in await (await conn.execute(NEAR_REGISTERED, values)).fetchall()
    ]


async def over_registered(conn: AsyncConnection, share: float) -> list[Finding]:
    """Give a remark for each staged polygon over a registered one of its class, from `share` of the smaller one on."""
    return [
        Finding(
            line=line,
            column="geometry",
            reason=Flaw.OVERLAP,
            detail=f"{part:.0%} of it or of component {held} lie over one another ({square_m:.1f} m², the same class)",
            refused=False,
            lon=lon,
            lat=lat,
        )
        for line, held, part, square_m, lon, lat in await (
            await conn.execute(OVER_REGISTERED, {"share": share})
        ).fetchall()
    ]


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
    conn: AsyncConnection,
    survey_id: int,
    *,
    rows_read: int,
    rows_loaded: int,
    findings: Iterable[Finding],
    summary: Mapping[str, Any],
) -> None:
    """Write what became of the survey's rows."""
    values = {"survey_id": survey_id, "rows_read": rows_read, "rows_loaded": rows_loaded, "summary": Jsonb(summary)}
    await conn.execute(FINISH_SURVEY, values)
    async with conn.cursor() as cursor, cursor.copy(COPY_FINDINGS) as copy:
        for finding in findings:
            await copy.write_row(
                (
                    survey_id,
                    finding.line,
                    finding.column,
                    finding.reason,
                    finding.detail,
                    finding.refused,
                    finding.lon,
                    finding.lat,
                )
            )


async def findings_of(conn: AsyncConnection, survey_id: int, limit: int) -> Sequence[Finding] | None:
    """Give the stored findings of a survey by line, or None when there is no such survey."""
    if await (await conn.execute(SURVEY_EXISTS, {"survey_id": survey_id})).fetchone() is None:
        return None
    rows: Collection[tuple[int, str, str, str, bool, float | None, float | None]] = await (
        await conn.execute(FINDINGS, {"survey_id": survey_id, "limit": limit})
    ).fetchall()
    return [
        Finding(line=line, column=col, reason=reason, detail=detail, refused=refused, lon=lon, lat=lat)
        for line, col, reason, detail, refused, lon, lat in rows
    ]
