"""Catalogue, components, devices, readings, grids, summary and health, over a real database."""

from datetime import timedelta

import httpx2

from devices.profile import shipped
from tests.integration.api.city import CODES, GRIDS, NOW

NONE_OPEN = {"info": 0, "minor": 0, "major": 0, "critical": 0}


async def test_the_catalogue_gives_each_class_with_its_source(api: httpx2.AsyncClient):
    items = (await api.get("/api/v1/classes")).json()["items"]

    assert [item["class_code"] for item in items] == ["0101", "0137"]
    assert items[0]["name_zh"] == "上水井盖"
    assert items[0]["source"] == "GB/T 30428.2-2013"


async def test_departments_are_listed(api: httpx2.AsyncClient):
    items = (await api.get("/api/v1/departments")).json()["items"]

    assert [(item["department_id"], item["name_zh"], item["name_en"]) for item in items] == [
        (1, "城管局", "Urban management"),
        (2, "自来水公司", "Waterworks"),
    ]


async def codes(api: httpx2.AsyncClient, query: str) -> list[str]:
    return [item["code"] for item in (await api.get(f"/api/v1/components?{query}")).json()["items"]]


async def test_components_are_found_by_box_class_state_and_beginning_of_code(api: httpx2.AsyncClient):
    assert await codes(api, "bbox=118.1801,39.63,118.1808,39.631") == CODES[:2]
    assert await codes(api, "class_code=0137") == []
    assert await codes(api, "state=damaged") == [CODES[1]]
    assert await codes(api, "code=130203010100000") == CODES
    assert await codes(api, f"code={CODES[3]}") == [CODES[3]]
    assert await codes(api, "district_code=130202") == []


async def test_a_component_shows_its_departments_grids_devices_and_open_incidents(api: httpx2.AsyncClient):
    shown = (await api.get(f"/api/v1/components/{CODES[0]}")).json()

    assert shown["owner"] == {"name_zh": "自来水公司", "name_en": "Waterworks"}
    assert shown["maintainer"] is None
    assert (shown["unit_grid_code"], shown["patrol_grid_code"]) == (GRIDS[0], "P1")
    assert (shown["street_zh"], shown["community_en"]) == ("乔屯街道", "Guangmingli")
    assert shown["geometry"] == {"type": "Point", "coordinates": [118.1802, 39.6305]}
    assert shown["devices"] == [
        {"label": "mc-1", "profile": "manhole_cover", "state": "in_service", "health": "online"}
    ]
    assert [item["rule"] for item in shown["open_incidents"]] == ["CoverDisplaced"]


async def test_devices_tell_online_late_silent_and_never(api: httpx2.AsyncClient):
    items = (await api.get("/api/v1/devices")).json()["items"]

    healths = {item["label"]: item["health"] for item in items}
    assert healths == {"mc-1": "online", "mc-2": "late", "mc-3": "silent", "mc-4": "never", "bus-1": "online"}


async def test_a_list_and_a_single_device_agree_on_health(api: httpx2.AsyncClient):
    for item in (await api.get("/api/v1/devices")).json()["items"]:
        single = (await api.get(f"/api/v1/devices/{item['label']}")).json()

        assert single["health"] == item["health"]


async def labels(api: httpx2.AsyncClient, query: str) -> list[str]:
    return [item["label"] for item in (await api.get(f"/api/v1/devices?{query}")).json()["items"]]


async def test_devices_are_found_by_profile_health_district_and_box(api: httpx2.AsyncClient):
    assert await labels(api, "profile=bus") == ["bus-1"]
    assert await labels(api, "health=silent") == ["mc-3"]
    assert await labels(api, "district_code=130202") == []
    assert await labels(api, "bbox=118.1801,39.63,118.1803,39.631") == ["mc-1"]


async def test_a_device_names_its_channels_and_their_newest_values(api: httpx2.AsyncClient):
    shown = (await api.get("/api/v1/devices/mc-1")).json()

    assert shown["component_code"] == CODES[0]
    assert shown["latest"]["origin"] == "simulated"
    assert [(item["channel"], item["value"]) for item in shown["channels"]][:4] == [
        ("tilt_deg", 27.4), ("water_m", None), ("ch4_pct_lel", 0.5), ("h2s_ppm", None)
    ]  # fmt: skip
    assert [item["severity"] for item in shown["open_incidents"]] == ["critical"]


async def test_the_live_rows_are_compact_and_a_bus_is_where_its_reading_says(api: httpx2.AsyncClient):
    rows = {row[0]: row for row in (await api.get("/api/v1/devices/live")).json()["devices"]}

    assert rows["mc-1"] == ["mc-1", "manhole_cover", 118.1802, 39.6305, "online", "critical"]
    assert rows["mc-4"] == ["mc-4", "manhole_cover", 118.1817, 39.6305, "never", None]
    assert rows["bus-1"] == ["bus-1", "bus", 118.1815, 39.6305, "online", None, 90.0]


async def test_the_live_rows_of_a_box_include_the_bus_that_drove_into_it(api: httpx2.AsyncClient):
    box = (await api.get("/api/v1/devices/live?bbox=118.1814,39.63,118.1816,39.631")).json()

    assert [row[0] for row in box["devices"]] == ["bus-1"]


async def test_the_latest_reading_names_every_channel(api: httpx2.AsyncClient):
    latest = (await api.get("/api/v1/devices/mc-1/readings/latest")).json()

    assert latest["values"][0] == {
        "channel": "tilt_deg", "unit": "deg", "name_zh": "倾角", "name_en": "tilt", "value": 27.4
    }  # fmt: skip
    assert len(latest["values"]) == len(shipped()["manhole_cover"].channels)


async def test_a_device_never_heard_has_a_latest_reading_without_values(api: httpx2.AsyncClient):
    latest = (await api.get("/api/v1/devices/mc-4/readings/latest")).json()

    assert latest["ts"] is None
    assert {item["value"] for item in latest["values"]} == {None}


async def series(api: httpx2.AsyncClient, **query: str) -> dict[str, object]:
    answer = await api.get("/api/v1/devices/mc-1/readings", params={"channel": "tilt_deg", **query})
    assert answer.status_code == 200
    return answer.json()


async def test_a_series_at_full_detail_leaves_out_what_was_not_measured(api: httpx2.AsyncClient):
    start = NOW - timedelta(minutes=59)

    found = await series(
        api, **{"from": start.isoformat(), "to": (NOW + timedelta(seconds=1)).isoformat()}, points="5000"
    )

    points = found["points"]
    assert isinstance(points, list)
    assert [point[1] for point in points] == [float(minute) for minute in range(60) if minute != 30]
    assert all(point[1] == point[2] == point[3] and point[4] == 1 for point in points)
    assert points[0][0] == int(start.timestamp() * 1000)


async def test_a_series_keeps_to_its_budget_of_points_and_loses_no_reading(api: httpx2.AsyncClient):
    start = NOW - timedelta(minutes=59)

    found = await series(
        api, **{"from": start.isoformat(), "to": (NOW + timedelta(seconds=1)).isoformat()}, points="10"
    )

    points = found["points"]
    assert isinstance(points, list)
    assert len(points) <= 10
    assert sum(point[4] for point in points) == 59
    assert (min(point[1] for point in points), max(point[3] for point in points)) == (0.0, 59.0)


async def test_the_end_of_a_series_is_not_included(api: httpx2.AsyncClient):
    found = await series(api, **{"from": (NOW - timedelta(minutes=1)).isoformat(), "to": NOW.isoformat()})

    assert [point[1] for point in found["points"]] == [58.0]


async def test_unit_grids_are_geojson_with_counts_of_what_is_open(api: httpx2.AsyncClient):
    answer = await api.get("/api/v1/grids/unit")

    assert answer.headers["content-type"] == "application/geo+json"
    features = {feature["id"]: feature for feature in answer.json()["features"]}
    assert list(features) == GRIDS
    assert features[GRIDS[0]]["properties"]["open"] == {**NONE_OPEN, "critical": 1}
    assert features[GRIDS[0]]["geometry"]["type"] == "Polygon"
    assert features[GRIDS[3]]["properties"]["open"] == NONE_OPEN


async def test_unit_grids_of_a_box(api: httpx2.AsyncClient):
    features = (await api.get("/api/v1/grids/unit?bbox=118.1801,39.63,118.1809,39.6305")).json()["features"]

    assert [feature["id"] for feature in features] == GRIDS[:1]


async def test_patrol_grids_sum_up_their_unit_grids(api: httpx2.AsyncClient):
    features = (await api.get("/api/v1/grids/patrol")).json()["features"]

    assert {feature["id"]: feature["properties"]["open"] for feature in features} == {
        "P1": {**NONE_OPEN, "critical": 1, "minor": 1},
        "P2": NONE_OPEN,
    }


async def test_areas_of_every_level_sum_up_what_is_open_in_them(api: httpx2.AsyncClient):
    features = (await api.get("/api/v1/areas")).json()["features"]

    both = {**NONE_OPEN, "critical": 1, "minor": 1}
    assert {feature["id"]: feature["properties"]["open"] for feature in features} == {
        "130200": both, "130202": NONE_OPEN, "130203": both, "130203001": both, "130203001001": both
    }  # fmt: skip


async def test_areas_of_one_level(api: httpx2.AsyncClient):
    features = (await api.get("/api/v1/areas?level=district")).json()["features"]

    assert [feature["id"] for feature in features] == ["130202", "130203"]


async def test_a_point_is_located_from_unit_grid_to_district(api: httpx2.AsyncClient):
    place = (await api.get("/api/v1/grids/locate?lon=118.1825&lat=39.6305")).json()

    assert (place["unit_grid_code"], place["patrol_grid_code"], place["team"]) == (GRIDS[2], "P2", "team 2")
    assert (place["street_en"], place["district_zh"]) == ("Qiaotun", "路北区")


async def test_a_point_on_a_shared_edge_lies_in_the_lower_grid_only(api: httpx2.AsyncClient):
    place = (await api.get("/api/v1/grids/locate?lon=118.181&lat=39.6305")).json()

    assert place["unit_grid_code"] == GRIDS[0]


async def test_the_summary_counts_the_city(api: httpx2.AsyncClient):
    summary = (await api.get("/api/v1/summary")).json()

    assert summary["components"] == 6
    assert summary["devices"] == {"online": 2, "late": 1, "silent": 1, "never": 1}
    assert summary["open_incidents"] == {**NONE_OPEN, "critical": 1, "minor": 1}


async def test_readiness_tells_the_age_of_the_newest_reading(api: httpx2.AsyncClient):
    ready = (await api.get("/readyz")).json()

    assert (ready["status"], ready["database"], ready["last_ingest_age_s"]) == ("ready", "ok", 0.0)


async def test_being_alive_asks_nothing_of_the_database(api: httpx2.AsyncClient):
    assert (await api.get("/healthz")).json() == {"status": "ok"}


async def test_metrics_name_routes_by_template_and_show_pools(api: httpx2.AsyncClient):
    await api.get("/api/v1/devices/mc-1")

    text = (await api.get("/metrics")).text

    assert (
        'citygrid_http_request_duration_seconds_count{method="GET",route="/api/v1/devices/{label}",status="200"}'
        in text
    )
    assert 'citygrid_pool_connections{pool="api-read",state="pool_size"}' in text
    assert "citygrid_live_subscribers 0.0" in text
