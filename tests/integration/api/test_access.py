"""Every operation as every role, and as people of one place; what nobody may is refused, and nobody sees elsewhere."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg import conninfo

from api.access import PUBLIC, SIGNED_IN, WHO
from api.app import describe_api
from api.principal import Role
from tests.conftest import Cluster, create_database, drop_database
from tests.credentials import add_key, bearer
from tests.integration.api.city import CODES
from tests.integration.api.conftest import serving
from tests.integration.api.two_districts import MARKS, fill

EVERYWHERE = {role.value: [role.value] for role in Role} | {"nothing": []}
SCOPES = {"district": "130203", "street": "130203001", "grid": "grid:P1", "far": "130202"}
HIDDEN = {"district": ["far"], "street": ["far", "next"], "grid": ["far", "next"], "far": ["next"]}
"""Whose marks each scope must never show."""
HOME = ("mc-1", "CoverDisplaced")
VALUES: Mapping[str, object] = {
    "code": CODES[0], "label": "mc-1", "incident_id": 1, "incident": 1, "z": 15, "x": 27141, "y": 12418, "version": 1,
    "silence_id": 1, "letter_id": "66" * 32, "action": "reject", "number": 1, "profile": "manhole_cover",
    "collection": "devices", "feature_id": "mc-1", "matrix_set": "WebMercatorQuad", "name": "tester", "key_id": 1,
    "key": "none", "session_id": 1, "department_id": 1,
    "unknown_id": 1, "bbox": "118.1,39.6,118.5,39.7", "lon": 118.1805, "lat": 39.6305,
    "channel": "tilt_deg", "q": "1", "rules_format": "json",
}  # fmt: skip
FOREIGN: Mapping[str, object] = {
    "code": MARKS["far"][1], "label": "far-1", "feature_id": "far-1", "q": "far", "lon": 118.2805, "x": 27150,
}  # fmt: skip


Answer = tuple[int, str, bytes]
"""Status, kind of problem, body."""


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    required: tuple[str, ...]

    def request(self, values: Mapping[str, object]) -> dict[str, Any]:
        filled = self.path
        for name, value in values.items():
            filled = filled.replace(f"{{{name}}}", str(value))
        query = {name: str(values.get(name, 1)) for name in self.required}
        sent: dict[str, Any] = {"method": self.method, "url": filled.replace("{", "").replace("}", ""), "params": query}
        if self.method != "GET":
            sent |= {"content": '{"no_such_field": 1}', "headers": {"Content-Type": "application/json"}}
        return sent


def operations() -> list[Operation]:
    found = [
        Operation(
            operation["operationId"],
            method.upper(),
            path,
            tuple(
                item["name"] for item in operation.get("parameters", []) if item["in"] == "query" and item["required"]
            ),
        )
        for path, methods in describe_api()["paths"].items()
        for method, operation in methods.items()
    ]
    return [*found, Operation("get_docs", "GET", "/api/docs", ()), Operation("get_console", "GET", "/", ())]


OPERATIONS = operations()


@dataclass(frozen=True)
class Served:
    address: str
    url: str
    keys: Mapping[str, Mapping[str, str]]
    incidents: Mapping[str, int]

    def client(self, who: str | None) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.address, timeout=30, headers=self.keys[who] if who else {})


@pytest.fixture(scope="session")
def served(cluster: Cluster, template_database: str) -> Iterator[Served]:
    name = create_database(cluster, template_database)
    url = conninfo.make_conninfo(cluster.database_url, dbname=name)
    with psycopg.connect(url) as conn:
        incidents = fill(conn)
        keys = {who: bearer(add_key(conn, who, *grants)) for who, grants in EVERYWHERE.items()}
        for where, place in SCOPES.items():
            every = [f"{role}@{place}" for role in Role]
            keys[where] = bearer(add_key(conn, f"of-{where}", *every))
    with serving(url) as address:
        yield Served(address, url, keys, incidents)
    drop_database(cluster, name)


async def ask(client: httpx2.AsyncClient, operation: Operation, values: Mapping[str, object]) -> Answer:
    """Give status, kind of problem and body; of a stream only its beginning."""
    request = operation.request(values)
    async with client.stream(request.pop("method"), request.pop("url"), **request) as answer:
        media_type = answer.headers.get("content-type", "")
        if media_type.startswith("text/event-stream"):
            return answer.status_code, "", b""
        body = await answer.aread()
        is_problem = media_type.startswith("application/problem")
        assert answer.status_code != 401 or answer.headers["www-authenticate"].startswith("Bearer")
        return answer.status_code, json.loads(body)["type"].rpartition("-problem-")[2] if is_problem else "", body


async def ask_all(client: httpx2.AsyncClient, values: Mapping[str, object]) -> list[tuple[Operation, Answer]]:
    gate = asyncio.Semaphore(8)

    async def one(operation: Operation) -> tuple[Operation, Answer]:
        async with gate:
            return operation, await ask(client, operation, values)

    return await asyncio.gather(*(one(operation) for operation in OPERATIONS))


def may(operation: str, role: str) -> bool:
    who = WHO[operation]
    if who is PUBLIC or who == SIGNED_IN:
        return True
    return role == "admin" or role in {item.value for item in who or ()}


@pytest.mark.parametrize("role", EVERYWHERE)
async def test_a_role_may_what_the_table_says_and_nothing_else(served: Served, role: str):
    wrong: list[str] = []
    async with served.client(role) as client:
        for operation, (status, kind, _) in await ask_all(client, VALUES):
            refused = kind.endswith("not-granted") or status == 401
            own = WHO[operation.name] == SIGNED_IN and status != 401  # some of it is for people, not for keys
            if (refused == may(operation.name, role) and not own) or status >= 500:
                wrong.append(f"{operation.name}: {status} {kind}")

    assert wrong == []


async def test_who_is_not_signed_in_reaches_only_what_is_public(served: Served):
    wrong: list[str] = []
    async with served.client(None) as client:
        for operation, (status, kind, _) in await ask_all(client, VALUES):
            is_public = WHO[operation.name] is PUBLIC
            if (status == 401 and kind.endswith("not-signed-in")) == is_public or status >= 500:
                wrong.append(f"{operation.name}: {status} {kind}")

    assert wrong == []


@pytest.mark.parametrize("where", SCOPES)
async def test_nobody_is_told_of_rows_elsewhere(served: Served, where: str):
    marks = [mark.encode() for name in HIDDEN[where] for mark in MARKS[name]]
    wrong: list[str] = []
    async with served.client("admin") as everywhere, served.client(where) as client:
        await ask_all(everywhere, VALUES)  # so that what is kept of answers holds everything
        for operation, (status, _, body) in await ask_all(client, VALUES):
            told = [mark for mark in marks if mark in body]
            if told or status >= 500:
                wrong.append(f"{operation.name}: {status} {told}")

    assert wrong == []


async def test_what_is_searched_for_is_there_for_who_sees_the_whole_city(served: Served):
    told: set[str] = set()
    async with served.client("admin") as client:
        for operation, (_, _, body) in await ask_all(client, VALUES):
            if any(mark.encode() in body for mark in MARKS["far"]):
                told.add(operation.name)

    expected = {
        "list_components", "list_devices", "list_live_devices", "list_incidents", "list_events", "list_silences",
        "list_muted", "list_dead_letters", "list_components_in_box", "list_ogc_items",
    }  # fmt: skip
    assert expected <= told


@pytest.mark.parametrize("where", ["district", "street", "grid"])
async def test_one_thing_elsewhere_is_as_if_it_were_not(served: Served, where: str):
    number = served.incidents["far-1"]
    values = {**VALUES, **FOREIGN, "incident_id": number, "incident": number, "silence_id": 1, "letter_id": "66" * 32}
    single = {
        "show_component", "list_component_history", "show_device", "show_latest_reading", "list_readings",
        "show_incident", "list_actions", "explain_incident", "act_on_incident", "show_dead_letter", "show_silence",
        "show_ogc_item",
    }  # fmt: skip
    seen: list[str] = []
    async with served.client(where) as client:
        for operation, (status, _, body) in await ask_all(client, values):
            if operation.name in single and status < 400:
                seen.append(f"{operation.name}: {status} {body[:80]!r}")

    assert seen == []


@pytest.mark.parametrize("where", SCOPES)
async def test_people_of_a_place_see_its_own_rows(served: Served, where: str):
    wanted = MARKS["far"][0] if where == "far" else HOME[0]
    async with served.client(where) as client:
        devices = (await client.get("/api/v1/devices")).text
        incidents = (await client.get("/api/v1/incidents")).text
        live = (await client.get("/api/v1/devices/live")).text

    assert wanted in devices
    assert wanted in live
    assert (MARKS["far"][2] if where == "far" else HOME[1]) in incidents


async def test_commands_outside_the_scope_are_refused(served: Served):
    number = served.incidents["far-1"]
    report = {"title_zh": "远处", "lon": 118.2805, "lat": 39.6305}
    silence = {"reason": "work", "ends_at": "2999-01-01T00:00:00Z", "areas": ["130202"]}
    async with served.client("street") as client:
        acted = await client.post(
            f"/api/v1/incidents/{number}/actions/reject", json={"role": "acceptor", "reason": "not ours"}
        )
        reported = await client.post("/api/v1/incidents", json=report)
        silenced = await client.post("/api/v1/silences", json=silence)
        all_of_it = await client.post("/api/v1/silences", json={**silence, "areas": [], "matchers": ['a="b"']})

    assert (acted.status_code, reported.status_code) == (404, 403)
    assert (silenced.status_code, all_of_it.status_code) == (403, 403)


async def test_commands_inside_the_scope_are_done_by_who_is_signed_in(served: Served):
    number = served.incidents["next-1"]
    async with served.client("district") as client:
        body = {"actor": "somebody else", "role": "acceptor", "reason": "seen"}
        acted = await client.post(f"/api/v1/incidents/{number}/actions/request_verification", json=body)

    step = acted.json()["history"][-1]
    assert (step["actor"], step["role"]) == ("of-district/test", "acceptor")


async def test_a_role_that_is_not_held_is_refused_and_the_one_that_fits_is_taken(served: Served):
    async with served.client("inspector") as client:
        not_held = await client.post("/api/v1/incidents/2/actions/dispatch", json={"role": "dispatcher"})
        not_fitting = await client.post("/api/v1/incidents/2/actions/dispatch", json={})
        offered = (await client.get("/api/v1/incidents/2/actions")).json()["actions"]
    async with served.client("operator") as client:
        fits = await client.post("/api/v1/incidents/2/actions/request_verification", json={})

    assert (not_held.status_code, not_fitting.status_code) == (403, 403)
    assert "dispatcher" in not_fitting.json()["detail"]
    assert offered == []
    assert fits.json()["history"][-1]["role"] == "acceptor"


async def test_the_stream_tells_nothing_of_elsewhere(served: Served):
    async with (
        served.client("district") as client,
        client.stream("GET", "/api/v1/stream?last_event_id=0") as answer,
        asyncio.timeout(20),
    ):
        lines = answer.aiter_lines()
        told = ""
        while "mc-1" not in told or "next-1" not in told:
            told += await anext(lines)
        with psycopg.connect(served.url) as conn:
            for mark in ("far-1", "next-1"):
                conn.execute(
                    "WITH e AS (INSERT INTO incident_event (incident_id, at, actor, kind, to_stage)"
                    " VALUES (%s, now(), 'test', %s, 'reported') RETURNING event_id)"
                    " SELECT pg_notify('citygrid_incident', event_id::text) FROM e",
                    (served.incidents[mark], f"noted-{mark}"),
                )
        while "noted-next-1" not in told:
            told += await anext(lines)

    assert "far-1" not in told
