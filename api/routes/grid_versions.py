"""HTTP for versions of the city's grids: what was imported, what was found in it, when it was in force, what moved."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from api import paging
from api.caching import NOT_MODIFIED, GeoJson, conditional
from api.paging import Cursor, Limit, Page
from api.routes.grids import FeatureCollection
from api.services import Use
from core.errors import NotFound
from storage.queries import grid_versions

router = APIRouter(prefix="/grids", tags=["grids"])
MOST_FINDINGS = 5_000
"""Drawn on one map; the list has them all."""

Level = Literal["district", "street", "community", "unit", "patrol"]
Version = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of a version.")]


class GridPeriod(BaseModel):
    """When a version was in force, and what its coming moved."""

    period_id: int
    since: datetime | None = Field(description="Absent: since before it was counted.")
    until: datetime | None = Field(description="Absent: it is in force.")
    actor: str
    moved: dict[str, int] = Field(description="Counts: unit grids new, gone and kept; components, devices, incidents.")


class GridVersion(BaseModel):
    """A partition of the city that was imported."""

    version_id: int
    level: Level
    state: Literal["refused", "draft", "active", "past"]
    source: str
    crs: str
    imported_at: datetime
    actor: str
    accepted: str = Field(description="Why its blocking findings were accepted; empty: it had none.")
    grids: int
    findings: dict[str, int] | None = Field(description="Counts by kind.")
    blocking: int
    periods: list[GridPeriod]


class GridFinding(BaseModel):
    """One thing wrong in an imported partition."""

    number: int
    flaw: str
    blocks: bool
    feature: int = Field(description="Its number in the file, from 1; 0: not of one feature.")
    codes: list[str]
    area_m2: float
    detail: str
    lon: float | None
    lat: float | None


class GridMove(BaseModel):
    """A component, device or open incident that came into another grid."""

    kind: Literal["component", "device", "incident"]
    name: str | None = Field(description="The component's code, the device's label, the case's number.")
    from_unit_grid: str | None
    to_unit_grid: str | None = Field(description="Absent: it lies outside all grids now.")
    from_patrol_grid: str | None
    to_patrol_grid: str | None
    lon: float | None
    lat: float | None


@router.get("/versions")
async def list_grid_versions(
    services: Use, level: Level | None = None, limit: Limit = 100, cursor: Cursor = None
) -> Page[GridVersion]:
    """List the partitions that were imported, the newest first, with when each was in force."""
    given: dict[str, object] = {"level": level}
    if cursor:
        (given["before"],) = paging.decode("grid_versions", cursor, tuple[int])
    async with services.reading() as conn:
        rows = await grid_versions.versions(conn, given, limit=limit + 1)
    last = paging.encode("grid_versions", [rows[limit - 1]["version_id"]]) if len(rows) > limit else None
    return Page(items=[GridVersion.model_validate(row) for row in rows[:limit]], next=last)


@router.get("/imports/{version_id}/findings")
async def list_grid_findings(
    version_id: Version, services: Use, limit: Limit = 100, cursor: Cursor = None
) -> Page[GridFinding]:
    """List what was found in an imported partition: overlaps, gaps, slivers, broken outlines, codes."""
    (after,) = paging.decode("grid_findings", cursor, tuple[int]) if cursor else (0,)
    async with services.reading() as conn:
        if not await grid_versions.versions(conn, {"version_id": version_id}, limit=1):
            raise NotFound(f"no version {version_id} of any grids")
        rows = await grid_versions.findings(conn, version_id, after=after, limit=limit + 1)
    last = paging.encode("grid_findings", [rows[limit - 1]["number"]]) if len(rows) > limit else None
    return Page(items=[GridFinding.model_validate(row) for row in rows[:limit]], next=last)


@router.get(
    "/imports/{version_id}/findings.geojson",
    response_model=FeatureCollection,
    response_class=GeoJson,
    responses=NOT_MODIFIED,
)
async def draw_grid_findings(request: Request, version_id: Version, services: Use) -> Response:
    """Give the findings in an imported partition with their places: the overlap, the gap, what sticks out."""
    async with services.reading() as conn:
        if not await grid_versions.versions(conn, {"version_id": version_id}, limit=1):
            raise NotFound(f"no version {version_id} of any grids")
        features = await grid_versions.finding_features(conn, version_id, limit=MOST_FINDINGS)
    body = ('{"type":"FeatureCollection","features":[' + ",".join(features) + "]}").encode()
    return conditional(request, body, media_type=GeoJson.media_type, max_age_s=0)


@router.get("/moves/{period_id}")
async def list_grid_moves(
    period_id: Annotated[int, Path(ge=1, le=2**31 - 1)],
    services: Use,
    kind: Annotated[Literal["component", "device", "incident"] | None, Query(description="Only these.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[GridMove]:
    """List what a version's coming moved from one grid to another: components, devices, then incidents."""
    after = paging.decode("grid_moves", cursor, tuple[str, int]) if cursor else (kind or "", 0)
    async with services.reading() as conn:
        if not await grid_versions.period_exists(conn, period_id):
            raise NotFound(f"nothing came into force as period {period_id}")
        rows = await grid_versions.moves(conn, period_id, after=after, limit=limit + 1, kind=kind)
    key = rows[limit - 1] if len(rows) > limit else None
    last = paging.encode("grid_moves", [key["kind"], key["key"]]) if key else None
    return Page(items=[GridMove.model_validate(row) for row in rows[:limit]], next=last)
