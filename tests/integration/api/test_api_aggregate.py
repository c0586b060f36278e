"""Readings of many devices together, over HTTP; which level a series came from; and the flow the summary tells of."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import psycopg
import pytest
from psycopg import AsyncConnection, conninfo

from storage import rollups
from tests.conftest import Cluster, create_database, drop_database
from tests.integration.api.city import NOW, READING, build
from tests.integration.api.conftest import calling, serving

DAY = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=2)
FLOW = """
INSERT INTO rollup_queue (bucket, device_ids, minute, messages, late, lag_sum_s, lag_max_s)
VALUES (%(minute)s, '{1}', %(minute)s, 30, 10, 40, 5)
"""


async def roll(url: str) -> None:
    async with await AsyncConnection.connect(url) as conn:
        await conn.execute("UPDATE profile_channel SET average = 'time_weighted' WHERE channel = 'water_m'")
        for label, tilt in (("mc-1", 10.0), ("mc-2", 30.0)):
            for quarter in range(96):
                ts = DAY + timedelta(minutes=15 * quarter)
                await conn.execute(READING, {"ts": ts, "seq": 0, "values": [tilt, None], "label": label})
        while (await rollups.refresh(conn, NOW)).more:
            pass


@pytest.fixture(scope="module")
def rolled_city(cluster: Cluster, template_database: str) -> Iterator[str]:
    """Two covers that reported four times an hour on a past day, rolled up; only read."""
    name = create_database(cluster, template_database)
    url = conninfo.make_conninfo(cluster.database_url, dbname=name)
    with psycopg.connect(url) as conn:
        build(conn)
    asyncio.run(roll(url))
    yield url
    drop_database(cluster, name)


async def ask(url: str, path: str, query: dict[str, str | int]) -> httpx2.Response:
    with serving(url) as address:
        async with calling(address) as client:
            return await client.get(f"/api/v1{path}", params=query)


async def test_a_class_is_one_line_over_all_its_devices(rolled_city: str):
    query = {
        "channel": "tilt_deg", "class_code": "0101", "bucket": 3600,
        "from": DAY.isoformat(), "to": (DAY + timedelta(hours=2)).isoformat(),
    }  # fmt: skip

    answer = (await ask(rolled_city, "/readings/aggregate", query)).json()

    at_ms = int(DAY.timestamp() * 1000)
    assert answer["points"] == [[at_ms, 10.0, 20.0, 30.0, 8], [at_ms + 3_600_000, 10.0, 20.0, 30.0, 8]]
    assert (answer["level"], answer["unit"], answer["average"]) == ("1h", "deg", "arithmetic")


@pytest.mark.parametrize(
    ("filters", "points"),
    [({"district_code": "130203"}, 1), ({"district_code": "130202"}, 0), ({"profile": "manhole_cover"}, 1),
     ({"class_code": "0137"}, 0)],
)  # fmt: skip
async def test_filters_choose_the_devices(rolled_city: str, filters: dict[str, str], points: int):
    query = {"channel": "tilt_deg", "from": DAY.isoformat(), "to": (DAY + timedelta(minutes=5)).isoformat()}

    answer = (await ask(rolled_city, "/readings/aggregate", query | filters)).json()

    assert len(answer["points"]) == points


async def test_the_ends_are_moved_outwards_to_whole_buckets(rolled_city: str):
    query = {
        "channel": "tilt_deg", "bucket": 1800,
        "from": (DAY + timedelta(minutes=14)).isoformat(), "to": (DAY + timedelta(minutes=15)).isoformat(),
    }  # fmt: skip

    answer = (await ask(rolled_city, "/readings/aggregate", query)).json()

    assert answer["points"] == [[int(DAY.timestamp() * 1000), 10.0, 20.0, 30.0, 4]]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"channel": "tilt_deg", "bucket": 301}, "bucket"),
        ({"channel": "no_such"}, "channel"),
        ({"channel": "tilt_deg", "profile": "bus"}, "channel"),
        ({"channel": "tilt_deg", "from": "2020-01-01T00:00:00Z"}, "from"),
    ],
)
async def test_what_cannot_be_asked_is_refused(api: httpx2.AsyncClient, query: dict[str, str | int], word: str):
    answer = await api.get("/api/v1/readings/aggregate", params=query)

    assert (answer.status_code, word in answer.json()["detail"]) == (400, True)


async def test_a_series_names_its_level_and_its_kind_of_mean(rolled_city: str):
    query = {"channel": "water_m", "from": DAY.isoformat(), "to": (DAY + timedelta(days=1)).isoformat(), "points": 30}

    answer = (await ask(rolled_city, "/devices/mc-1/readings", query)).json()

    assert (answer["level"], answer["bucket_s"], answer["average"]) == ("1h", 3600, "time_weighted")


async def test_the_flow_is_that_of_the_last_whole_minute_of_arrival(city: str):
    minute = datetime.fromtimestamp(NOW.timestamp() // 60 * 60 - 60, UTC)
    with psycopg.connect(city) as conn:
        conn.execute("DELETE FROM rollup_queue")
        conn.execute(FLOW, {"minute": minute})
        conn.execute(FLOW, {"minute": minute - timedelta(minutes=1)})

    summary = (await ask(city, "/summary", {})).json()

    assert (summary["readings_last_minute"], summary["lag_s"]) == (30, 2.0)
