"""HTTP for vector tiles: components and grids."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from psycopg import AsyncConnection

from api.caching import NOT_MODIFIED, Packed, VectorTile, conditional_packed
from api.services import Services, Use
from core.errors import NotFound
from storage import tiles

router = APIRouter(prefix="/tiles", tags=["tiles"])
COMPONENTS_KEPT_S = 60
"""Surveys change components rarely; server and browser use a tile this long without asking."""
GRIDS_KEPT_S = 5
"""Open incidents by grid; the console hears of incidents by its live stream at once."""

Zoom = Annotated[int, Path(ge=0, le=22)]
Number = Annotated[int, Path(ge=0, lt=2**22)]
Make = Callable[[AsyncConnection, int, int, int], Awaitable[bytes]]


@router.get("/components/{z}/{x}/{y}.mvt", response_class=VectorTile, responses=NOT_MODIFIED)
async def get_component_tile(request: Request, services: Use, z: Zoom, x: Number, y: Number) -> Response:
    """Give a tile of components.

    From zoom 14 layer `components` with `class_code`, `state` and, from zoom 16, `code`; below it layer
    `component_counts`: one point a unit grid, or coarser, with `count` and, of these, `broken`
    (damaged or missing; absent = none). No tile is over 500 kB.
    """
    packed = await _tile(services, tiles.components, (z, x, y), COMPONENTS_KEPT_S)
    return conditional_packed(request, packed, media_type=VectorTile.media_type, max_age_s=COMPONENTS_KEPT_S)


@router.get("/grids/{z}/{x}/{y}.mvt", response_class=VectorTile, responses=NOT_MODIFIED)
async def get_grid_tile(request: Request, services: Use, z: Zoom, x: Number, y: Number) -> Response:
    """Give a tile of places.

    Layers `unit_grids` (from zoom 13: `code`), `patrol_grids` (`code`, names) and `streets`; open incidents as `info`,
    `minor`, `major`, `critical`, absent where there are none.
    """
    packed = await _tile(services, tiles.grids, (z, x, y), GRIDS_KEPT_S)
    return conditional_packed(request, packed, media_type=VectorTile.media_type, max_age_s=0)


async def _tile(services: Services, make: Make, at: tuple[int, int, int], kept_s: int) -> Packed:
    z, x, y = at
    if x >= 2**z or y >= 2**z:
        raise NotFound(f"zoom {z} has tiles 0 to {2**z - 1}; there is no {x}/{y}")

    async def draw() -> Packed:
        async with services.reading() as conn:
            body = await make(conn, z, x, y)
        return await Packed.of(body)

    return await services.memo.get((make.__name__, *at), kept_s, draw)
