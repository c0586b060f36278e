"""Row scope: what somebody whose grants end at an area may see, as views of schema `scoped` named like the tables.

Who is limited reads with `scoped` first on the search path and as a role that reaches nothing but these views and the
tables of `SHARED`. So every query of ours, written for the tables, gives that person their rows; a table that stands in
neither list is refused. The settings named below say where; they hold for one transaction, and unset nothing is seen.

Views, not row level security: its conditions come before any that PostgreSQL does not know to be leakproof, so a box
or a tile could not use the index of the geometry; and COPY into a table under it is refused (ADR-0030).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import AsyncConnection, Connection, sql

SCHEMA = "scoped"
ROLE = "citygrid_scoped"
SEARCH_PATH = "scoped,public"

_DISTRICTS: LiteralString = "((SELECT string_to_array(current_setting('citygrid.districts', true), ','))::text[])"
_PLACES: LiteralString = "((SELECT string_to_array(current_setting('citygrid.places', true), ','))::text[])"
_GRIDS: LiteralString = "(SELECT unnest(string_to_array(current_setting('citygrid.grids', true), ',')::int[]))"
_GRIDS_OF_DISTRICTS: LiteralString = (
    f"(SELECT unit_grid_id FROM public.unit_grid WHERE left(community_code, 6) = ANY {_DISTRICTS})"  # noqa: S608
)
_BY_PLACE: LiteralString = f"(t.district_code = ANY {_DISTRICTS} OR t.unit_grid_id IN {_GRIDS})"
_BY_DISTRICT: LiteralString = f"t.district_code = ANY {_DISTRICTS}"
_BY_DEVICE: LiteralString = "t.device_id IN (SELECT device_id FROM scoped.device)"
_BY_INCIDENT: LiteralString = "t.incident_id IN (SELECT incident_id FROM scoped.incident)"

ROOTS: Mapping[str, LiteralString] = {
    "component": _BY_PLACE,
    "component_version": _BY_PLACE,
    "device": _BY_PLACE,
    "gateway": _BY_DISTRICT,
    "incident": _BY_PLACE,
    "shadow_incident": _BY_PLACE,
    "silence": f"(t.areas <> '{{}}' AND t.areas <@ {_PLACES})",
}
"""Rows that lie somewhere; nobody writes one outside their scope."""
DEPENDENT: Mapping[str, LiteralString] = {
    "issued_code": _BY_DISTRICT,
    "former_code": "t.component_id IN (SELECT component_id FROM scoped.component)",
    "component_ownership": "t.component_id IN (SELECT component_id FROM scoped.component)",
    "component_grid": "t.component_id IN (SELECT component_id FROM scoped.component)",
    "broker_certificate": _BY_DEVICE,
    "device_battery": _BY_DEVICE,
    "device_command": _BY_DEVICE,
    "grid_move": (
        "((t.kind = 'component' AND t.key IN (SELECT component_id FROM scoped.component))"
        " OR (t.kind = 'device' AND t.key IN (SELECT device_id FROM scoped.device))"
        " OR (t.kind = 'incident' AND t.key IN (SELECT incident_id FROM scoped.incident)))"
    ),
    "device_event": _BY_DEVICE,
    "device_message": _BY_DEVICE,
    "device_mounting": "t.component_id IN (SELECT component_id FROM scoped.component)",
    "device_quality": _BY_DEVICE,
    "device_state": _BY_DEVICE,
    "event": _BY_DEVICE,
    "reading": _BY_DEVICE,
    "reading_1m": _BY_DEVICE,
    "reading_5m": _BY_DEVICE,
    "reading_1h": _BY_DEVICE,
    "reading_1d": _BY_DEVICE,
    "class_5m": _BY_DISTRICT,
    "class_1h": _BY_DISTRICT,
    "class_1d": _BY_DISTRICT,
    "grid_tally": f"(t.unit_grid_id IN {_GRIDS} OR t.unit_grid_id IN {_GRIDS_OF_DISTRICTS})",
    "incident_event": _BY_INCIDENT,
    "incident_member": _BY_INCIDENT,
    "unknown_device": _BY_DISTRICT,
    "muted_case": f"({_BY_DISTRICT} OR {_BY_DEVICE})",
    "dead_letter": f"split_part(t.topic, '/', 3) = ANY {_DISTRICTS}",
}
"""Rows that belong to such a row, or to a whole district."""
SHARED: Sequence[str] = (
    "area", "unit_grid", "patrol_grid", "grid_version", "grid_period", "grid_finding", "unit_grid_period",
    "street", "named_area", "route", "city_fact",
    "component_class", "component_name", "survey", "profile_channel",
    "department", "department_name", "department_alias", "department_version",
    "holiday", "work_hours", "planting_season", "time_limit", "level_rule", "rulebook_version",
    "ingest_1m", "rollup_queue", "rollup_level", "rollup_state",
)  # fmt: skip
"""The map, the catalogue, the city's rules, and counts in which nobody's row shows."""

VIEW: LiteralString = "CREATE VIEW scoped.{name} AS SELECT * FROM public.{name} AS t WHERE {condition} {check}"
CHECK = sql.SQL("WITH CHECK OPTION")
GRANTS: Sequence[LiteralString] = (
    "GRANT USAGE ON SCHEMA scoped TO citygrid_scoped, citygrid_writer",
    "GRANT SELECT ON ALL TABLES IN SCHEMA scoped TO citygrid_scoped",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA scoped TO citygrid_writer",
    "GRANT USAGE ON SCHEMA public TO citygrid_scoped",
)
GRANTED: LiteralString = """
SELECT table_name FROM information_schema.role_table_grants
WHERE grantee = 'citygrid_scoped' AND table_schema = 'public'
"""
DROP: LiteralString = "DROP SCHEMA IF EXISTS scoped CASCADE"
COLUMNS: LiteralString = """
SELECT string_agg(table_name || '.' || column_name || ':' || udt_name, ' ' ORDER BY table_name, ordinal_position)
FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ANY(%(names)s)
"""
STANDS: LiteralString = "SELECT obj_description(to_regnamespace('scoped')::oid, 'pg_namespace')"

# Whole districts are told by their code; below them unit grids decide, which a street or a patrol grid is made of.
EXTENT: LiteralString = """
WITH RECURSIVE below AS (
    SELECT area_code, level, level IN ('city', 'district') AS whole FROM area WHERE area_code = ANY(%(areas)s)
    UNION
    SELECT a.area_code, a.level, b.whole FROM area AS a JOIN below AS b ON a.parent_code = b.area_code
), district AS (
    SELECT DISTINCT area_code FROM below WHERE level IN ('city', 'district')
), place AS (
    SELECT area_code AS code FROM below
    UNION
    SELECT code FROM patrol_grid
    WHERE code = ANY(%(patrols)s) OR district_code IN (SELECT area_code FROM district)
), grid AS (
    SELECT u.unit_grid_id, u.code FROM unit_grid AS u JOIN below AS b ON b.area_code = u.community_code AND NOT b.whole
    UNION
    SELECT u.unit_grid_id, u.code FROM unit_grid AS u JOIN patrol_grid AS g USING (patrol_grid_id)
    WHERE g.code = ANY(%(patrols)s)
)
SELECT ARRAY(SELECT area_code FROM district), ARRAY(SELECT code FROM place),
       ARRAY(SELECT unit_grid_id FROM grid), ARRAY(SELECT code FROM grid)
"""
SETTINGS: LiteralString = """
SELECT set_config('citygrid.districts', %(districts)s, true), set_config('citygrid.places', %(places)s, true),
       set_config('citygrid.grids', %(grids)s, true)
"""


@dataclass(frozen=True, slots=True)
class Extent:
    """A scope as the views take it."""

    districts: frozenset[str]
    """Whole districts (and cities)."""
    places: frozenset[str]
    """Every area and patrol grid inside."""
    grid_ids: frozenset[int]
    """Unit grids beside those of whole districts."""
    grid_codes: frozenset[str]

    def covers(self, district_code: str, unit_grid: str | int | None) -> bool:
        """Tell whether a row that lies there is seen, as the views say; the unit grid by its code or its key."""
        return district_code in self.districts or unit_grid in self.grid_codes or unit_grid in self.grid_ids


async def extent(conn: AsyncConnection, areas: Sequence[str], patrols: Sequence[str]) -> Extent:
    """Give where areas and patrol grids reach; codes that do not exist reach nothing."""
    row = await (await conn.execute(EXTENT, {"areas": list(areas), "patrols": list(patrols)})).fetchone()
    assert row is not None
    return Extent(*(frozenset[Any](codes) for codes in row))


async def enter(conn: AsyncConnection, seen: Extent) -> None:
    """Say for the running transaction which rows are seen."""
    lists = {"districts": seen.districts, "places": seen.places, "grids": map(str, seen.grid_ids)}
    await conn.execute(SETTINGS, {name: ",".join(items) for name, items in lists.items()})


def drop(conn: Connection) -> None:
    """Take the views away: a migration may change what they show."""
    conn.execute(DROP)


def settle(conn: Connection) -> None:
    """Make the views anew if what they show, or how, has changed."""
    shown: Mapping[str, LiteralString] = {**ROOTS, **DEPENDENT}
    found = conn.execute(COLUMNS, {"names": [*shown, *SHARED]}).fetchone()
    made_of = repr((found, sorted(shown.items()), SHARED, GRANTS, VIEW))
    digest = hashlib.sha256(made_of.encode()).hexdigest()
    stands = conn.execute(STANDS).fetchone()
    if stands and stands[0] == digest:
        return
    with conn.transaction():
        conn.execute(DROP)
        conn.execute("CREATE SCHEMA scoped")
        for name, condition in shown.items():
            view = sql.SQL(VIEW).format(
                name=sql.Identifier(name),
                condition=sql.SQL(condition),
                check=CHECK if name in ROOTS else sql.SQL(""),
            )
            conn.execute(view)
        for grant in GRANTS:
            conn.execute(grant)
        for (name,) in conn.execute(GRANTED).fetchall():
            conn.execute(sql.SQL("REVOKE ALL ON {} FROM citygrid_scoped").format(sql.Identifier("public", name)))
        for name in SHARED:
            conn.execute(sql.SQL("GRANT SELECT ON {} TO citygrid_scoped").format(sql.Identifier("public", name)))
        conn.execute(sql.SQL("COMMENT ON SCHEMA scoped IS {}").format(sql.Literal(digest)))
