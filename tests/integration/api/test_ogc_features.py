"""OGC API - Features over the small city: documents that are true, items that are filtered, pages that stay right."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jsonschema
import openapi_spec_validator
import psycopg
import pytest

from api.ogc.systems import EPSG
from storage.layers.city import LAYERS
from tests.integration.api.city import CODES

ITEMS = "/ogc/collections/{}/items"
LINKED = {"type": "array", "items": {"type": "object", "required": ["href", "rel"]}}
LANDING = {"type": "object", "required": ["links"], "properties": {"links": LINKED}}
CONFORMANCE = {"required": ["conformsTo"], "properties": {"conformsTo": {"type": "array", "items": {"type": "string"}}}}
COLLECTION = {
    "required": ["id", "links"],
    "properties": {
        "id": {"type": "string"},
        "links": LINKED,
        "itemType": {"const": "feature"},
        "crs": {"type": "array", "items": {"type": "string"}},
        "extent": {
            "properties": {
                "spatial": {
                    "properties": {"bbox": {"minItems": 1, "items": {"minItems": 4, "items": {"type": "number"}}}}
                },
                "temporal": {"properties": {"interval": {"minItems": 1, "items": {"minItems": 2, "maxItems": 2}}}},
            }
        },
    },
}
COLLECTIONS = {"required": ["links", "collections"], "properties": {"collections": {"items": COLLECTION}}}
PAGE = {
    "required": ["type", "features", "links", "timeStamp", "numberReturned"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "links": LINKED,
        "numberMatched": {"type": "integer", "minimum": 0},
        "numberReturned": {"type": "integer", "minimum": 0},
        "features": {"items": {"required": ["type", "geometry", "properties", "id"]}},
    },
}


async def asked(api: httpx2.AsyncClient, path: str, **parameters: str | int) -> dict[str, Any]:
    given = {
        name.replace("_", "-") if name.startswith(("filter_", "bbox_")) else name: parameters[name]
        for name in parameters
    }
    answer = await api.get(path, params=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def codes(api: httpx2.AsyncClient, name: str = "components", **parameters: str | int) -> list[Any]:
    page = await asked(api, ITEMS.format(name), **parameters)
    return [feature["id"] for feature in page["features"]]


def links(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {link["rel"].rpartition("/")[2]: link for link in document["links"]}


async def test_every_document_is_as_the_standard_writes_it(api: httpx2.AsyncClient):
    for path, schema in (
        ("/ogc", LANDING),
        ("/ogc/", LANDING),
        ("/ogc/conformance", CONFORMANCE),
        ("/ogc/collections", COLLECTIONS),
        *((f"/ogc/collections/{name}", COLLECTION) for name in LAYERS),
        *((ITEMS.format(name), PAGE) for name in LAYERS),
    ):
        jsonschema.validate(await asked(api, path), schema)


async def test_every_link_of_the_documents_leads_to_what_it_says(api: httpx2.AsyncClient):
    seen: set[str] = set()
    waiting = ["/ogc"]
    while waiting:
        path = waiting.pop()
        answer = await api.get(path)
        assert answer.status_code in {200, 304}, (path, answer.text)
        seen.add(path)
        if "json" not in answer.headers["content-type"] or path.startswith("/api"):
            continue
        document = answer.json()
        found = [*document.get("links", []), *(x for c in document.get("collections", []) for x in c["links"])]
        for link in found:
            address = urlsplit(link["href"])
            target = f"{address.path}?{address.query}" if address.query else address.path
            if (
                target not in seen
                and target not in waiting
                and not link.get("templated")
                and link["rel"] != "enclosure"
            ):
                waiting.append(target)
    assert len(seen) > 25


async def test_the_definition_is_openapi_3_0_and_names_every_property_as_a_parameter(api: httpx2.AsyncClient):
    definition = await asked(api, "/ogc/api")

    openapi_spec_validator.validate(definition)
    for name, layer in LAYERS.items():
        given = definition["paths"][f"/collections/{name}/items"]["get"]["parameters"]
        assert {field.name for field in layer.fields} <= {parameter["name"] for parameter in given}


@pytest.mark.parametrize("name", LAYERS)
async def test_features_are_as_their_schema_and_queryables_say(api: httpx2.AsyncClient, name: str):
    schema = await asked(api, f"/ogc/collections/{name}/schema")
    queryables = await asked(api, f"/ogc/collections/{name}/queryables")
    page = await asked(api, ITEMS.format(name))

    assert page["features"], name
    for feature in page["features"]:
        assert set(feature["properties"]) == set(queryables["properties"]) - {"geometry"}
        known = {key: value for key, value in feature["properties"].items() if value is not None}
        geometry = feature["geometry"] or {}
        jsonschema.validate({**feature, "geometry": geometry, "properties": known}, schema)
        one = await asked(api, f"{ITEMS.format(name)}/{feature['id']}")
        assert {key: one[key] for key in feature} == feature


async def test_pages_hold_each_feature_once_although_some_are_added_and_taken_away(
    own_api: httpx2.AsyncClient, city: str
):
    path, found = ITEMS.format("components") + "?limit=2", []
    with psycopg.connect(city, autocommit=True) as conn:
        while path:
            page = (await own_api.get(path)).json()
            found += [feature["id"] for feature in page["features"]]
            if len(found) == 2:
                conn.execute("DELETE FROM component WHERE code = %s", (CODES[4],))
                conn.execute(
                    "INSERT INTO component (component_id, code, catalogue_id, class_code, district_code, name, state,"
                    " data_source, geom) SELECT 99, '1302030101000099', catalogue_id, class_code, district_code, name,"
                    " state, data_source, geom FROM component WHERE code = %s",
                    (CODES[5],),
                )
            path = (
                urlsplit(links(page)["next"]["href"])._replace(scheme="", netloc="").geturl()
                if "next" in links(page)
                else ""
            )

    assert found == [*CODES[:4], CODES[5], "1302030101000099"]


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"state": "damaged"}, CODES[1:2]),
        ({"owner": "自来水公司", "limit": 1}, CODES[:1]),
        ({"filter": "name LIKE 'cover %' AND state = 'damaged'"}, CODES[1:2]),
        ({"filter": "owner = '自来水公司' AND code >= '1302030101000005'"}, CODES[4:]),
        ({"filter": '{"op":"=","args":[{"property":"state"},"damaged"]}', "filter_lang": "cql2-json"}, CODES[1:2]),
        ({"filter": "S_INTERSECTS(geometry, BBOX(118.1804,39.63,118.1808,39.631))"}, CODES[1:2]),
        ({"filter": "S_WITHIN(geometry, POLYGON((118.18 39.63,118.1801 39.63,118.1801 39.631,118.18 39.63)))"}, []),
        ({"bbox": "118.1804,39.63,118.1808,39.631"}, CODES[1:2]),
        ({"bbox": "39.63,118.1804,39.631,118.1808", "bbox_crs": f"{EPSG}4326"}, CODES[1:2]),
        ({"bbox": "118.1804,39.63,0,118.1808,39.631,100"}, CODES[1:2]),
        ({"bbox": "170,39,-170,40"}, []),
        ({"datetime": "2020-01-01/2020-12-31T00:00:00Z"}, []),
        ({"datetime": "2020-01-01T00:00:00Z/.."}, CODES),
        ({"filter": "T_BEFORE(since, TIMESTAMP('2020-01-01T00:00:00Z'))"}, []),
        ({"limit": 1_000_000}, CODES),
        ({"state": "damaged", "bbox": "0,0,1,1"}, []),
    ],
)
async def test_items_are_those_that_were_asked_for(
    api: httpx2.AsyncClient, parameters: dict[str, Any], wanted: list[str]
):
    assert await codes(api, **parameters) == wanted


async def test_incidents_are_filtered_by_time_and_by_what_is_open(api: httpx2.AsyncClient):
    assert len(await codes(api, "incidents")) == 3
    assert len(await codes(api, "incidents", is_open="true")) == 2
    assert len(await codes(api, "incidents", filter="is_open AND severity = 'critical'")) == 1
    assert len(await codes(api, "incidents", datetime="../2020-01-01")) == 0


async def test_how_many_there_are_can_be_asked_alone(api: httpx2.AsyncClient):
    page = await asked(api, ITEMS.format("components"), resultType="hits", state="intact")

    assert (page["numberMatched"], page["numberReturned"], page["features"]) == (5, 0, [])


async def test_coordinates_come_in_the_order_of_their_authority(api: httpx2.AsyncClient):
    async def first(crs: str) -> list[float]:
        answer = await api.get(ITEMS.format("components"), params={"crs": f"{EPSG}{crs}", "limit": 1})
        assert answer.headers["content-crs"] == f"<{EPSG}{crs}>"
        return answer.json()["features"][0]["geometry"]["coordinates"]

    assert await first("4326") == pytest.approx([39.6305, 118.1802])
    assert await first("4490") == pytest.approx([39.6305, 118.1802])
    northing, easting = await first("4548")
    assert (round(northing), round(easting)) == (4389169, 601324)
    box = f"{northing - 5},{easting - 5},{northing + 5},{easting + 5}"
    assert await codes(api, bbox=box, bbox_crs=f"{EPSG}4548") == CODES[:1]
    near = f"S_INTERSECTS(geometry, BBOX({box}))"
    assert await codes(api, filter=near, filter_crs=f"{EPSG}4548") == CODES[:1]


@pytest.mark.parametrize(
    "wrong",
    ["limit=0", "limit=x", "bbox=1,2,3", "bbox=1,2,3,x", "bbox=0,50,1,40", "datetime=now", "datetime=../..", "crs=x",
     "bbox-crs=x&bbox=1,2,3,4", "filter=nothing", "filter=a%20%3D%201", "filter-lang=sql", "label=x", "stat=x",
     "cursor=x", "filter=name%20%3D%20'%00'", "resultType=all",
     "bbox=-1e300,-1e300,1e300,1e300&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/4548"],
)  # fmt: skip
async def test_what_cannot_be_answered_is_refused_as_a_problem(api: httpx2.AsyncClient, wrong: str):
    answer = await api.get(f"{ITEMS.format('components')}?{wrong}")

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["collections/nothing", "collections/nothing/items", "collections/components/items/nothing", "nothing",
     "collections/incidents/items/x", "collections/areas/tiles", "tileMatrixSets/nothing"],
)  # fmt: skip
async def test_what_is_not_there_is_a_problem_too(api: httpx2.AsyncClient, path: str):
    answer = await api.get(f"/ogc/{path}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def each(document: Any) -> Iterator[Any]:
    yield document
    for part in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from each(part)


async def test_tile_sets_are_described_and_their_tiles_are_where_they_say(api: httpx2.AsyncClient):
    matrices = await asked(api, "/ogc/tileMatrixSets/WebMercatorQuad")
    assert matrices["tileMatrices"][16]["scaleDenominator"] == pytest.approx(8530.918335353365)
    assert matrices["tileMatrices"][1]["matrixWidth"] == 2

    for name in ("components", "unit_grids", "patrol_grids"):
        tileset = await asked(api, f"/ogc/collections/{name}/tiles/WebMercatorQuad")
        tilejson = await asked(api, f"/ogc/collections/{name}/tiles/WebMercatorQuad/tilejson")
        template = links(tileset)["item"]["href"]
        addresses = (
            template.format(tileMatrix=16, tileCol=54282, tileRow=24898),
            tilejson["tiles"][0].format(z=16, x=54282, y=24898),
        )
        assert addresses[0] == addresses[1]
        answer = await api.get(urlsplit(addresses[0]).path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.mapbox-vector-tile")
        assert {layer["id"] for layer in tilejson["vector_layers"]} == set(LAYERS[name].tile_layers)
    assert json.dumps(tilejson, ensure_ascii=False).count("巡查网格")
