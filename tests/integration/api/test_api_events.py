"""Facts are found by device, kind, plate, district, confidence, box and time, newest first, in pages."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from tests.integration.api.city import GRIDS, NOW

FACT = """
INSERT INTO event (ts, device_id, kind, seq, received_at, quality, origin, unit_grid_id, confidence, plate,
                   snapshot_url, snapshot_sha256, detail)
SELECT %(ts)s, device_id, %(kind)s, %(seq)s, %(ts)s, 8, 1, unit_grid_id, %(confidence)s, %(plate)s,
       'https://vms.example/1.jpg', repeat('ab', 32), '{"box": [0, 0, 1, 1]}'
FROM device WHERE label = %(label)s
"""
FACTS: list[Mapping[str, Any]] = [
    {"label": "mc-1", "kind": "vehicle", "age_s": 10, "confidence": 0.9, "plate": "冀B12345"},
    {"label": "mc-1", "kind": "person", "age_s": 20, "confidence": 0.4, "plate": None},
    {"label": "mc-3", "kind": "vehicle", "age_s": 20, "confidence": None, "plate": None},
    {"label": "bus-1", "kind": "vehicle", "age_s": 86_400 * 8, "confidence": 0.7, "plate": "冀B12345"},
]


@pytest.fixture
def facts(city: str) -> None:
    with psycopg.connect(city) as conn:
        conn.execute("DELETE FROM event")
        for seq, fact in enumerate(FACTS):
            conn.execute(FACT, {**fact, "seq": seq, "ts": NOW - timedelta(seconds=fact["age_s"])})


async def found(own_api: httpx2.AsyncClient, **query: object) -> list[int]:
    answer = await own_api.get("/api/v1/events", params=query)
    return [item["seq"] for item in answer.json()["items"]]


@pytest.mark.usefixtures("facts")
async def test_a_fact_is_shown_whole(own_api: httpx2.AsyncClient):
    (item,) = (await own_api.get("/api/v1/events", params={"plate": "冀B12345"})).json()["items"]

    ts = (NOW - timedelta(seconds=10)).isoformat().replace("+00:00", "Z")
    assert item == {
        "ts": ts, "received_at": ts, "device": "mc-1", "profile": "manhole_cover", "district_code": "130203",
        "unit_grid_code": GRIDS[0], "kind": "vehicle", "seq": 0, "confidence": 0.9, "plate": "冀B12345",
        "snapshot_url": "https://vms.example/1.jpg", "snapshot_sha256": "ab" * 32, "quality": ["arrival_time"],
        "origin": "simulated", "detail": {"box": [0, 0, 1, 1]}, "lon": 118.1802, "lat": 39.6305,
    }  # fmt: skip


@pytest.mark.usefixtures("facts")
async def test_facts_are_found_by_each_filter(own_api: httpx2.AsyncClient):
    long_ago = (NOW - timedelta(days=30)).isoformat()

    assert await found(own_api) == [0, 2, 1]
    assert await found(own_api, device="mc-1") == [0, 1]
    assert await found(own_api, kind="vehicle") == [0, 2]
    assert await found(own_api, min_confidence=0.5) == [0]
    assert await found(own_api, bbox="118.1801,39.63,118.1803,39.631") == [0, 1]
    assert await found(own_api, district_code="130202") == []
    assert await found(own_api, plate="冀B12345", **{"from": long_ago}) == [0, 3]
    assert await found(own_api, to=(NOW - timedelta(seconds=15)).isoformat()) == [2, 1]


@pytest.mark.usefixtures("facts")
async def test_pages_hold_each_fact_once_also_at_one_instant(own_api: httpx2.AsyncClient):
    seen: list[int] = []
    query: dict[str, Any] = {"limit": 1, "from": (NOW - timedelta(days=30)).isoformat()}
    while True:
        page = (await own_api.get("/api/v1/events", params=query)).json()
        seen += [item["seq"] for item in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]

    assert seen == [0, 2, 1, 3]


@pytest.mark.parametrize(
    "query", ["from=2020-01-01T00:00:00Z", "min_confidence=2", "bbox=1,2", "cursor=x", "class=vehicle", "limit=0"]
)
async def test_a_question_that_cannot_be_meant_is_a_problem(api: httpx2.AsyncClient, query: str):
    answer = await api.get(f"/api/v1/events?{query}")

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_device_shows_what_was_doubtful_about_its_messages(own_api: httpx2.AsyncClient, city: str):
    with psycopg.connect(city) as conn:
        conn.execute("DELETE FROM device_quality")
        for days_ago, late in ((0, 1), (6, 10), (7, 100)):
            conn.execute(
                "INSERT INTO device_quality (device_id, day, late, refused) "
                "SELECT device_id, (%s AT TIME ZONE 'UTC')::date - %s, %s, 2 FROM device WHERE label = 'mc-1'",
                (NOW, days_ago, late),
            )

    shown = (await own_api.get("/api/v1/devices/mc-1")).json()["quality"]

    assert (shown["today"]["late"], shown["today"]["refused"]) == (1, 2)
    assert (shown["seven_days"]["late"], shown["seven_days"]["refused"]) == (11, 4)
    assert shown["seven_days"]["suspect_jump"] == 0
