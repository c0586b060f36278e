"""Grids of a city that is loaded whole, and the check of all that is loaded; a transaction each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from psycopg import AsyncConnection

from geo import topology
from geo.findings import GridFinding
from geo.gridfile import Grid, Known, Level, plane, read, rows_of
from geo.projection import geometries_from_degrees
from storage import grids

Features = Sequence[Mapping[str, Any]]


async def import_patrols(conn: AsyncConnection[Any], features: Features) -> tuple[int, list[GridFinding]]:
    """Load the good patrol grids by code; give their number and a finding for each bad feature."""
    async with conn.transaction():
        good, findings = read(Level.PATROL, *rows_of(features), Known(parents=await grids.districts(conn)))
        await grids.upsert_patrol_grids(conn, [_patrol_row(grid) for grid in good])
    return len(good), findings


async def import_units(conn: AsyncConnection[Any], features: Features) -> tuple[int, list[GridFinding]]:
    """Load the good unit grids by code and redraw the areas; give their number and a finding for each bad feature."""
    async with conn.transaction():
        known = Known(parents=await grids.communities(conn), patrols=await grids.patrol_codes(conn))
        good, findings = read(Level.UNIT, *rows_of(features), known)
        await grids.upsert_unit_grids(conn, [_unit_row(grid) for grid in good])
        await grids.outline_areas(conn)
    return len(good), findings


async def check_all(conn: AsyncConnection[Any]) -> tuple[int, list[GridFinding]]:
    """Give the number of unit grids and what is wrong with them and with the patrol grids they make up."""
    held = await grids.load_grids(conn)
    if not held.code:
        return 0, []
    outlines = geometries_from_degrees(plane(held.geometry), held.geometry)
    findings = topology.check(held.code, outlines)
    sound = shapely.is_valid(outlines)
    patrol = np.asarray(held.patrol_code)
    for code in sorted(set(held.patrol_code) - {""}):
        findings += topology.check_union(code, outlines[(patrol == code) & sound])
    return len(held.code), findings


def _patrol_row(grid: Grid) -> grids.PatrolGridRow:
    return grids.PatrolGridRow(
        code=grid.code,
        district_code=grid.parent_code,
        name_zh=grid.name_zh,
        name_en=grid.name_en,
        team=grid.team,
        wkb=shapely.to_wkb(grid.shape),
    )


def _unit_row(grid: Grid) -> grids.UnitGridRow:
    return grids.UnitGridRow(
        code=grid.code,
        community_code=grid.parent_code,
        patrol_code=grid.patrol_code,
        area_m2=grid.area_m2,
        wkb=shapely.to_wkb(grid.shape),
    )
