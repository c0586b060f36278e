"""Sensing density over HTTP: by class, district, team and grid, against what stands in the city."""

from typing import Any

import httpx2
import psycopg
import pytest


async def asked(api: httpx2.AsyncClient, by: str) -> dict[str, Any]:
    return (await api.get("/api/v1/coverage", params={"by": by})).json()


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("class", [("0101", 6, 4, 4), ("", 0, 0, 1)]),
        ("district", [("130203", 6, 4, 5)]),
        ("patrol", [("P1", 4, 4, 5), ("P2", 2, 0, 0)]),
        ("unit", [("130203001001001", 2, 2, 3), ("130203001001002", 2, 2, 2), ("130203001001003", 2, 0, 0)]),
    ],
)
async def test_counts_are_those_of_the_city(api: httpx2.AsyncClient, by: str, rows: list[tuple[Any, ...]]) -> None:
    answer = await asked(api, by)

    assert [(it["key"], it["components"], it["sensed"], it["devices"]) for it in answer["items"]] == rows
    assert (answer["total"]["components"], answer["total"]["sensed"], answer["total"]["devices"]) == (6, 4, 5)
    assert answer["total"]["share"] == pytest.approx(4 / 6)
    assert answer["reference"]["per_km2"] == 25


async def test_density_is_devices_in_service_by_the_area_of_valid_grids(own_api: httpx2.AsyncClient, city: str) -> None:
    with psycopg.connect(city) as conn:
        conn.execute("UPDATE device SET state = 'maintenance' WHERE label = 'mc-1'")
    first = (await asked(own_api, "unit"))["items"][0]

    assert (first["devices"], first["area_km2"]) == (2, pytest.approx(0.0095))
    assert first["per_km2"] == pytest.approx(2 / 0.0095)


async def test_a_place_may_be_asked_of_one_class(own_api: httpx2.AsyncClient, city: str) -> None:
    with psycopg.connect(city) as conn:
        conn.execute("UPDATE component SET class_code = '0137' WHERE code = '1302030101000001'")
    asked = {"by": "patrol", "class_code": "0137"}
    answer = (await own_api.get("/api/v1/coverage", params=asked)).json()

    assert [(it["key"], it["components"], it["sensed"], it["share"]) for it in answer["items"]] == [("P1", 1, 1, 1)]
    assert answer["total"]["area_km2"] == pytest.approx(2 * 0.0095)
    wrong = await own_api.get("/api/v1/coverage", params={**asked, "by": "class"})
    assert (wrong.status_code, "by=district" in wrong.json()["detail"]) == (400, True)


async def test_what_is_beyond_the_limit_is_counted_and_in_the_sum(api: httpx2.AsyncClient) -> None:
    answer = (await api.get("/api/v1/coverage", params={"by": "unit", "limit": 1})).json()
    assert (len(answer["items"]), answer["more"], answer["total"]["devices"]) == (1, 2, 5)
