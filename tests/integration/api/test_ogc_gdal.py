"""GDAL's own driver reads the OGC API as it is: all collections, filters pushed down, pages, Chinese text."""

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import shapely
from psycopg import conninfo
from starlette.types import ASGIApp, Receive, Scope, Send

from storage.layers.city import LAYERS
from tests.conftest import Cluster, create_database, drop_database
from tests.gdal_reader import Gdal, gdal
from tests.integration.api.city import CATALOGUE, build
from tests.integration.api.conftest import serving, signed_in

MANY = """
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, owner_dept_id, unit_grid_id,
                       surveyed_on, data_source, geom)
SELECT '1302030137' || lpad(n::text, 6, '0'), %(catalogue)s, '0137', '130203', '路灯' || n,
       CASE WHEN n %% 100 = 0 THEN 'missing' ELSE 'intact' END, 2, 1, date '2025-01-01' + n / 100, 'survey',
       ST_SetSRID(ST_MakePoint(118.1801 + 0.0038 * (n / 2500.0), 39.6301 + 0.0008 * ((n * 37) %% 1000) / 1000.0), 4326)
FROM generate_series(1, 2500) AS n
"""
LINE = """
UPDATE component SET geom = ST_GeomFromText('LINESTRING(118.1801 39.6301, 118.18123456789 39.6309)', 4326)
WHERE code = '1302030101000001'
"""


@pytest.fixture(scope="module")
def city(cluster: Cluster, template_database: str) -> Iterator[str]:
    name = create_database(cluster, template_database)
    url = conninfo.make_conninfo(cluster.database_url, dbname=name)
    with psycopg.connect(url) as conn:
        build(conn)
        conn.execute(MANY, {"catalogue": CATALOGUE})
        conn.execute(LINE)
    yield url
    drop_database(cluster, name)


IN_TILE = """
SELECT code, ST_AsBinary(drawn) FROM (SELECT code, ST_Transform(geom, 3857) AS drawn FROM component) AS c
WHERE drawn && ST_TileEnvelope(%s, %s, %s)
"""

Seen = list[str]
Read = Callable[..., Any]


class Watch:
    """ASGI middleware: notes what is asked."""

    def __init__(self, app: ASGIApp, seen: Seen) -> None:
        self._app = app
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._seen.append(f"{scope['path']}?{scope['query_string'].decode()}")
        await self._app(scope, receive, send)


@pytest.fixture(scope="module")
def seen() -> Seen:
    """What the server was asked, in order."""
    return []


@pytest.fixture(scope="module")
def address(city: str, seen: Seen) -> Iterator[str]:
    with serving(city, around=lambda app: app.add_middleware(Watch, seen=seen)) as address:
        yield address


@pytest.fixture(scope="module")
def reader(address: str) -> Iterator[Gdal]:
    """GDAL with a key."""
    key = signed_in(address)["Authorization"].removeprefix("Bearer ")
    with gdal({"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": key}) as reader:
        yield reader


@pytest.fixture(scope="module")
def read(reader: Gdal, address: str) -> Read:
    return partial(reader.read, f"OAPIF:{address}/ogc")


def test_every_collection_is_read_whole_and_as_it_is_in_the_database(reader: Gdal, address: str, read: Read, city: str):
    assert reader.layers(f"OAPIF:{address}/ogc") == list(LAYERS)
    with psycopg.connect(city) as conn:
        for name, layer in LAYERS.items():
            key = "code" if "code" in layer.by_name else "label" if name == "devices" else "incident_id"
            _, shapes, columns = read(name)
            column = {"areas": "area_code"}.get(name, key)
            rows = conn.execute(f"SELECT {column}, ST_AsBinary(geom) FROM {layer.table}").fetchall()  # type: ignore[arg-type]
            kept = {str(row[0]): shapely.from_wkb(row[1]) for row in rows}
            found = dict(zip(map(str, columns[key]), shapes, strict=True))
            assert found.keys() == kept.keys()
            for code, shape in found.items():
                same = shape is None if kept[code] is None else shape.equals_exact(kept[code], 1e-9, normalize=True)
                assert same, (name, code)


def test_the_fields_have_their_types_and_codes_stay_text(read: Read):
    meta, _, columns = read("components", where="code = '1302030137000001'")

    types = meta["types"]
    assert (types["code"], types["surveyed_on"], types["since"]) == ("object", "datetime64[D]", "datetime64[ms]")
    assert columns["surveyed_on"][0] == date(2025, 1, 1)
    assert (columns["name"][0], columns["owner"][0], columns["class_zh"][0]) == ("路灯1", "自来水公司", "路灯")
    assert "CRS84" in meta["crs"]


def test_pages_are_followed_to_the_end(read: Read, seen: Seen):
    seen.clear()
    _, shapes, columns = read("components")

    assert len(shapes) == len(set(columns["code"])) == 2506
    assert sum("cursor=" in path for path in seen) == 2


@pytest.mark.parametrize(
    ("where", "pushed", "count"),
    [
        ("state = 'missing'", "state", 25),
        ("state = 'missing' AND class_code = '0137'", "class_code", 25),
        ("name LIKE '路灯10%' OR state = 'damaged'", "LIKE", 112),
        ("NOT (class_code = '0137')", "NOT", 6),
        ("owner = '自来水公司' AND surveyed_on IS NULL", "IS+NULL|IS%20NULL", 6),
    ],
)
def test_attribute_filters_are_the_servers_work(read: Read, seen: Seen, where: str, pushed: str, count: int):
    seen.clear()
    _, shapes, _ = read("components", where=where)

    assert len(shapes) == count
    items = [path for path in seen if "/items" in path and "filter=" in path]
    assert items
    assert any(word in items[0] for word in pushed.split("|"))


def test_the_spatial_filter_is_the_servers_work_too(read: Read, seen: Seen):
    seen.clear()
    _, shapes, _ = read("components", bbox=(118.1801, 39.6301, 118.1803, 39.6302))

    assert 0 < len(shapes) < 50
    assert any("bbox=" in path for path in seen)


def test_a_moment_in_a_filter_is_understood(read: Read):
    assert len(read("incidents", where="opened_at > '2020-01-01T00:00:00Z'")[1]) == 3
    assert len(read("incidents", where="opened_at < '2020-01-01T00:00:00Z'")[1]) == 0


def test_an_answer_in_the_citys_own_system_lies_where_it_should(read: Read):
    meta, shapes, _ = read("components", where="code = '1302030137000001'", CRS="EPSG:4548")

    assert meta["crs"] == "EPSG:4548"
    assert (round(shapes[0].x), round(shapes[0].y)) == (601316, 4389127)


def test_a_tile_named_by_its_tilejson_is_read_where_the_components_stand(
    reader: Gdal, address: str, city: str, tmp_path: Path
):
    headers = signed_in(address)
    tilejson = httpx2.get(
        f"{address}/ogc/collections/components/tiles/WebMercatorQuad/tilejson", headers=headers, timeout=60
    ).json()
    z, x, y = 16, 54282, 24898
    tile = httpx2.get(tilejson["tiles"][0].format(z=z, x=x, y=y), headers=headers, timeout=60)
    file = tmp_path / f"{z}" / f"{x}" / f"{y}.mvt"
    file.parent.mkdir(parents=True)
    file.write_bytes(tile.content)

    _, shapes, columns = reader.read(f"MVT:{file}", "components")
    with psycopg.connect(city) as conn:
        inside = conn.execute(IN_TILE, (z, x, y)).fetchall()
    found = dict(zip(columns["code"], shapes, strict=True))

    assert len(inside) > 100
    for code, shape in inside:
        assert found[code].distance(shapely.from_wkb(shape)) < 1, code
