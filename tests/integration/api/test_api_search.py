"""Search: what codes, labels, numbers and names give."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg import conninfo

from tests.conftest import Cluster, create_database, drop_database
from tests.integration.api.city import CODES, GRIDS, build
from tests.integration.api.conftest import calling, serving

OUTLINE = "UPDATE area SET geom = (SELECT ST_Multi(ST_Union(geom)) FROM unit_grid) WHERE area_code LIKE '130203%'"


@pytest.fixture(scope="module")
def named_city(cluster: Cluster, template_database: str) -> Iterator[str]:
    """The address of the API over a city with outlines and a component with a name of its own."""
    name = create_database(cluster, template_database)
    url = conninfo.make_conninfo(cluster.database_url, dbname=name)
    with psycopg.connect(url) as conn:
        build(conn)
        conn.execute(OUTLINE)
        conn.execute("UPDATE component SET name = '光明里公厕' WHERE component_id = 6")
    with serving(url) as address:
        yield address
    drop_database(cluster, name)


@pytest.fixture
async def searched(named_city: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(named_city) as client:
        yield client


async def find(api: httpx2.AsyncClient, text: str, **more: object) -> list[dict[str, Any]]:
    answer = await api.get("/api/v1/search", params={"q": text, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_a_whole_code_is_first_and_the_beginning_gives_the_components(searched: httpx2.AsyncClient):
    whole = await find(searched, CODES[1])
    begun = await find(searched, "13020301010000")

    assert (whole[0]["kind"], whole[0]["id"], whole[0]["match_zh"]) == ("component", CODES[1], [0, 16])
    assert [hit["id"] for hit in begun] == CODES
    assert abs(whole[0]["lon"] - 118.1807) < 1e-6


@pytest.mark.parametrize("text", ["MC-1", "mc-1", "ＭＣ－１", " mc-1 "])
async def test_a_label_is_found_however_it_is_written(searched: httpx2.AsyncClient, text: str):
    assert [(hit["kind"], hit["id"]) for hit in await find(searched, text)] == [("device", "mc-1")]


async def test_each_kind_is_found_by_a_part_of_its_name(searched: httpx2.AsyncClient):
    for text, kind, title in (
        ("新华", "street", "新华道"),
        ("xinhua", "street", "新华道"),
        ("乔屯", "area", "乔屯街道"),
        ("自来水", "department", "自来水公司"),
        ("巡查1", "grid", "巡查1 P1"),
        ("cover 3", "component", "cover 3"),
        ("井盖", "component", "上水井盖"),
        ("manhole", "component", "上水井盖"),
    ):
        first = (await find(searched, text))[0]
        assert (first["kind"], first["title_zh"]) == (kind, title), text
        assert first["lon"] is not None, text
        assert first["match_zh"] or first["match_en"], text


async def test_a_department_says_what_it_answers_for(searched: httpx2.AsyncClient):
    (hit,) = [hit for hit in await find(searched, "waterworks") if hit["kind"] == "department"]

    assert (hit["note_zh"], hit["note_en"], hit["match_en"]) == ("权属", "owner", [0, 10])


async def test_grids_and_cases_are_found_by_number(searched: httpx2.AsyncClient):
    incident = (await searched.get("/api/v1/incidents?limit=1")).json()["items"][0]

    assert (await find(searched, GRIDS[0]))[0]["box"] is not None
    assert (await find(searched, incident["case_no"]))[0]["id"] == str(incident["incident_id"])


async def test_one_and_two_letters_of_a_name_are_enough(searched: httpx2.AsyncClient):
    for text in ("厕", "公厕", "里公厕"):
        assert ("component", CODES[5]) in [(hit["kind"], hit["id"]) for hit in await find(searched, text)], text


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "zzz", "99999999999999999999", "   "])
async def test_what_nothing_is_called_gives_nothing(searched: httpx2.AsyncClient, text: str):
    assert await find(searched, text) == []


async def test_there_are_no_more_hits_than_asked_for_and_none_twice(searched: httpx2.AsyncClient):
    hits = await find(searched, "1", limit=5)

    assert len(hits) == 5
    assert len({(hit["kind"], hit["id"]) for hit in hits}) == 5
