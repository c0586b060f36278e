"""Documents of OGC API - Tiles over the vector tiles that the console draws: tile sets, their matrix set, TileJSON."""

import math
from typing import Any

from api.ogc.documents import JSON, REL, link
from storage.layers.model import Layer
from storage.tiles import CODE_FROM_ZOOM, SINGLE_FROM_ZOOM, UNIT_FROM_ZOOM

MVT = "application/vnd.mapbox-vector-tile"
TILEJSON = "application/vnd.mapbox.tile+json"
MATRIX_SET = "WebMercatorQuad"
MATRIX_SET_URI = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
WEB_MERCATOR = "http://www.opengis.net/def/crs/EPSG/0/3857"
DEEPEST_ZOOM = 18
"""Clients draw deeper zooms from these tiles; everything is in them from zoom 16 on."""
HALF_M = math.pi * 6_378_137.0
"""From the middle of the Web Mercator square to its edge."""
PIXEL_M = 0.00028
"""Side of the standard's pixel. Source: OGC 17-083r4, 6.1.1.1."""

_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}
_OPEN = dict.fromkeys(("info", "minor", "major", "critical"), _NUMBER)
TILE_LAYERS: dict[str, dict[str, Any]] = {
    "components": {
        "minzoom": SINGLE_FROM_ZOOM,
        "fields": {"class_code": _TEXT, "state": _TEXT, "code": _TEXT},
        "description": f"Components one by one; with their code from zoom {CODE_FROM_ZOOM}.",
    },
    "component_counts": {
        "minzoom": 0,
        "maxzoom": SINGLE_FROM_ZOOM - 1,
        "fields": {"count": _NUMBER},
        "description": "How many components there are around a point.",
    },
    "unit_grids": {
        "minzoom": UNIT_FROM_ZOOM,
        "fields": {"code": _TEXT, **_OPEN},
        "description": "Unit grids, with open incidents by severity.",
    },
    "patrol_grids": {
        "minzoom": 0,
        "fields": {"code": _TEXT, "name_zh": _TEXT, "name_en": _TEXT, "district_code": _TEXT, **_OPEN},
        "description": "Patrol grids, with open incidents by severity.",
    },
}
Extent = tuple[float, float, float, float] | None


def matrix_sets(root: str) -> dict[str, Any]:
    """Give the list of tile matrix sets: there is one."""
    entry = {
        "id": MATRIX_SET,
        "title": "Google Maps compatible Web Mercator",
        "uri": MATRIX_SET_URI,
        "crs": WEB_MERCATOR,
        "links": [link(f"{root}/tileMatrixSets/{MATRIX_SET}", "self", JSON)],
    }
    return {"tileMatrixSets": [entry]}


def matrix_set() -> dict[str, Any]:
    """Give the definition of WebMercatorQuad after OGC 17-083r4, annex D.1."""
    matrices = [
        {
            "id": str(zoom),
            "scaleDenominator": 2 * HALF_M / (256 * 2**zoom) / PIXEL_M,
            "cellSize": 2 * HALF_M / (256 * 2**zoom),
            "cornerOfOrigin": "topLeft",
            "pointOfOrigin": [-HALF_M, HALF_M],
            "tileWidth": 256,
            "tileHeight": 256,
            "matrixWidth": 2**zoom,
            "matrixHeight": 2**zoom,
        }
        for zoom in range(DEEPEST_ZOOM + 1)
    ]
    return {
        "id": MATRIX_SET,
        "title": "Google Maps compatible Web Mercator",
        "uri": MATRIX_SET_URI,
        "crs": WEB_MERCATOR,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": matrices,
    }


def tilesets(root: str, layer: Layer) -> dict[str, Any]:
    """Give the tile sets of a collection: one, in Web Mercator."""
    here = f"{root}/collections/{layer.name}/tiles"
    summary = _summary(layer)
    summary["links"] = [
        link(f"{here}/{MATRIX_SET}", "self", JSON),
        link(f"{root}/tileMatrixSets/{MATRIX_SET}", f"{REL}tiling-scheme", JSON),
        _template(root, layer),
    ]
    return {"links": [link(here, "self", JSON)], "tilesets": [summary]}


def tileset(root: str, layer: Layer, extent: Extent) -> dict[str, Any]:
    """Give the metadata of a collection's tile set."""
    here = f"{root}/collections/{layer.name}/tiles/{MATRIX_SET}"
    box = {"boundingBox": {"lowerLeft": list(extent[:2]), "upperRight": list(extent[2:])}} if extent else {}
    return {
        **_summary(layer),
        **box,
        "layers": [
            {
                "id": name,
                "dataType": "vector",
                "description": TILE_LAYERS[name]["description"],
                "minTileMatrix": str(TILE_LAYERS[name]["minzoom"]),
                "maxTileMatrix": str(TILE_LAYERS[name].get("maxzoom", DEEPEST_ZOOM)),
                "propertiesSchema": {"type": "object", "properties": TILE_LAYERS[name]["fields"]},
            }
            for name in layer.tile_layers
        ],
        "links": [
            link(here, "self", JSON),
            link(f"{root}/tileMatrixSets/{MATRIX_SET}", f"{REL}tiling-scheme", JSON),
            link(f"{root}/collections/{layer.name}", f"{REL}geodata", JSON),
            link(f"{here}/tilejson", "describedby", TILEJSON, "TileJSON 3.0"),
            _template(root, layer),
        ],
    }


def tilejson(root: str, layer: Layer, extent: Extent) -> dict[str, Any]:
    """Give the TileJSON 3.0 of a collection's tiles, as QGIS and MapLibre take it."""
    shown = [
        {
            "id": name,
            "description": TILE_LAYERS[name]["description"],
            "minzoom": TILE_LAYERS[name]["minzoom"],
            "maxzoom": TILE_LAYERS[name].get("maxzoom", DEEPEST_ZOOM),
            "fields": {key: kind["type"] for key, kind in TILE_LAYERS[name]["fields"].items()},
        }
        for name in layer.tile_layers
    ]
    return {
        "tilejson": "3.0.0",
        "name": f"{layer.title_zh} {layer.title_en}",
        "description": layer.description,
        "scheme": "xyz",
        "tiles": [_address(root, layer, "{z}", "{x}", "{y}")],
        "minzoom": 0,
        "maxzoom": DEEPEST_ZOOM,
        **({"bounds": list(extent)} if extent else {}),
        "vector_layers": shown,
    }


def _summary(layer: Layer) -> dict[str, Any]:
    return {
        "title": f"{layer.title_zh} {layer.title_en}",
        "dataType": "vector",
        "crs": WEB_MERCATOR,
        "tileMatrixSetURI": MATRIX_SET_URI,
    }


def _template(root: str, layer: Layer) -> dict[str, Any]:
    href = _address(root, layer, "{tileMatrix}", "{tileCol}", "{tileRow}")
    return {**link(href, "item", MVT, "Vector tiles"), "templated": True}


def _address(root: str, layer: Layer, zoom: str, column: str, row: str) -> str:
    return f"{root.removesuffix('/ogc')}/api/v1/tiles/{layer.tiles}/{zoom}/{column}/{row}.mvt"
