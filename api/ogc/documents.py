"""The documents that describe the API to its clients: landing page, conformance, collections, queryables, schema."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.ogc.systems import CRS84, SYSTEMS
from storage.layers.model import Field, Layer

JSON = "application/json"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
SCHEMA_DRAFT = "https://json-schema.org/draft/2020-12/schema"

_FEATURES = "http://www.opengis.net/spec/ogcapi-features-"
_CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
_TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
CONFORMS_TO = (
    *(f"{_FEATURES}1/1.0/conf/{name}" for name in ("core", "oas30", "geojson")),
    f"{_FEATURES}2/1.0/conf/crs",
    *(
        f"{_FEATURES}3/1.0/conf/{name}"
        for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")
    ),
    *(
        f"{_CQL2}{name}"
        for name in (
            "cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators", "case-insensitive-comparison",
            "basic-spatial-functions", "basic-spatial-functions-plus", "spatial-functions", "temporal-functions",
            "property-property",
        )
    ),
    *(f"{_TILES}{name}" for name in ("core", "tileset", "tilesets-list", "geodata-tilesets", "mvt", "tilejson")),
)  # fmt: skip

_TYPES: Mapping[str, Mapping[str, str]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "instant": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
}
_SHAPES = {"Geometry": "geometry-any", "Point": "geometry-point", "Polygon": "geometry-polygon",
           "MultiPolygon": "geometry-multipolygon"}  # fmt: skip
Extent = tuple[float, float, float, float] | None


def link(href: str, rel: str, media_type: str, title: str = "") -> dict[str, Any]:
    """Give a link (RFC 8288)."""
    return {"href": href, "rel": rel, "type": media_type, **({"title": title} if title else {})}


def landing(root: str) -> dict[str, Any]:
    """Give the landing page of the API at `root`."""
    return {
        "title": "CityGrid 城市网格",
        "description": "Components, devices, grids and incidents of the city. 城市部件、物联设备、网格与案件。",
        "links": [
            link(root, "self", JSON, "This document"),
            link(f"{root}/api", "service-desc", OPENAPI, "OpenAPI 3.0 definition"),
            link(f"{root.removesuffix('/ogc')}/api/docs", "service-doc", "text/html", "Documentation"),
            link(f"{root}/conformance", "conformance", JSON, "What of the standards holds here"),
            link(f"{root}/collections", "data", JSON, "Collections 图层"),
            link(f"{root}/tileMatrixSets", f"{REL}tiling-schemes", JSON, "Tile matrix sets"),
        ],
    }


def collections(root: str, described: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the list of collections, and the coordinate systems all of them offer."""
    return {
        "links": [link(f"{root}/collections", "self", JSON)],
        "crs": list(SYSTEMS),
        "collections": [{**entry, "crs": ["#/crs"]} for entry in described],
    }


def collection(root: str, layer: Layer, extent: Extent, beginning: datetime | None) -> dict[str, Any]:
    """Give the description of a collection; `beginning` = when its time starts, if it has any."""
    here = f"{root}/collections/{layer.name}"
    exports = f"{root.removesuffix('/ogc')}/api/v1/exports/{layer.name}"
    spatial = {"spatial": {"bbox": [list(extent)], "crs": CRS84}} if extent else {}
    temporal = {"temporal": {"interval": [[_written(beginning), None]]}} if beginning else {}
    links = [
        link(here, "self", JSON),
        link(f"{here}/items", "items", GEOJSON, f"{layer.title_zh} {layer.title_en}"),
        link(f"{here}/queryables", f"{REL}queryables", SCHEMA, "Properties to filter by"),
        link(f"{here}/schema", "describedby", SCHEMA, "Schema of a feature"),
        link(f"{exports}.gpkg", "enclosure", "application/geopackage+sqlite3", "All of it as GeoPackage"),
    ]
    if layer.tiles:
        links.append(link(f"{here}/tiles", f"{REL}tilesets-vector", JSON, "Vector tiles"))
    return {
        "id": layer.name,
        "title": f"{layer.title_zh} {layer.title_en}",
        "description": layer.description,
        "itemType": "feature",
        "extent": {**spatial, **temporal},
        "crs": list(SYSTEMS),
        "storageCrs": CRS84,
        "links": links,
    }


def queryables(root: str, layer: Layer) -> dict[str, Any]:
    """Give the properties a filter may name, as JSON Schema."""
    return {
        "$schema": SCHEMA_DRAFT,
        "$id": f"{root}/collections/{layer.name}/queryables",
        "title": f"{layer.title_zh} {layer.title_en}",
        "type": "object",
        "properties": {"geometry": {"format": _SHAPES[layer.geometry_type]}, **_properties(layer)},
        "additionalProperties": False,
    }


def schema(root: str, layer: Layer) -> dict[str, Any]:
    """Give the JSON Schema of a feature; a value that is not known is null, which the schema need not say.

    A list of types would be exact, but GDAL then takes every field for text.
    """
    return {
        "$schema": SCHEMA_DRAFT,
        "$id": f"{root}/collections/{layer.name}/schema",
        "title": f"{layer.title_zh} {layer.title_en}",
        "type": "object",
        "required": ["type", "id", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "const": "Feature"},
            "id": {"type": "integer" if layer.id_type is int else "string"},
            "geometry": {"type": "object"},
            "properties": {"type": "object", "properties": _properties(layer), "additionalProperties": False},
        },
    }


def _properties(layer: Layer) -> dict[str, dict[str, Any]]:
    return {field.name: described(field) for field in layer.fields}


def described(field: Field) -> dict[str, Any]:
    """Give a field as JSON Schema."""
    return {"title": f"{field.zh} {field.en}", **_TYPES[field.kind]}


def _written(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
