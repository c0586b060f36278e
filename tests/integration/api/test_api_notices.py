"""Silences and notices over HTTP."""

import json
from datetime import timedelta
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.integration.api.city import NOW

SILENCE = {
    "matchers": ['alertname=~"Lamp.*"'],
    "ends_at": (NOW + timedelta(hours=2)).isoformat(),
    "actor": "王工",
    "reason": "检修",
}


async def call(api: httpx2.AsyncClient, method: str, path: str, body: dict[str, Any]) -> httpx2.Response:
    headers = {"Content-Type": "application/json"}
    return await api.request(method, f"/api/v1{path}", content=json.dumps(body), headers=headers)


ADMINISTRATOR = "tester/test"
"""Who is signed in; a name in the body says nothing."""


async def test_a_silence_is_created_listed_and_ended(own_api: httpx2.AsyncClient) -> None:
    created = await call(own_api, "POST", "/silences", SILENCE)
    number = created.json()["silence_id"]
    listed = (await own_api.get("/api/v1/silences?state=active")).json()["items"]
    ended = await call(own_api, "DELETE", f"/silences/{number}", {"actor": "李工", "reason": "完工"})
    again = await call(own_api, "DELETE", f"/silences/{number}", {"actor": "李工", "reason": "完工"})

    assert (created.status_code, ended.status_code, again.status_code) == (200, 200, 409)
    assert [(one["silence_id"], one["author"], one["matchers"]) for one in listed] == [
        (number, ADMINISTRATOR, ['alertname=~"Lamp.*"'])
    ]
    assert (ended.json()["state"], ended.json()["ended_by"]) == ("expired", ADMINISTRATOR)
    assert (await own_api.get("/api/v1/silences?state=active")).json()["items"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"matchers": []}, 400),
        ({"matchers": ["nonsense"]}, 400),
        ({"ends_at": NOW.isoformat()}, 400),
        ({"areas": ["999999"]}, 400),
        ({"polygon": {"type": "Polygon"}}, 400),
        ({"windows": [{"weekdays": ["noday"]}]}, 400),
        ({"windows": ["x"]}, 422),
        ({"reason": " "}, 422),
        ({"until": "x"}, 422),
    ],
)
async def test_a_wrong_silence_is_refused(api: httpx2.AsyncClient, change: dict[str, Any], status: int) -> None:
    assert (await call(api, "POST", "/silences", {**SILENCE, **change})).status_code == status


async def test_a_silence_that_is_not_there_is_not_found(api: httpx2.AsyncClient) -> None:
    assert (await api.get("/api/v1/silences/999")).status_code == 404


async def test_what_is_held_back_is_shown_with_its_reason(own_api: httpx2.AsyncClient, city: str) -> None:
    number = (await call(own_api, "POST", "/silences", SILENCE)).json()["silence_id"]
    with psycopg.connect(city) as conn:
        conn.execute(
            """
            INSERT INTO muted_case (cause, rule, severity, device_id, district_code, origin, muted_by, reason, fired_ts,
                muted_at, ended_at, outcome)
            VALUES ('a', 'LampDark', 'minor', 1, '130202', 0, %(by)s, 'works', %(now)s, %(now)s, NULL, NULL),
                ('b', 'LampDark', 'minor', 1, '130202', 0, %(by)s, 'works', %(now)s, %(now)s, %(now)s, 'opened')
            """,
            {"by": f"silence:{number}", "now": NOW},
        )

    standing = (await own_api.get("/api/v1/muted")).json()["items"]
    every = (await own_api.get(f"/api/v1/muted?standing=false&muted_by=silence:{number}")).json()["items"]
    silence = (await own_api.get(f"/api/v1/silences/{number}")).json()

    assert [(one["cause"], one["reason"], one["outcome"]) for one in standing] == [("a", "works", None)]
    assert [one["cause"] for one in every] == ["b", "a"]
    assert (silence["holds_back"], silence["held_back"]) == (1, 2)


async def test_notices_are_listed_by_state_receiver_and_incident(own_api: httpx2.AsyncClient, city: str) -> None:
    with psycopg.connect(city) as conn:
        for number, (sent, parked) in enumerate([(NOW, None), (None, NOW), (None, None)], start=1):
            conn.execute(
                """
                INSERT INTO notice_message (receiver, group_key, address_name, kind, content, created_at, next_try_at,
                    sent_at, parked_at, last_error)
                VALUES ('desk', '{}:{}', 'JSON', 'new', %s, %s, %s, %s, %s, %s)
                """,
                (Jsonb({"alerts": [{"incident_id": number}]}), NOW, NOW, sent, parked, "HTTP 400" if parked else None),
            )

    async def states(query: str) -> list[tuple[str, list[int]]]:
        items = (await own_api.get(f"/api/v1/notices?{query}")).json()["items"]
        return [(one["state"], one["incidents"]) for one in items]

    assert await states("") == [("waiting", [3]), ("parked", [2]), ("sent", [1])]
    assert await states("state=parked") == [("parked", [2])]
    assert await states("incident=1") == [("sent", [1])]
    assert await states("receiver=phones") == []
    counts = (await own_api.get("/api/v1/notices/counts")).json()
    assert (counts["waiting"], counts["parked"], counts["gathering"]) == (1, 1, 0)


async def test_pages_of_silences_and_notices_follow_each_other(own_api: httpx2.AsyncClient) -> None:
    for _ in range(3):
        await call(own_api, "POST", "/silences", SILENCE)
    first = (await own_api.get("/api/v1/silences?limit=2")).json()
    second = (await own_api.get(f"/api/v1/silences?limit=2&cursor={first['next']}")).json()

    assert [one["silence_id"] for one in (*first["items"], *second["items"])] == [3, 2, 1]
    assert second["next"] is None
