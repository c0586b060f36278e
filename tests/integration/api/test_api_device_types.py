"""Device types over HTTP: all of them, and one in full."""

import json

import httpx2


async def test_every_type_is_listed_and_shown_with_what_it_takes_to_send_to_it(api: httpx2.AsyncClient) -> None:
    listed = (await api.get("/api/v1/device-types")).json()["items"]
    devices = {it["profile"]: it["devices"] for it in listed}
    shown = (await api.get("/api/v1/device-types/manhole_cover")).json()

    assert (len(listed), devices["manhole_cover"], devices["bus"], devices["hydrant"]) == (19, 4, 1, 0)
    assert all(it["shipped"] for it in listed)
    assert shown["topic"] == "citygrid/v1/<district>/manhole/<label>/telemetry"
    example = json.loads(shown["example"])["values"]
    limits = {it["name"]: (it["min"], it["max"]) for it in shown["channels"]}
    assert example
    assert all(limits[name][0] <= value <= limits[name][1] for name, value in example.items())
    assert "initial_angle_deg" in {it["name"] for it in shown["install"]}


async def test_a_type_that_is_not_there_is_not_found(api: httpx2.AsyncClient) -> None:
    assert (await api.get("/api/v1/device-types/submarine")).status_code == 404
