"""HTTP for vector tiles: components and grids."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from psycopg import AsyncConnection

from api.caching import NOT_MODIFIED, VectorTile, conditional
from api.services import Services, Use
from core.errors import NotFound
from storage import tiles

router = APIRouter(prefix="/tiles", tags=["tiles"])
COMPONENTS_KEPT_S = 60
"""Surveys change components rarely; a browser may use a tile this long without asking."""
COUNTS_KEPT_S = 300
"""Far tiles count many components: about 0.1 s each for the whole city, so the server keeps them longer."""
GRIDS_KEPT_S = 1

Zoom = Annotated[int, Path(ge=0, le=22)]
Number = Annotated[int, Path(ge=0, lt=2**22)]
Make = Callable[[AsyncConnection, int, int, int], Awaitable[bytes]]


@router.get("/components/{z}/{x}/{y}.mvt", response_class=VectorTile, responses=NOT_MODIFIED)
async def get_component_tile(request: Request, services: Use, z: Zoom, x: Number, y: Number) -> Response:
    """Give a tile of components.

    From zoom 14 layer `components` with `class_code`, `state` and, from zoom 16, `code`; below it layer
    `component_counts`: one point a unit grid, or coarser, with `count`. No tile is over 500 kB.
    """
    kept_s = COMPONENTS_KEPT_S if z >= tiles.UNIT_FROM_ZOOM else COUNTS_KEPT_S
    body = await _tile(services, tiles.components, (z, x, y), kept_s)
    return conditional(request, body, media_type=VectorTile.media_type, max_age_s=COMPONENTS_KEPT_S)


@router.get("/grids/{z}/{x}/{y}.mvt", response_class=VectorTile, responses=NOT_MODIFIED)
async def get_grid_tile(request: Request, services: Use, z: Zoom, x: Number, y: Number) -> Response:
    """Give a tile of places.

    Layers `unit_grids` (from zoom 13: `code`), `patrol_grids` (`code`, names) and `streets`; open incidents as `info`,
    `minor`, `major`, `critical`, absent where there are none.
    """
    body = await _tile(services, tiles.grids, (z, x, y), GRIDS_KEPT_S)
    return conditional(request, body, media_type=VectorTile.media_type, max_age_s=0)


async def _tile(services: Services, make: Make, at: tuple[int, int, int], kept_s: int) -> bytes:
    z, x, y = at
    if x >= 2**z or y >= 2**z:
        raise NotFound(f"zoom {z} has tiles 0 to {2**z - 1}; there is no {x}/{y}")

    async def draw() -> bytes:
        async with services.reading() as conn:
            return await make(conn, z, x, y)

    return await services.memo.get((make.__name__, *at), kept_s, draw)
