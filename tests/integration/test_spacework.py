"""Links, named areas and routes from files: whole or not at all, and what a rule then finds."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from psycopg import AsyncConnection

from core.errors import InvalidInput
from core.places import CellKind
from devices import service
from devices.profile import shipped
from ingest import load_directory
from runtime import spacework
from tests import small_city

pytestmark = pytest.mark.services

HEADER = "kind,upstream,downstream\n"


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    small_city.build(database)
    async with await AsyncConnection.connect(database) as connection:
        await service.publish_profiles(connection, shipped())
        await service.register_many(
            connection,
            [*small_city.covers(3), small_city.bus()],
            shipped(),
            now=small_city.REGISTERED_AT,
            actor="test",
        )
        install = """UPDATE device SET install = '{"route": "1", "tags": ["school"]}' WHERE profile = 'bus'"""
        await connection.execute(install)
        await connection.commit()
        yield connection


def code(number: int) -> str:
    return f"1302030102{number:06d}"


def polygons(path: Path, *codes: str, kind: str = "Polygon") -> Path:
    ring = [[118.18, 39.63], [118.19, 39.63], [118.19, 39.65], [118.18, 39.63]]
    features = [
        {
            "type": "Feature",
            "geometry": {"type": kind, "coordinates": [ring] if kind == "Polygon" else ring},
            "properties": {"code": name, "route": name, "name_zh": "南湖"},
        }
        for name in codes
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


async def test_imported_links_put_devices_on_one_run_of_pipe(conn: AsyncConnection, tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    file.write_text(f"{HEADER}pipe,{code(1)},{code(2)}\npipe,{code(2)},{code(9)}\n", encoding="utf-8")

    assert await spacework.import_links(conn, file) == 2
    assert await spacework.import_links(conn, file) == 0

    fleet = (await load_directory.load(conn, shipped(), None)).fleet
    runs = fleet.places.cell_of(CellKind.PIPE).tolist()
    assert runs[0] == runs[1] != 0
    assert runs[2:] == [0, 0]
    assert fleet.places.code_of(CellKind.PIPE, runs[0]) == code(1)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (f"wire,{code(1)},{code(2)}", "row 1: kind 'wire' is none of circuit, pipe"),
        (f"pipe,{code(1)},{code(1)}", "cannot be linked with itself"),
        (f"pipe,{code(1)},9999999999999999", "1 components are not in the registry, '9999999999999999' first"),
    ],
)
async def test_a_wrong_link_is_named_and_nothing_is_loaded(
    conn: AsyncConnection, tmp_path: Path, row: str, complaint: str
) -> None:
    file = tmp_path / "links.csv"
    file.write_text(f"{HEADER}{row}\n", encoding="utf-8")

    with pytest.raises(InvalidInput, match=complaint):
        await spacework.import_links(conn, file)


async def test_imported_areas_and_routes_are_known_to_rules(conn: AsyncConnection, tmp_path: Path) -> None:
    assert await spacework.import_areas(conn, polygons(tmp_path / "a.geojson", "bus depot")) == 1
    assert await spacework.import_routes(conn, polygons(tmp_path / "r.geojson", "1", kind="LineString")) == 1

    fleet = (await load_directory.load(conn, shipped(), None)).fleet
    slot = fleet.profiles.index("bus")
    bus = [number for number, profile in enumerate(fleet.profile.tolist()) if profile == slot]
    position = fleet.lon_deg[bus], fleet.lat_deg[bus]
    assert fleet.places.inside("bus depot", *position).tolist() == [0]
    assert 100 < fleet.places.off_route_m(np.array(bus, np.int32), *position)[0] < 2000
    assert fleet.tags[bus[0]] == {"school"}
    assert fleet.subsystem[0] == "manhole_covers"
    assert fleet.patrol_grid_id.tolist() == [1, 1, 1, 1]


async def test_an_area_that_is_no_polygon_is_refused(conn: AsyncConnection, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="park has no valid Polygon or MultiPolygon"):
        await spacework.import_areas(conn, polygons(tmp_path / "a.geojson", "park", kind="LineString"))


async def test_a_code_that_stands_twice_is_refused(conn: AsyncConnection, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="a code stands in the file twice"):
        await spacework.import_areas(conn, polygons(tmp_path / "a.geojson", "park", "park"))
