"""What people do with incidents through the API: each step with its history, audit and refusals."""

import json

import httpx2
import psycopg
import pytest

ACTOR = {"actor": "王工"}


async def post(api: httpx2.AsyncClient, action: str, body: dict[str, object], number: int = 1) -> httpx2.Response:
    headers = {"Content-Type": "application/json"}
    return await api.post(f"/api/v1/incidents/{number}/{action}", content=json.dumps(body), headers=headers)


async def test_an_incident_goes_from_reported_to_closed_with_its_history(own_api: httpx2.AsyncClient, city: str):
    accepted = await post(own_api, "acknowledge", {**ACTOR, "reason": "seen"})
    dispatched = await post(own_api, "assign", {**ACTOR, "assignee": "李队", "department_id": 2})
    closed = await post(own_api, "close", {**ACTOR, "reason": "cover put back"})

    assert [answer.status_code for answer in (accepted, dispatched, closed)] == [200, 200, 200]
    assert (dispatched.json()["assignee"], dispatched.json()["department_en"]) == ("李队", "Waterworks")
    assert [(step["from_stage"], step["to_stage"], step["actor"]) for step in closed.json()["history"]] == [
        (None, "reported", "rules"),
        ("reported", "filed", "王工"),
        ("filed", "dispatched", "王工"),
        ("dispatched", "closed", "王工"),
    ]
    listed = (await own_api.get("/api/v1/incidents?state=closed&device=mc-1")).json()["items"]
    assert [item["incident_id"] for item in listed] == [1]
    with psycopg.connect(city) as conn:
        audited = conn.execute("SELECT actor, action, subject FROM audit ORDER BY audit_id").fetchall()
    assert audited == [
        ("王工", "incident.acknowledge", "incident 1"),
        ("王工", "incident.assign", "incident 1"),
        ("王工", "incident.close", "incident 1"),
    ]


REFUSED = [
    ("assign", {**ACTOR, "assignee": "李队"}, 409, "conflict"),
    ("assign", {**ACTOR}, 400, "invalid-input"),
    ("close", {**ACTOR}, 400, "invalid-input"),
    ("acknowledge", {}, 422, "invalid-request"),
    ("acknowledge", {"actor": "  "}, 422, "invalid-request"),
    ("acknowledge", {**ACTOR, "reson": "typo"}, 422, "invalid-request"),
    ("acknowledge", {"actor": "x" * 101}, 422, "invalid-request"),
    ("close", {**ACTOR, "reason": "a\0b"}, 422, "invalid-request"),
    ("close", {**ACTOR, "reason": "\ud800"}, 422, "invalid-request"),
    ("reopen", {**ACTOR}, 404, "not-found"),
]


@pytest.mark.parametrize(("action", "body", "status", "kind"), REFUSED)
async def test_what_may_not_be_done_is_refused(
    api: httpx2.AsyncClient, action: str, body: dict[str, object], status: int, kind: str
):
    answer = await post(api, action, body)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/api/docs#problem-{kind}")


async def test_an_unknown_incident_or_department_is_named(own_api: httpx2.AsyncClient):
    nobody = await post(own_api, "acknowledge", ACTOR, number=999)
    await post(own_api, "acknowledge", ACTOR)
    nowhere = await post(own_api, "assign", {**ACTOR, "department_id": 77})

    assert (nobody.status_code, nobody.json()["detail"]) == (404, "no incident 999")
    assert (nowhere.status_code, nowhere.json()["detail"]) == (400, "no department 77: see GET /departments")


async def test_of_two_who_acknowledge_at_once_one_is_told(own_api: httpx2.AsyncClient):
    import asyncio

    answers = await asyncio.gather(*(post(own_api, "acknowledge", ACTOR) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Host": "evil.example"}, 421),
    ],
)
async def test_another_site_cannot_command(own_api: httpx2.AsyncClient, headers: dict[str, str], status: int):
    sent = {"Content-Type": "application/json", **headers}

    answer = await own_api.post("/api/v1/incidents/1/acknowledge", content='{"actor": "x"}', headers=sent)

    assert answer.status_code == status
    assert (await own_api.get("/api/v1/incidents/1")).json()["stage"] == "reported"


async def test_the_consoles_own_page_can_command(own_api: httpx2.AsyncClient):
    origin = str(own_api.base_url).rstrip("/")

    answer = await own_api.post(
        "/api/v1/incidents/1/acknowledge", json=ACTOR, headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    )

    assert answer.status_code == 200


async def test_a_body_that_is_too_large_is_refused_said_or_not(api: httpx2.AsyncClient):
    async def pieces():
        for _ in range(100):
            yield b" " * 1024

    said = await api.post("/api/v1/incidents/1/close", json={**ACTOR, "reason": "x" * 70_000})
    unsaid = await api.post("/api/v1/incidents/1/close", content=pieces(), headers={"Content-Type": "application/json"})

    assert [answer.status_code for answer in (said, unsaid)] == [413, 413]


async def test_a_body_that_is_not_json_is_a_problem(api: httpx2.AsyncClient):
    answer = await api.post("/api/v1/incidents/1/close", content="{oops", headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["type"]) == (422, "/api/docs#problem-invalid-request")
