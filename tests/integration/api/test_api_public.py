"""What citizens see without an account: what the city opens, and nothing else."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from psycopg import conninfo

from components_registry import public_places
from core.errors import InvalidInput
from tests.conftest import Cluster, create_database, drop_database
from tests.integration.api.city import CATALOGUE, build
from tests.integration.api.conftest import calling, serving
from tests.integration.api.mvt import layers
from tests.integration.api.test_api_tiles import tile

CLASSES = """
INSERT INTO component_class (catalogue_id, class_code, major_zh, major_en, name_zh, name_en, geometry_kind, subsystem,
                             department_zh, department_en, source, certainty)
SELECT %(catalogue)s, code, '', '', '', '', 'point', '', '', '', '', '' FROM unnest('{0301,0142,0150}'::text[]) AS code
"""
PLACE = """
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, competent_dept_id, unit_grid_id,
                       data_source, note, geom)
VALUES ('130203' || %(class)s || lpad(%(n)s::text, 6, '0'), %(catalogue)s, %(class)s, '130203', %(name)s, %(state)s, 1,
        1, 'survey', 'key under the mat', ST_SetSRID(ST_MakePoint(%(lon)s, 39.6305), 4326))
"""
KEYS = {"kind", "name", "lon", "lat", "street_zh", "street_en", "community_zh", "community_en", "distance_m"}


OPEN = (
    ("0301", "近厕", "intact", 118.1801),
    ("0301", "远厕", "intact", 118.1830),
    ("0301", "坏厕", "damaged", 118.1802),
    ("0142", "邮筒一", "intact", 118.1803),
    ("0150", "电子眼", "intact", 118.1801),
)


@pytest.fixture(scope="module")
def open_city(cluster: Cluster, template_database: str) -> Iterator[str]:
    """The address of the API over a city with toilets, a post box and what is not public."""
    name = create_database(cluster, template_database)
    url = conninfo.make_conninfo(cluster.database_url, dbname=name)
    with psycopg.connect(url) as conn:
        build(conn)
        conn.execute(CLASSES, {"catalogue": CATALOGUE})
        for n, (code, called, state, lon) in enumerate(OPEN):
            values = {"class": code, "n": n, "catalogue": CATALOGUE, "name": called, "state": state, "lon": lon}
            conn.execute(PLACE, values)
    with serving(url) as address:
        yield address
    drop_database(cluster, name)


@pytest.fixture
async def citizen(open_city: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without an account."""
    async with calling(open_city, {}) as client:
        yield client


async def places(citizen: httpx2.AsyncClient, query: str = "") -> list[dict[str, object]]:
    answer = await citizen.get(f"/api/v1/public/places{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_only_open_classes_that_are_intact_are_seen_with_exactly_what_is_promised(citizen: httpx2.AsyncClient):
    found = await places(citizen)

    assert [place["name"] for place in found] == ["近厕", "远厕", None]
    assert {frozenset(place) for place in found} == {frozenset(KEYS)}
    assert found[0] == {
        "kind": "toilet", "name": "近厕", "lon": 118.1801, "lat": 39.6305, "distance_m": None,
        "street_zh": "乔屯街道", "street_en": "Qiaotun", "community_zh": "光明里社区", "community_en": "Guangmingli",
    }  # fmt: skip


async def test_the_nearest_come_first_with_their_distance(citizen: httpx2.AsyncClient):
    found = await places(citizen, "?near=118.1831,39.6305&limit=2")

    assert [(place["kind"], place["distance_m"]) for place in found] == [("toilet", 9), ("post_box", 240)]


async def test_kind_and_box_leave_the_rest_out(citizen: httpx2.AsyncClient):
    assert [place["kind"] for place in await places(citizen, "?kind=post_box")] == ["post_box"]
    assert [place["name"] for place in await places(citizen, "?bbox=118.182,39.63,118.184,39.631")] == ["远厕"]
    kinds = (await citizen.get("/api/v1/public/kinds")).json()["items"]
    assert [(kind["kind"], kind["count"]) for kind in kinds] == [("toilet", 2), ("post_box", 1)]


async def test_the_public_tile_shows_kinds_only(citizen: httpx2.AsyncClient):
    answer = await citizen.get(f"/api/v1/public/tiles/{tile(15)}.mvt")
    found = layers(answer.content)

    assert sorted(properties["kind"] for properties in found["places"]) == ["post_box", "toilet", "toilet"]
    assert {frozenset(properties) for properties in found["places"]} == {frozenset({"kind"})}
    assert set(found) <= {"districts", "streets", "grids", "places"}
    assert {frozenset(properties) for properties in found["grids"]} == {frozenset()}


async def test_every_other_operation_refuses_who_is_not_signed_in(citizen: httpx2.AsyncClient):
    for path in (
        "components",
        "components/1302030301000000",
        "components/within?bbox=118,39,119,40",
        "search?q=1302",
        "devices",
        "incidents",
        "departments",
        f"tiles/components/{tile(16)}.mvt",
        f"tiles/grids/{tile(15)}.mvt",
    ):
        assert (await citizen.get(f"/api/v1/{path}")).status_code == 401, path


async def test_other_sites_may_read_it_and_what_is_known_is_not_sent_again(citizen: httpx2.AsyncClient):
    for path in ("kinds", "places", f"tiles/{tile(15)}.mvt"):
        first = await citizen.get(f"/api/v1/public/{path}", headers={"Origin": "https://elsewhere.example"})
        again = await citizen.get(f"/api/v1/public/{path}", headers={"If-None-Match": first.headers["etag"]})

        assert first.headers["access-control-allow-origin"] == "*"
        assert first.headers["cross-origin-resource-policy"] == "cross-origin"
        assert first.headers["cache-control"].startswith("public, max-age=")
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("query", ["near=here", "near=118.1,139", "bbox=1,2,3", "limit=0", "limit=501"])
async def test_what_makes_no_sense_is_refused(citizen: httpx2.AsyncClient, query: str):
    assert (await citizen.get(f"/api/v1/public/places?{query}")).status_code in {400, 422}


def test_the_shipped_list_names_classes_of_the_catalogue_once():
    opened = public_places.load()

    assert opened.by_class()["0301"].kind == "toilet"


@pytest.mark.parametrize(
    "text",
    [
        "kinds: []",
        "catalogue: c\nkinds: [{kind: a, name_zh: a, name_en: a, shows: [note]}]",
        "catalogue: c\nkinds: [{kind: a, name_zh: a, name_en: a, classes: ['1']}]",
        "catalogue: c\nkinds: [{kind: a, name_zh: a, name_en: a}, {kind: a, name_zh: b, name_en: b}]",
        ": :",
    ],
)
def test_a_list_that_is_wrong_is_refused_with_its_file(tmp_path: Path, text: str):
    file = tmp_path / "opened.yaml"
    file.write_text(text)

    with pytest.raises(InvalidInput, match=r"opened\.yaml"):
        public_places.load(file)
