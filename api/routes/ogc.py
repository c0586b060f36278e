"""HTTP of OGC API - Features: the city's layers for geographic information systems, under `/ogc`."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request, Response
from fastapi.responses import JSONResponse
from psycopg import AsyncConnection

from api import paging
from api.caching import GeoJson
from api.ogc import documents
from api.ogc.asked import MOST_ITEMS, asked_of, selection
from api.ogc.openapi import definition, parameters
from api.ogc.systems import CRS84, system_of
from api.services import Use
from core.errors import NotFound
from storage.layers import query
from storage.layers.city import LAYERS
from storage.layers.model import Layer

router = APIRouter(prefix="/ogc", tags=["ogc"])

Name = Annotated[str, Path(description="One of GET /ogc/collections.", examples=["components"])]
Id = Annotated[str, Path(description="A code, label or number.", examples=["1302030101000001"])]


class SchemaJson(JSONResponse):
    """A JSON Schema."""

    media_type = documents.SCHEMA


class OpenApiJson(JSONResponse):
    """An OpenAPI 3.0 definition."""

    media_type = documents.OPENAPI


@router.get("")
async def get_ogc_landing(request: Request) -> dict[str, Any]:
    """Give the landing page: what QGIS, GDAL and other clients of OGC API - Features are pointed at."""
    return documents.landing(root(request))


@router.get("/", include_in_schema=False)
async def get_ogc_landing_slash(request: Request) -> dict[str, Any]:
    """Give the landing page also where a client ends its address with a slash."""
    return documents.landing(root(request))


@router.get("/conformance")
async def get_ogc_conformance() -> dict[str, Any]:
    """Give the conformance classes that hold."""
    return {"conformsTo": list(documents.CONFORMS_TO)}


@router.get("/api", response_class=OpenApiJson)
async def get_ogc_definition(request: Request) -> Response:
    """Give the OpenAPI 3.0 definition of what is under `/ogc`, with each collection's own parameters."""
    app: FastAPI = request.app
    return OpenApiJson(definition(root(request), app.version))


@router.get("/collections")
async def list_ogc_collections(request: Request, services: Use) -> dict[str, Any]:
    """List the collections: components, devices, grids, areas, incidents; with where and when they lie."""
    async with services.reading() as conn:
        described = [await _described(request, conn, layer) for layer in LAYERS.values()]
    return documents.collections(root(request), described)


@router.get("/collections/{collection}")
async def show_ogc_collection(request: Request, collection: Name, services: Use) -> dict[str, Any]:
    """Describe one collection."""
    layer = layer_of(collection)
    async with services.reading() as conn:
        return await _described(request, conn, layer)


@router.get("/collections/{collection}/queryables", response_class=SchemaJson)
async def show_ogc_queryables(request: Request, collection: Name) -> Response:
    """Give the properties a filter may name, as JSON Schema."""
    return SchemaJson(documents.queryables(root(request), layer_of(collection)))


@router.get("/collections/{collection}/schema", response_class=SchemaJson)
async def show_ogc_schema(request: Request, collection: Name) -> Response:
    """Give the JSON Schema of a collection's features."""
    return SchemaJson(documents.schema(root(request), layer_of(collection)))


@router.get(
    "/collections/{collection}/items",
    response_class=GeoJson,
    openapi_extra={"parameters": list({p["name"]: p for layer in LAYERS.values() for p in parameters(layer)}.values())},
)
async def list_ogc_items(request: Request, collection: Name, services: Use) -> Response:
    """List features as GeoJSON: by box, time, property or CQL2 filter, page by page.

    A property of the collection is a parameter of its own: `?severity=critical`. Follow the link `next`; pages stay
    right while features are added.
    """
    layer = layer_of(collection)
    asked = asked_of(request.query_params)
    system = system_of(asked.crs, "crs")
    chosen = selection(layer, asked, request.query_params.multi_items(), services.health_clock())
    limit = min(asked.limit, MOST_ITEMS)
    after = paging.decode(layer.name, asked.cursor, tuple[layer.key_type])[0] if asked.cursor else None
    async with services.reading() as conn:
        matched = None if asked.cursor else await query.count(conn, chosen)
        rows: list[tuple[Any, str]] = []
        if asked.result_type == "results":
            rows = await query.page(conn, chosen, limit=limit + 1, after=after, system=system)
    cursor = paging.encode(layer.name, [rows[limit - 1][0]]) if len(rows) > limit else None
    head = {
        "type": "FeatureCollection",
        "timeStamp": services.clock().isoformat(timespec="seconds").replace("+00:00", "Z"),
        **({} if matched is None else {"numberMatched": matched}),
        "numberReturned": min(len(rows), limit),
        "links": _page_links(request, layer, cursor),
    }
    body = json.dumps(head, ensure_ascii=False)[:-1] + ', "features": [' + ",\n".join(t for _, t in rows[:limit]) + "]}"
    return Response(body, media_type=documents.GEOJSON, headers=_headers(asked.crs))


@router.get("/collections/{collection}/items/{feature_id}", response_class=GeoJson)
async def show_ogc_item(  # FastAPI's parameters
    request: Request, collection: Name, feature_id: Id, services: Use, *, crs: str | None = None
) -> Response:
    """Show one feature as GeoJSON."""
    layer = layer_of(collection)
    system = system_of(crs, "crs")
    wanted: int | str | None = feature_id
    if layer.id_type is int:
        wanted = int(feature_id) if feature_id.isdecimal() and len(feature_id) < 19 else None
    chosen = query.Selection(layer=layer, clock=services.health_clock())
    text = None
    if wanted is not None and "\0" not in feature_id:
        async with services.reading() as conn:
            text = await query.item(conn, chosen, wanted, system=system)
    if text is None:
        raise NotFound(f"{layer.name} has no {feature_id}")
    here = f"{root(request)}/collections/{layer.name}"
    links = [
        documents.link(f"{here}/items/{feature_id}", "self", documents.GEOJSON),
        documents.link(here, "collection", documents.JSON),
    ]
    body = text[:-1] + f', "links": {json.dumps(links)}}}'
    return Response(body, media_type=documents.GEOJSON, headers=_headers(crs))


def layer_of(collection: str) -> Layer:
    """Give a collection's layer; raises `NotFound`."""
    layer = LAYERS.get(collection)
    if layer is None:
        raise NotFound(f"there is no collection {collection!r}; there are: {', '.join(LAYERS)}")
    return layer


def root(request: Request) -> str:
    """Give the address of the landing page as the client reaches it."""
    return f"{str(request.base_url).rstrip('/')}{router.prefix}"


async def _described(request: Request, conn: AsyncConnection, layer: Layer) -> dict[str, Any]:
    extent = await query.extent(conn, layer)
    return documents.collection(root(request), layer, extent, await query.beginning(conn, layer))


def _page_links(request: Request, layer: Layer, cursor: str | None) -> list[dict[str, Any]]:
    here = f"{root(request)}/collections/{layer.name}"
    links = [
        documents.link(str(request.url), "self", documents.GEOJSON),
        documents.link(here, "collection", documents.JSON),
    ]
    if cursor:
        onward = str(request.url.include_query_params(cursor=cursor))
        links.append(documents.link(onward, "next", documents.GEOJSON))
    return links


def _headers(crs: str | None) -> dict[str, str]:
    return {"Content-Crs": f"<{crs or CRS84}>", "Cache-Control": "no-cache"}
