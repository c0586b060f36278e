"""Keyset paging: pages stay right while rows are added, and a cursor is refused where it does not belong."""

from datetime import timedelta

import httpx2
import psycopg
import pytest

from tests.integration.api.city import CATALOGUE, CODES, raise_incident

ADD_COMPONENT = """
INSERT INTO component (component_id, code, catalogue_id, class_code, district_code, name, state, data_source, geom)
VALUES (%(key)s, %(code)s, %(catalogue)s, '0101', '130203', '', 'intact', 'survey',
        ST_SetSRID(ST_MakePoint(118, 39), 4326))
"""


async def page(api: httpx2.AsyncClient, path: str, cursor: str | None) -> dict[str, object]:
    answer = await api.get(f"{path}&cursor={cursor}" if cursor else path)
    assert answer.status_code == 200
    return answer.json()


async def test_pages_hold_each_component_once_while_components_are_added(own_api: httpx2.AsyncClient, city: str):
    seen: list[str] = []
    cursor: str | None = None
    with psycopg.connect(city, autocommit=True) as conn:
        for number in range(10):
            got = await page(own_api, "/api/v1/components?limit=2", cursor)
            seen += [item["code"] for item in got["items"]]
            cursor = got["next"]
            if cursor is None:
                break
            values = {"catalogue": CATALOGUE, "code": f"130203010190000{number}", "key": -1 - number}
            conn.execute(ADD_COMPONENT, values)

    assert seen == CODES


async def test_pages_of_open_incidents_hold_each_once_while_more_urgent_ones_open(
    own_api: httpx2.AsyncClient, city: str
):
    with psycopg.connect(city, autocommit=True) as conn:
        expected = [2, 1] + [raise_incident(conn, number, due=timedelta(hours=number))[0] for number in range(5, 9)]
        seen: list[int] = []
        cursor: str | None = None
        for number in range(20, 30):
            got = await page(own_api, "/api/v1/incidents?limit=2", cursor)
            seen += [item["incident_id"] for item in got["items"]]
            cursor = got["next"]
            if cursor is None:
                break
            raise_incident(conn, number, due=timedelta(minutes=1))

    assert seen == expected


async def test_pages_of_all_incidents_go_back_in_time(api: httpx2.AsyncClient):
    first = await page(api, "/api/v1/incidents?state=all&limit=2", None)
    second = await page(api, "/api/v1/incidents?state=all&limit=2", first["next"])

    assert [[item["incident_id"] for item in got["items"]] for got in (first, second)] == [[3, 2], [1]]
    assert second["next"] is None


async def test_a_full_last_page_has_no_next(api: httpx2.AsyncClient):
    got = await page(api, "/api/v1/devices?limit=5", None)

    assert len(got["items"]) == 5
    assert got["next"] is None


@pytest.mark.parametrize("cursor", ["x", "!!!", "WzFd", "bm90IGpzb24", "é"])
async def test_a_cursor_that_is_none_is_refused(api: httpx2.AsyncClient, cursor: str):
    answer = await api.get("/api/v1/devices", params={"cursor": cursor})

    assert answer.status_code == 400
    assert answer.json()["type"].endswith("#problem-invalid-input")


async def test_a_cursor_of_another_list_is_refused(api: httpx2.AsyncClient):
    cursor = (await page(api, "/api/v1/components?limit=1", None))["next"]

    assert cursor
    assert (await api.get("/api/v1/devices", params={"cursor": cursor})).status_code == 400
