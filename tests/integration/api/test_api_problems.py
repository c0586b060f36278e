"""Every error is a problem after RFC 9457 whose type leads to its explanation."""

import socket

import httpx2
import psycopg
import pytest
from psycopg import conninfo

from tests.conftest import Cluster
from tests.credentials import bearer
from tests.integration.api.conftest import calling, serving

REFUSED = [
    ("/api/v1/nothing", 404, "not-found"),
    ("/nothing", 404, "not-found"),
    ("/api/v1/components/1302030101999999", 404, "not-found"),
    ("/api/v1/components/12", 422, "invalid-request"),
    ("/api/v1/components?limit=0", 422, "invalid-request"),
    ("/api/v1/components?limit=1001", 422, "invalid-request"),
    ("/api/v1/components?limt=5", 400, "unknown-parameter"),
    ("/api/v1/summary?verbose=1", 400, "unknown-parameter"),
    ("/api/v1/components?bbox=1,2,3", 400, "invalid-input"),
    ("/api/v1/components?bbox=118.2,39.6,118.1,39.7", 400, "invalid-input"),
    ("/api/v1/components?bbox=nan,0,1,1", 400, "invalid-input"),
    ("/api/v1/devices/nobody", 404, "not-found"),
    ("/api/v1/devices/nobody/readings/latest", 404, "not-found"),
    ("/api/v1/devices/nobody/readings?channel=tilt_deg", 404, "not-found"),
    ("/api/v1/devices/mc-1/readings", 422, "invalid-request"),
    ("/api/v1/devices/mc-1/readings?channel=speed_kmh", 400, "invalid-input"),
    ("/api/v1/devices/mc-1/readings?channel=tilt_deg&points=1", 422, "invalid-request"),
    ("/api/v1/devices/mc-1/readings?channel=tilt_deg&from=2026-01-01T00:00:00", 422, "invalid-request"),
    (
        "/api/v1/devices/mc-1/readings?channel=tilt_deg&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        400,
        "invalid-input",
    ),
    ("/api/v1/incidents?rule=a%00b", 400, "invalid-input"),
    ("/api/v1/devices?health=ill", 422, "invalid-request"),
    ("/api/v1/grids/locate?lon=118.5&lat=39.6", 404, "not-found"),
    ("/api/v1/grids/locate?lon=218.5&lat=39.6", 422, "invalid-request"),
    ("/api/v1/incidents/999", 404, "not-found"),
    ("/api/v1/incidents/x", 422, "invalid-request"),
    ("/api/v1/incidents?severity=bad", 422, "invalid-request"),
    ("/api/v1/tiles/components/3/8/0.mvt", 404, "not-found"),
    ("/api/v1/tiles/components/23/0/0.mvt", 422, "invalid-request"),
    ("/api/v1/stream?last_event_id=-1", 422, "invalid-request"),
]


@pytest.mark.parametrize(("path", "status", "kind"), REFUSED)
async def test_what_cannot_be_answered_is_a_problem(api: httpx2.AsyncClient, path: str, status: int, kind: str):
    answer = await api.get(path)

    problem = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["type"]) == (status, f"/api/docs#problem-{kind}")
    assert problem["instance"] == path.partition("?")[0]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]


async def test_every_type_leads_to_its_explanation(api: httpx2.AsyncClient):
    page = (await api.get("/api/docs")).text

    for _, _, kind in REFUSED:
        assert f'id="problem-{kind}"' in page


async def test_an_unknown_parameter_is_named_with_those_that_exist(api: httpx2.AsyncClient):
    problem = (await api.get("/api/v1/devices/live?box=1")).json()

    assert problem["detail"] == "'box' is not a parameter of this operation; it has: bbox"


async def test_a_wrong_parameter_is_named(api: httpx2.AsyncClient):
    problem = (await api.get("/api/v1/devices?limit=none")).json()

    assert [error["pointer"] for error in problem["errors"]] == ["query/limit"]


async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(api: httpx2.AsyncClient):
    answer = await api.post("/api/v1/classes", json={})

    assert answer.status_code == 405
    assert answer.json()["type"].endswith("#problem-method-not-allowed")
    assert answer.headers["allow"] == "GET"


async def test_another_host_name_is_refused(api: httpx2.AsyncClient):
    answer = await api.get("/api/v1/classes", headers={"Host": "evil.example"})

    assert answer.status_code == 421
    assert answer.json()["type"].endswith("#problem-wrong-host")


async def test_a_request_id_is_kept_when_it_looks_like_one(api: httpx2.AsyncClient):
    kept = await api.get("/healthz", headers={"X-Request-Id": "abcdef-123456"})
    made = await api.get("/healthz", headers={"X-Request-Id": "a b\tc"})

    assert kept.headers["x-request-id"] == "abcdef-123456"
    assert made.headers["x-request-id"] not in {"", "a b\tc"}


async def test_protective_headers_stand_on_every_answer(api: httpx2.AsyncClient):
    for path in ("/", "/api/v1/classes", "/api/v1/nothing", "/api/docs"):
        answer = await api.get(path)

        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "worker-src 'self' blob:" in answer.headers["content-security-policy"]


async def test_a_database_that_does_not_answer_is_503_with_a_time_to_come_back():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with serving(f"postgresql://nobody@127.0.0.1:{port}/none") as address:
        async with calling(address, bearer("cg_whose")) as client:
            for path in ("/api/v1/classes", "/readyz", "/api/v1/stream?last_event_id=1"):
                answer = await client.get(path)

                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
                assert answer.json()["type"].endswith("#problem-unavailable")
            assert (await client.get("/healthz")).status_code == 200


async def test_connections_that_the_database_cut_are_replaced(own_api: httpx2.AsyncClient, cluster: Cluster, city: str):
    name = conninfo.conninfo_to_dict(city)["dbname"]
    assert (await own_api.get("/api/v1/classes")).status_code == 200
    with psycopg.connect(cluster.database_url, autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))

    assert (await own_api.get("/api/v1/classes")).status_code == 200


async def test_reads_cannot_write(shared_city: str):
    from storage.pool import READER, connect

    conn = await connect(shared_city, role=READER, name="test")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await conn.execute("DELETE FROM incident_event")
    await conn.close()
