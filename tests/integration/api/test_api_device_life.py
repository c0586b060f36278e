"""A device's life over HTTP: steps, history, and what stays with the component."""

from datetime import timedelta

import httpx2
import psycopg

from tests.integration.api.city import CODES, NOW

STATE = "/api/v1/devices/{}/state"


async def test_a_step_is_taken_and_stands_in_the_history_with_who_and_why(own_api: httpx2.AsyncClient) -> None:
    moved = await own_api.post(STATE.format("mc-1"), json={"to": "maintenance", "reason": "frame is raised"})
    history = (await own_api.get("/api/v1/devices/mc-1/history")).json()

    assert moved.json() == {"label": "mc-1", "state": "maintenance"}
    assert (history["items"][0]["kind"], history["items"][0]["reason"]) == ("maintenance", "frame is raised")
    assert history["items"][0]["actor"]
    assert {step["to"] for step in history["steps"]} == {"in_service", "replaced", "retired"}
    assert [place["component_code"] for place in history["places"]] == [CODES[0]]


async def test_a_step_that_is_not_listed_is_a_conflict_and_one_without_its_reason_is_wrong(
    own_api: httpx2.AsyncClient,
) -> None:
    assert (await own_api.post(STATE.format("mc-1"), json={"to": "installed"})).status_code == 409
    assert (await own_api.post(STATE.format("mc-1"), json={"to": "retired"})).status_code == 400
    assert (await own_api.post(STATE.format("nobody"), json={"to": "retired", "reason": "x"})).status_code == 404


async def test_a_component_keeps_what_its_devices_measured_one_after_the_other(
    own_api: httpx2.AsyncClient, city: str
) -> None:
    with psycopg.connect(city) as conn:
        conn.execute("UPDATE device_mounting SET since = since - interval '30 minutes'")
    taken = await own_api.post("/api/v1/devices/mc-1/replacement", json={"by": "mc-9", "reason": "battery"})
    carried = (await own_api.get(f"/api/v1/components/{CODES[0]}/devices")).json()["items"]
    asked = {"channel": "tilt_deg", "to": (NOW + timedelta(hours=1)).isoformat(), "points": 5000}
    series = (await own_api.get(f"/api/v1/components/{CODES[0]}/readings", params=asked)).json()

    assert taken.json() == {"label": "mc-9", "state": "installed"}
    assert [(it["label"], it["until"] is None, it["replaced_by"]) for it in carried] == [
        ("mc-9", True, None), ("mc-1", False, "mc-9")
    ]  # fmt: skip
    assert series["unit"] == "deg"
    assert [it["device"] for it in series["stretches"]] == ["mc-1", "mc-9"]
    assert [point[2] for point in series["stretches"][0]["points"]] == [29, *range(31, 59)]
    assert series["stretches"][1]["points"] == []
