"""Rows of the versions of a city's partitions: what was imported, what was found, when each was in force.

Takes a connection, never commits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from core.errors import NotFound
from geo.findings import GridFinding
from geo.gridfile import Grid, Level

# Held alone by who changes what is in force; shared by who reads grids to write their keys (storage.grids.load_index).
LOCK = "SELECT pg_advisory_xact_lock(hashtext('citygrid.grids'))"
INSERT_VERSION = """
INSERT INTO grid_version (level, state, source, crs, imported_at, actor, accepted, grids, summary)
VALUES (%(level)s, %(state)s, %(source)s, %(crs)s, %(now)s, %(actor)s, %(accepted)s, %(grids)s, %(summary)s)
RETURNING version_id
"""
COPY_SHAPES = """
COPY grid_shape (version_id, code, parent_code, patrol_code, name_zh, name_en, team, area_m2, geom) FROM STDIN
"""
COPY_FINDINGS = """
COPY grid_finding (version_id, number, flaw, blocks, feature, codes, area_m2, detail, geom) FROM STDIN
"""
VERSION = (
    "SELECT version_id, level, state, source, grids FROM grid_version WHERE version_id = %(version_id)s FOR UPDATE"
)
ACTIVE = "SELECT version_id FROM grid_version WHERE level = %(level)s AND state = 'active'"
FORMER = """
SELECT p.version_id FROM grid_period AS p JOIN grid_version AS v USING (version_id)
WHERE v.level = %(level)s AND v.state = 'past' ORDER BY p.period_id DESC LIMIT 1
"""
OWN_LEVELS = "SELECT level FROM grid_version WHERE state = 'active'"
VOID_CODES = """
SELECT code FROM unit_grid WHERE state = 'void' EXCEPT SELECT code FROM unit_grid WHERE state = 'valid'
"""
LIVE_UNITS = """
INSERT INTO grid_shape
SELECT %(version_id)s, u.code, u.community_code, coalesce(p.code, ''), u.code, u.code, '', u.area_m2, u.geom
FROM unit_grid AS u LEFT JOIN patrol_grid AS p USING (patrol_grid_id) WHERE u.state = 'valid'
"""
LIVE_PATROLS = """
INSERT INTO grid_shape
SELECT %(version_id)s, code, district_code, '', name_zh, name_en, team, ST_Area(geom::geography), geom
FROM patrol_grid WHERE state = 'valid'
"""
COUNTED = """
UPDATE grid_version SET grids = (SELECT count(*) FROM grid_shape AS s WHERE s.version_id = grid_version.version_id)
WHERE version_id = %(version_id)s RETURNING grids
"""
DROP_VERSION = "DELETE FROM grid_version WHERE version_id = %(version_id)s"
RETIRE = "UPDATE grid_version SET state = 'past' WHERE level = %(level)s AND state = 'active'"
ENFORCE = "UPDATE grid_version SET state = 'active' WHERE version_id = %(version_id)s"
CLOSE_PERIOD = """
UPDATE grid_period AS p SET until = %(now)s FROM grid_version AS v
WHERE v.version_id = p.version_id AND v.level = %(level)s AND p.until IS NULL
"""
OPEN_PERIOD = """
INSERT INTO grid_period (version_id, since, actor) VALUES (%(version_id)s, %(since)s, %(actor)s) RETURNING period_id
"""
SUMMARISE = "UPDATE grid_period SET summary = %(summary)s WHERE period_id = %(period_id)s"
# What is valid now in which patrol grid, against what stood open: only what changed is written.
END_STRETCHES = """
UPDATE unit_grid_period AS s SET until = %(now)s
WHERE s.until IS NULL AND NOT EXISTS (
    SELECT FROM unit_grid AS u
    WHERE u.unit_grid_id = s.unit_grid_id AND u.state = 'valid'
      AND u.patrol_grid_id IS NOT DISTINCT FROM s.patrol_grid_id
)
"""
BEGIN_STRETCHES = """
INSERT INTO unit_grid_period (unit_grid_id, patrol_grid_id, since)
SELECT u.unit_grid_id, u.patrol_grid_id, %(since)s FROM unit_grid AS u
WHERE u.state = 'valid' AND NOT EXISTS (
    SELECT FROM unit_grid_period AS s WHERE s.unit_grid_id = u.unit_grid_id AND s.until IS NULL
)
"""
AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail)
VALUES (%(now)s, %(actor)s, %(action)s, %(subject)s, %(detail)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A partition that was imported."""

    version_id: int
    level: Level
    state: str
    source: str
    grids: int


async def lock(conn: AsyncConnection[Any]) -> None:
    """Be the only one who changes grids, until the transaction ends; surveys that are being imported end first."""
    await conn.execute(LOCK)


async def insert(  # noqa: PLR0913  # a row's columns
    conn: AsyncConnection[Any], level: Level, *, state: str, source: str, crs: str, now: datetime, actor: str,
    accepted: str = "", grids: int = 0, summary: Mapping[str, Any] | None = None,
) -> int:  # fmt: skip
    """Write a version without its content; give its number."""
    values = {
        "level": level.value, "state": state, "source": source, "crs": crs, "now": now, "actor": actor,
        "accepted": accepted, "grids": grids, "summary": Jsonb(summary or {}),
    }  # fmt: skip
    row = await (await conn.execute(INSERT_VERSION, values)).fetchone()
    assert row is not None
    return row[0]


async def write_shapes(conn: AsyncConnection[Any], version_id: int, grids: Iterable[Grid]) -> None:
    """Write the grids of a version."""
    async with conn.cursor() as cursor, cursor.copy(COPY_SHAPES) as copy:
        for it in grids:
            shape = shapely.to_wkb(shapely.set_srid(it.shape, 4326), hex=True, include_srid=True)
            await copy.write_row((
                version_id, it.code, it.parent_code, it.patrol_code, it.name_zh, it.name_en, it.team, it.area_m2, shape
            ))  # fmt: skip


async def write_findings(conn: AsyncConnection[Any], version_id: int, findings: Iterable[GridFinding]) -> None:
    """Write the findings on a version, with their places in degrees."""
    async with conn.cursor() as cursor, cursor.copy(COPY_FINDINGS) as copy:
        for number, it in enumerate(findings, start=1):
            shape = None
            if it.shape is not None:
                shape = shapely.to_wkb(shapely.set_srid(it.shape, 4326), hex=True, include_srid=True)
            await copy.write_row((
                version_id, number, it.flaw.value, it.blocks, it.feature, list(it.codes), it.area_m2, it.detail, shape
            ))  # fmt: skip


async def load(conn: AsyncConnection[Any], version_id: int) -> Version:
    """Give a version, kept from others until the transaction ends; raises `NotFound`."""
    row = await (await conn.execute(VERSION, {"version_id": version_id})).fetchone()
    if row is None:
        raise NotFound(f"there is no version {version_id} of any grids")
    return Version(version_id=row[0], level=Level(row[1]), state=row[2], source=row[3], grids=row[4])


async def active(conn: AsyncConnection[Any], level: Level) -> int | None:
    """Give the version of a level that is in force, if one was imported or recorded."""
    row = await (await conn.execute(ACTIVE, {"level": level.value})).fetchone()
    return row[0] if row else None


async def former(conn: AsyncConnection[Any], level: Level) -> int | None:
    """Give the version that was in force before the present one."""
    row = await (await conn.execute(FORMER, {"level": level.value})).fetchone()
    return row[0] if row else None


async def own_levels(conn: AsyncConnection[Any]) -> frozenset[str]:
    """Give the levels whose outlines were imported; others follow from the unit grids."""
    return frozenset(row[0] for row in await (await conn.execute(OWN_LEVELS)).fetchall())


async def void_codes(conn: AsyncConnection[Any]) -> frozenset[str]:
    """Give the codes of unit grids that were given up."""
    return frozenset(row[0] for row in await (await conn.execute(VOID_CODES)).fetchall())


async def record_live(
    conn: AsyncConnection[Any], level: Level, *, source: str, now: datetime, actor: str, since: datetime | None
) -> None:
    """Make what is in force a version, where nobody imported it as one; nothing to do for areas, or without grids."""
    if level not in {Level.UNIT, Level.PATROL} or await active(conn, level) is not None:
        return
    version_id = await insert(conn, level, state="active", source=source, crs="EPSG:4326", now=now, actor=actor)
    values = {"version_id": version_id}
    await conn.execute(LIVE_UNITS if level is Level.UNIT else LIVE_PATROLS, values)
    row = await (await conn.execute(COUNTED, values)).fetchone()
    if row is None or not row[0]:
        await conn.execute(DROP_VERSION, values)
        return
    await conn.execute(OPEN_PERIOD, {**values, "since": since, "actor": actor})
    await conn.execute(BEGIN_STRETCHES, {"since": since})


async def put_in_force(conn: AsyncConnection[Any], version: Version, *, now: datetime, actor: str) -> int:
    """Write that a version takes the place of the one before; give the period that begins."""
    values = {"level": version.level.value, "version_id": version.version_id, "now": now, "since": now, "actor": actor}
    await conn.execute(RETIRE, values)
    await conn.execute(CLOSE_PERIOD, values)
    await conn.execute(ENFORCE, values)
    row = await (await conn.execute(OPEN_PERIOD, values)).fetchone()
    assert row is not None
    return row[0]


async def keep_stretches(conn: AsyncConnection[Any], now: datetime) -> None:
    """Write from when to when unit grids were valid, after what is in force has changed."""
    await conn.execute(END_STRETCHES, {"now": now})
    await conn.execute(BEGIN_STRETCHES, {"since": now})


async def summarise(conn: AsyncConnection[Any], period_id: int, summary: Mapping[str, Any]) -> None:
    """Write what a period's beginning moved."""
    await conn.execute(SUMMARISE, {"period_id": period_id, "summary": Jsonb(summary)})


async def audit(
    conn: AsyncConnection[Any], version_id: int, action: str, detail: Mapping[str, Any], *, now: datetime, actor: str
) -> None:
    """Write who did what to a version."""
    values = {"now": now, "actor": actor, "action": f"grids.{action}", "subject": f"grid version {version_id}"}
    await conn.execute(AUDIT, {**values, "detail": Jsonb(detail)})
