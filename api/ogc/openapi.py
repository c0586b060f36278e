"""The OpenAPI 3.0 definition of the OGC API, made from the layers: clients learn from it what they may filter by."""

from typing import Any

from api.ogc import documents
from api.ogc.asked import Asked
from api.problems import MEDIA_TYPE
from storage.layers.city import LAYERS
from storage.layers.model import Layer

_PROBLEM = {"description": "A problem (RFC 9457)", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}


def definition(root: str, version: str) -> dict[str, Any]:
    """Give the definition of the API at `root`."""
    paths = {
        "/": _get("get_ogc_landing_page", "Landing page"),
        "/conformance": _get("get_ogc_conformance", "Conformance classes"),
        "/collections": _get("list_ogc_collections", "Collections"),
        "/tileMatrixSets": _get("list_tile_matrix_sets", "Tile matrix sets"),
    }
    for layer in LAYERS.values():
        here, name = f"/collections/{layer.name}", layer.name
        paths[here] = _get(f"describe_{name}", layer.description)
        paths[f"{here}/queryables"] = _get(f"get_queryables_of_{name}", "Queryables", documents.SCHEMA)
        paths[f"{here}/schema"] = _get(f"get_schema_of_{name}", "Schema", documents.SCHEMA)
        paths[f"{here}/items"] = _get(f"list_{name}", layer.description, documents.GEOJSON, parameters(layer))
        one = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}}
        system = [parameter for parameter in standard_parameters() if parameter["name"] == "crs"]
        paths[f"{here}/items/{{featureId}}"] = _get(
            f"show_{name}", layer.description, documents.GEOJSON, [one, *system]
        )
    return {
        "openapi": "3.0.3",
        "info": {"title": "CityGrid OGC API", "version": version},
        "servers": [{"url": root}],
        "paths": paths,
    }


def parameters(layer: Layer) -> list[dict[str, Any]]:
    """Give the query parameters of a layer's items: the standard's and one a property."""
    return [*standard_parameters(), *map(dict, property_parameters(layer))]


def property_parameters(layer: Layer) -> list[dict[str, Any]]:
    """Give a parameter for each property."""
    return [
        {
            "name": field.name,
            "in": "query",
            "required": False,
            "description": f"Only features whose {field.en} is this.",
            "schema": {key: value for key, value in documents.described(field).items() if key != "title"},
        }
        for field in layer.fields
    ]


def standard_parameters() -> list[dict[str, Any]]:
    """Give the parameters every collection has, as OpenAPI 3.0 writes them."""
    found = Asked.model_json_schema(by_alias=True)["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "style": "form",
            "explode": name != "bbox",
            "description": about.get("description", ""),
            "schema": _plain(name, about),
        }
        for name, about in found.items()
    ]


def _plain(name: str, about: dict[str, Any]) -> dict[str, Any]:
    """Give a parameter's schema without what only OpenAPI 3.1 knows; the box as the standard describes it."""
    if name == "bbox":
        return {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
    if name == "limit":
        return {"type": "integer", "minimum": 1, "maximum": 10_000, "default": about["default"]}
    if name == "resultType":
        return {"type": "string", "enum": ["results", "hits"], "default": "results"}
    kept = {key: about[key] for key in ("type", "enum", "default", "maxLength", "pattern") if key in about}
    return {"type": "string", **kept} if kept.get("default", "") is not None else {"type": "string"}


def _get(
    operation: str, summary: str, media_type: str = documents.JSON, given: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    answer = {"description": summary, "content": {media_type: {"schema": {"type": "object"}}}}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": given or [],
            "responses": {"200": answer, "400": _PROBLEM, "404": _PROBLEM, "500": _PROBLEM},
        }
    }
