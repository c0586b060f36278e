"""HTTP of OGC API - Tiles: what describes the vector tiles of `api.routes.tiles` to geographic information systems."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from api.ogc import tilesets
from api.routes.ogc import Name, layer_of, root
from api.services import Services, Use
from core.errors import NotFound
from storage.layers import query
from storage.layers.model import Layer

router = APIRouter(prefix="/ogc", tags=["ogc"])

MatrixSet = Annotated[str, Path(description="WebMercatorQuad", examples=["WebMercatorQuad"])]


class TileJson(JSONResponse):
    """A TileJSON document."""

    media_type = tilesets.TILEJSON


@router.get("/tileMatrixSets")
async def list_tile_matrix_sets(request: Request) -> dict[str, Any]:
    """List the tile matrix sets."""
    return tilesets.matrix_sets(root(request))


@router.get("/tileMatrixSets/{matrix_set}")
async def show_tile_matrix_set(matrix_set: MatrixSet) -> dict[str, Any]:
    """Give the definition of a tile matrix set."""
    _require(matrix_set)
    return tilesets.matrix_set()


@router.get("/collections/{collection}/tiles")
async def list_ogc_tilesets(request: Request, collection: Name) -> dict[str, Any]:
    """List the vector tile sets of a collection."""
    return tilesets.tilesets(root(request), _drawn(collection))


@router.get("/collections/{collection}/tiles/{matrix_set}")
async def show_ogc_tileset(request: Request, collection: Name, matrix_set: MatrixSet, services: Use) -> dict[str, Any]:
    """Describe a tile set: its layers and their fields, and the address of its tiles."""
    _require(matrix_set)
    layer = _drawn(collection)
    return tilesets.tileset(root(request), layer, await _extent(services, layer))


@router.get("/collections/{collection}/tiles/{matrix_set}/tilejson", response_class=TileJson)
async def show_ogc_tilejson(request: Request, collection: Name, matrix_set: MatrixSet, services: Use) -> Response:
    """Give the TileJSON of a tile set: QGIS and MapLibre open it as a vector tile layer."""
    _require(matrix_set)
    layer = _drawn(collection)
    return TileJson(tilesets.tilejson(root(request), layer, await _extent(services, layer)))


def _require(matrix_set: str) -> None:
    if matrix_set != tilesets.MATRIX_SET:
        raise NotFound(f"there is no tile matrix set {matrix_set!r}; there is: {tilesets.MATRIX_SET}")


def _drawn(collection: str) -> Layer:
    layer = layer_of(collection)
    if layer.tiles is None:
        raise NotFound(f"{collection} has no tiles")
    return layer


async def _extent(services: Services, layer: Layer) -> tuple[float, float, float, float] | None:
    async with services.reading() as conn:
        return await query.extent(conn, layer)
