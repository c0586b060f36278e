"""Many components at once: those in a box or polygon, as columns."""

from typing import Any

import httpx2
import psycopg
import pytest

from tests.integration.api.city import CATALOGUE, CODES
from tests.integration.api.test_api_tiles import MANY

BOX = "118.1795,39.63,118.1814,39.631"
CORNERS = [[118.1795, 39.63], [118.1814, 39.63], [118.1814, 39.631], [118.1795, 39.631], [118.1795, 39.63]]
SQUARE = {"type": "Polygon", "coordinates": [CORNERS]}


async def test_a_box_gives_its_components_as_columns(api: httpx2.AsyncClient):
    found = (await api.get(f"/api/v1/components/within?bbox={BOX}")).json()

    assert sorted(found["code"]) == CODES[:3]
    assert {name: len(column) for name, column in found.items() if name != "count"} == {
        "code": 3, "class_code": 3, "state": 3, "lon": 3, "lat": 3,
    }  # fmt: skip
    assert found["count"] == 3
    assert dict(zip(found["code"], found["state"], strict=True))[CODES[1]] == "damaged"


async def test_a_polygon_gives_what_its_box_gives_where_it_is_one(api: httpx2.AsyncClient):
    answer = await api.post("/api/v1/components/within", json={"geometry": SQUARE})
    triangle = {"type": "Polygon", "coordinates": [[*CORNERS[:2], *CORNERS[3:]]]}
    less = await api.post("/api/v1/components/within", json={"geometry": triangle})

    assert sorted(answer.json()["code"]) == CODES[:3]
    assert less.json()["code"] == CODES[:1]


async def test_class_state_and_department_choose_among_them(api: httpx2.AsyncClient):
    for query, count in (
        ("state=damaged", 1),
        ("state=damaged&state=intact", 3),
        ("class_code=0137", 0),
        ("class_code=0101&class_code=0137", 3),
        ("department_id=2", 3),
        ("department_id=99", 0),
    ):
        found = (await api.get(f"/api/v1/components/within?bbox={BOX}&{query}")).json()
        assert (found["count"], len(found["code"])) == (count, count), query


async def test_more_than_ten_thousand_are_refused_with_what_to_do(own_api: httpx2.AsyncClient, city: str):
    with psycopg.connect(city) as conn:
        conn.execute(MANY, {"catalogue": CATALOGUE})

    whole = await own_api.get("/api/v1/components/within?bbox=118,39,119,40")
    part = await own_api.get("/api/v1/components/within?bbox=118,39,119,40&state=missing")

    assert whole.status_code == 400
    assert "more than 10,000 components" in whole.json()["detail"]
    assert part.json()["count"] == 60


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [118, 39]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": "here"},
        {"type": "Polygon", "coordinates": [[[0, 0], [0, 95], [1, 95], [0, 0]]]},
        {},
    ],
)
async def test_what_is_no_polygon_is_refused(api: httpx2.AsyncClient, geometry: dict[str, Any]):
    answer = await api.post("/api/v1/components/within", json={"geometry": geometry})

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("geometry: ")
