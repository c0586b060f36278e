"""What people do with incidents through the API: what is refused, and how; the way through is test_incident_walk."""

import json

import httpx2
import pytest

ACTOR: dict[str, object] = {"actor": "王工", "role": "shift_leader"}
FILED = {**ACTOR, "limit": "2 urgent_hour"}


async def post(api: httpx2.AsyncClient, action: str, body: dict[str, object], number: int = 1) -> httpx2.Response:
    headers = {"Content-Type": "application/json"}
    return await api.post(f"/api/v1/incidents/{number}/actions/{action}", content=json.dumps(body), headers=headers)


REFUSED = [
    ("dispatch", {"actor": "王工", "role": "dispatcher", "department_id": 1}, 409, "conflict"),
    ("file", {"actor": "王工", "role": "department"}, 403, "wrong-role"),
    ("file", {**ACTOR, "limit": "2 fortnight"}, 400, "invalid-input"),
    ("file", {**ACTOR, "department_id": 1}, 400, "invalid-input"),
    ("reject", {**ACTOR}, 400, "invalid-input"),
    ("file", {}, 400, "invalid-input"),
    ("reject", {"reason": "acceptor or shift leader?"}, 400, "invalid-input"),
    ("file", {**ACTOR, "role": "system"}, 422, "invalid-request"),
    ("file", {**ACTOR, "actor": "  "}, 422, "invalid-request"),
    ("file", {**ACTOR, "reson": "typo"}, 422, "invalid-request"),
    ("file", {**ACTOR, "actor": "x" * 101}, 422, "invalid-request"),
    ("reject", {**ACTOR, "reason": "a\0b"}, 422, "invalid-request"),
    ("reject", {**ACTOR, "reason": "\ud800"}, 422, "invalid-request"),
    ("recover", {**ACTOR}, 422, "invalid-request"),
]


@pytest.mark.parametrize(("action", "body", "status", "kind"), REFUSED)
async def test_what_may_not_be_done_is_refused(
    api: httpx2.AsyncClient, action: str, body: dict[str, object], status: int, kind: str
):
    answer = await post(api, action, body)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/api/docs#problem-{kind}")


async def test_an_unknown_incident_or_department_is_named(own_api: httpx2.AsyncClient):
    nobody = await post(own_api, "file", ACTOR, number=999)
    await post(own_api, "file", FILED)
    nowhere = await post(own_api, "dispatch", {"actor": "王工", "role": "dispatcher", "department_id": 77})

    assert (nobody.status_code, nobody.json()["detail"]) == (404, "no incident 999")
    assert (nowhere.status_code, nowhere.json()["detail"]) == (400, "no department 77: see GET /departments")


async def test_of_several_who_file_at_once_one_does_and_the_others_are_told(own_api: httpx2.AsyncClient):
    import asyncio

    answers = await asyncio.gather(*(post(own_api, "file", FILED) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("stage=reported", [2, 1]),
        ("stage=filed", []),
        ("worklist=acceptor", [2, 1]),
        ("worklist=department", []),
        ("level=district", [2, 1]),
        ("holder=130203", [2, 1]),
        ("department=1", [2, 1]),
        ("light=green", [2, 1]),
        ("light=red", []),
        ("parent=1", []),
    ],
)
async def test_lists_are_those_of_a_desk(api: httpx2.AsyncClient, query: str, found: list[int]):
    answer = await api.get(f"/api/v1/incidents?{query}")

    assert [row["incident_id"] for row in answer.json()["items"]] == found


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

    answer = await own_api.post("/api/v1/incidents/1/actions/file", content='{"actor": "x"}', headers=sent)

    assert answer.status_code == status
    assert (await own_api.get("/api/v1/incidents/1")).json()["stage"] == "reported"


async def test_the_consoles_own_page_can_command(own_api: httpx2.AsyncClient):
    origin = str(own_api.base_url).rstrip("/")

    answer = await own_api.post(
        "/api/v1/incidents/1/actions/file", json=FILED, headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    )

    assert answer.status_code == 200


async def test_a_body_that_is_too_large_is_refused_said_or_not(api: httpx2.AsyncClient):
    async def pieces():
        for _ in range(100):
            yield b" " * 1024

    said = await api.post("/api/v1/incidents/1/actions/reject", json={**ACTOR, "reason": "x" * 70_000})
    unsaid = await api.post(
        "/api/v1/incidents/1/actions/reject", content=pieces(), headers={"Content-Type": "application/json"}
    )

    assert [answer.status_code for answer in (said, unsaid)] == [413, 413]


async def test_a_body_that_is_not_json_is_a_problem(api: httpx2.AsyncClient):
    answer = await api.post(
        "/api/v1/incidents/1/actions/reject", content="{oops", headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["type"]) == (422, "/api/docs#problem-invalid-request")
