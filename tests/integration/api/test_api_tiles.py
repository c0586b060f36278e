"""Vector tiles and conditional answers."""

import gzip
import math

import httpx2
import psycopg
import pytest

from tests.integration.api.city import CATALOGUE
from tests.integration.api.mvt import layers

MANY = """
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, unit_grid_id, data_source, geom)
SELECT '1302030102' || lpad(n::text, 6, '0'), %(catalogue)s, '0101', '130203', '',
       CASE WHEN n %% 500 = 0 THEN 'missing' ELSE 'intact' END, 1, 'survey',
       ST_SetSRID(ST_MakePoint(118.1801 + 0.0008 * random(), 39.6301 + 0.0008 * random()), 4326)
FROM generate_series(1, 30000) AS n
"""
LINE = """
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, unit_grid_id, data_source, geom)
VALUES ('1302030102000001', %(catalogue)s, '0101', '130203', '', 'intact', 1, 'survey', ST_GeomFromText(%(wkt)s, 4326))
"""


def tile(z: int, lon: float = 118.1802, lat: float = 39.6305) -> str:
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return f"{z}/{int((lon + 180) / 360 * 2**z)}/{int(y * 2**z)}"


async def get(api: httpx2.AsyncClient, kind: str, at: str) -> httpx2.Response:
    answer = await api.get(f"/api/v1/tiles/{kind}/{at}.mvt")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    return answer


async def test_a_near_tile_holds_single_components_with_class_state_and_code(api: httpx2.AsyncClient):
    found = layers((await get(api, "components", tile(16))).content)["components"]

    assert {"class_code": "0101", "state": "damaged", "code": "1302030101000002"} in found


async def test_codes_come_from_zoom_16_only(api: httpx2.AsyncClient):
    found = layers((await get(api, "components", tile(15))).content)["components"]

    assert len(found) == 6
    assert {frozenset(properties) for properties in found} == {frozenset({"class_code", "state"})}


@pytest.mark.parametrize("z", [0, 5, 9, 12, 13])
async def test_a_far_tile_holds_counts_that_add_up(api: httpx2.AsyncClient, z: int):
    found = layers((await get(api, "components", tile(z))).content)["component_counts"]

    assert sum(properties["count"] for properties in found) == 6


async def test_at_zoom_13_each_unit_grid_has_its_own_count(api: httpx2.AsyncClient):
    found = layers((await get(api, "components", tile(13))).content)["component_counts"]

    assert [properties["count"] for properties in found] == [2, 2, 2]


async def test_an_empty_tile_is_an_empty_body(api: httpx2.AsyncClient):
    assert (await get(api, "components", "16/0/0")).content == b""


async def test_a_crowded_tile_stays_small_and_keeps_what_is_not_intact(own_api: httpx2.AsyncClient, city: str):
    with psycopg.connect(city) as conn:
        conn.execute(MANY, {"catalogue": CATALOGUE})

    for z in (14, 16, 17):
        body = (await get(own_api, "components", tile(z))).content
        found = layers(body)["components"]

        assert len(body) < 500_000
        assert len(found) > 5_000
        assert sum(properties["state"] == "missing" for properties in found) == 60


async def test_lines_and_polygons_are_in_the_tile(own_api: httpx2.AsyncClient, city: str):
    with psycopg.connect(city) as conn:
        conn.execute(LINE, {"catalogue": CATALOGUE, "wkt": "LINESTRING(118.1801 39.6302, 118.1803 39.6308)"})

    found = layers((await get(own_api, "components", tile(16))).content)["components"]

    assert len(found) == 7


async def test_grid_tiles_hold_both_kinds_of_grid_with_what_is_open(api: httpx2.AsyncClient):
    found = layers((await get(api, "grids", tile(15))).content)

    assert {"code": "130203001001001", "critical": 1} in found["unit_grids"]
    patrol = {properties["code"]: properties for properties in found["patrol_grids"]}
    assert {street["name_zh"] for street in found["streets"]} == {"新华道", "光明巷"}
    assert (patrol["P1"]["critical"], patrol["P1"]["minor"], patrol["P1"]["name_zh"]) == (1, 1, "巡查1")


async def test_far_grid_tiles_leave_the_unit_grids_out(api: httpx2.AsyncClient):
    found = layers((await get(api, "grids", tile(12))).content)

    assert "patrol_grids" in found
    assert not found.get("unit_grids")
    assert found["streets"] == [{"name_zh": "新华道", "name_en": "Xinhua Road", "kind": "main"}]


@pytest.mark.parametrize(
    "path",
    [
        f"tiles/components/{tile(16)}.mvt",
        f"tiles/grids/{tile(15)}.mvt",
        "classes",
        "grids/unit",
        "grids/patrol",
        "areas",
    ],
)
async def test_what_the_client_has_already_is_not_sent_again(api: httpx2.AsyncClient, path: str):
    first = await api.get(f"/api/v1/{path}")
    again = await api.get(f"/api/v1/{path}", headers={"If-None-Match": first.headers["etag"]})
    other = await api.get(f"/api/v1/{path}", headers={"If-None-Match": 'W/"other"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert (other.status_code, other.content) == (200, first.content)
    assert "cache-control" in first.headers


async def test_json_and_tiles_are_compressed_when_the_client_can(api: httpx2.AsyncClient):
    for path in ("grids/unit", "openapi"):
        url = f"/api/v1/{path}" if path != "openapi" else "/api/openapi.json"
        async with api.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as answer:
            raw = b"".join([part async for part in answer.aiter_raw()])

        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(raw).startswith(b"{")
