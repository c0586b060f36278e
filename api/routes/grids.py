"""HTTP for places: unit grids, patrol grids and areas as GeoJSON, and which grid a point lies in."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.box import BoxQuery
from api.caching import NOT_MODIFIED, GeoJson, conditional
from api.services import Use
from core.errors import InvalidInput, NotFound
from storage.queries import grids

router = APIRouter(tags=["grids"])
MOST_GRIDS = 20_000
KEPT_S = 1.0
"""Many consoles ask at the same moment; counts may be this old."""

Drawn = Annotated[bool, Query(description="false = names without outlines, for lists to choose from.")]


class Feature(BaseModel):
    """A place; `properties.open` counts its open incidents by severity."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any] | None
    properties: dict[str, Any]


class FeatureCollection(BaseModel):
    """GeoJSON (RFC 7946)."""

    type: Literal["FeatureCollection"]
    features: list[Feature]


class Place(BaseModel):
    """Where a point lies, from the unit grid up to the district."""

    unit_grid_code: str
    patrol_grid_code: str | None
    patrol_name_zh: str | None
    patrol_name_en: str | None
    team: str | None = Field(description="Who walks the patrol grid.")
    community_code: str | None
    community_zh: str | None
    community_en: str | None
    street_code: str | None
    street_zh: str | None
    street_en: str | None
    district_code: str | None
    district_zh: str | None
    district_en: str | None


@router.get("/grids/unit", response_model=FeatureCollection, response_class=GeoJson, responses=NOT_MODIFIED)
async def list_unit_grids(request: Request, services: Use, box: BoxQuery) -> Response:
    """Give the unit grids (单元网格) of a box, or all, with their open incidents by severity."""

    async def make() -> bytes:
        async with services.reading() as conn:
            return _collection(await grids.unit_features(conn, box, limit=MOST_GRIDS + 1))

    body = await services.memo.get(("unit", *box.values()), KEPT_S, make)
    return conditional(request, body, media_type=GeoJson.media_type, max_age_s=0)


@router.get("/grids/patrol", response_model=FeatureCollection, response_class=GeoJson, responses=NOT_MODIFIED)
async def list_patrol_grids(request: Request, services: Use, *, geometry: Drawn = True) -> Response:
    """Give all patrol grids (巡查网格) with their open incidents by severity."""

    async def make() -> bytes:
        async with services.reading() as conn:
            return _collection(await grids.patrol_features(conn, drawn=geometry))

    body = await services.memo.get(("patrol", geometry), KEPT_S, make)
    return conditional(request, body, media_type=GeoJson.media_type, max_age_s=0)


@router.get("/areas", response_model=FeatureCollection, response_class=GeoJson, responses=NOT_MODIFIED)
async def list_areas(
    request: Request,
    services: Use,
    *,
    level: Literal["city", "district", "street", "community"] | None = None,
    geometry: Drawn = True,
) -> Response:
    """Give the administrative areas of a level, or all, with their open incidents by severity."""

    async def make() -> bytes:
        async with services.reading() as conn:
            return _collection(await grids.area_features(conn, level, drawn=geometry))

    body = await services.memo.get(("areas", level, geometry), KEPT_S, make)
    return conditional(request, body, media_type=GeoJson.media_type, max_age_s=0)


@router.get("/areas/watch", response_model=FeatureCollection, response_class=GeoJson, responses=NOT_MODIFIED)
async def list_watched_areas(request: Request, services: Use) -> Response:
    """Give the named areas that rules speak of: `inside(park_1)`."""

    async def make() -> bytes:
        async with services.reading() as conn:
            return _collection(await grids.named_area_features(conn))

    body = await services.memo.get("watched", KEPT_S, make)
    return conditional(request, body, media_type=GeoJson.media_type, max_age_s=0)


@router.get("/grids/locate")
async def locate_point(
    services: Use, lon: Annotated[float, Query(ge=-180, le=180)], lat: Annotated[float, Query(ge=-90, le=90)]
) -> Place:
    """Say which unit grid, patrol grid, community, street and district a point lies in; 404 outside the grids."""
    async with services.reading() as conn:
        row = await grids.locate(conn, lon, lat)
    if row is None:
        raise NotFound(f"the point {lon}, {lat} (lon, lat) lies in no unit grid of this city")
    return Place.model_validate(row)


def _collection(features: list[str]) -> bytes:
    if len(features) > MOST_GRIDS:
        raise InvalidInput(f"bbox: more than {MOST_GRIDS} grids: ask for a smaller box")
    return ('{"type":"FeatureCollection","features":[' + ",".join(features) + "]}").encode()
