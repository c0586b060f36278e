"""Incidents: lists, one in full."""

import httpx2

from tests.integration.api.city import CODES, EVIDENCE, GRIDS


async def rules(api: httpx2.AsyncClient, query: str = "") -> list[str]:
    answer = await api.get(f"/api/v1/incidents?{query}")
    assert answer.status_code == 200
    return [f"{item['rule']} {item['severity']}" for item in answer.json()["items"]]


async def test_open_incidents_come_by_what_is_due_first(api: httpx2.AsyncClient):
    assert await rules(api) == ["WaterRising minor", "CoverDisplaced critical"]


async def test_closed_and_all_come_newest_first(api: httpx2.AsyncClient):
    assert await rules(api, "state=closed") == ["CoverDisplaced major"]
    assert await rules(api, "state=all") == ["CoverDisplaced major", "WaterRising minor", "CoverDisplaced critical"]


async def test_incidents_are_found_by_every_filter(api: httpx2.AsyncClient):
    assert await rules(api, "severity=critical") == ["CoverDisplaced critical"]
    assert await rules(api, "patrol=P2") == []
    assert await rules(api, f"unit_grid={GRIDS[1]}") == ["WaterRising minor"]
    assert await rules(api, "district_code=130202") == []
    assert await rules(api, "rule=WaterRising") == ["WaterRising minor"]
    assert await rules(api, f"component={CODES[0]}") == ["CoverDisplaced critical"]
    assert await rules(api, "device=mc-2&state=all") == ["CoverDisplaced major"]


async def test_an_incident_carries_place_owner_deadline_geometry_and_proof(api: httpx2.AsyncClient):
    shown = (await api.get("/api/v1/incidents/1")).json()

    assert (shown["unit_grid_code"], shown["patrol_grid_code"], shown["patrol_name_zh"]) == (GRIDS[0], "P1", "巡查1")
    assert (shown["street_zh"], shown["community_zh"]) == ("乔屯街道", "光明里社区")
    assert (shown["component_code"], shown["class_code"], shown["device_label"]) == (CODES[0], "0101", "mc-1")
    assert (shown["department_zh"], shown["assignee"], shown["origin"]) == ("城管局", None, "simulated")
    assert shown["geometry"] == {"type": "Point", "coordinates": [118.1802, 39.6305]}
    assert shown["evidence"] == EVIDENCE
    assert [(step["kind"], step["to_stage"]) for step in shown["history"]] == [("opened", "reported")]
