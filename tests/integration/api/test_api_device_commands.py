"""What devices are told, and identities they claim, over HTTP."""

from datetime import timedelta

import httpx2
import psycopg
import pytest

from devices import claiming
from devices.claiming import Batch
from devices.model import Change
from devices.profile import shipped
from tests.integration.api.city import NOW
from tests.integration.api.conftest import calling

pytestmark = pytest.mark.services
TOLD = {"command": "set_interval", "arguments": {"interval_s": 120}, "reason": "battery"}


async def test_a_command_is_given_listed_and_cancelled_in_the_name_of_who_asks(own_api: httpx2.AsyncClient):
    possible = (await own_api.get("/api/v1/devices/mc-1/commands/possible")).json()
    given = await own_api.post("/api/v1/devices/mc-1/commands", json=TOLD)
    number = given.json()["command_id"]
    (listed,) = (await own_api.get("/api/v1/devices/mc-1/commands")).json()["items"]
    cancelled = await own_api.post(f"/api/v1/devices/mc-1/commands/{number}/cancel", json={})
    again = await own_api.post(f"/api/v1/devices/mc-1/commands/{number}/cancel", json={})

    assert [it["name"] for it in possible] == ["set_interval"]
    assert possible[0]["arguments"][0]["unit"] == "s"
    assert given.status_code == 201
    assert (listed["state"], listed["reason"], listed["arguments"]) == ("waiting", "battery", {"interval_s": 120})
    assert listed["requested_by"]
    assert (cancelled.status_code, again.status_code) == (200, 409)


@pytest.mark.parametrize(
    ("label", "body", "status", "words"),
    [
        ("mc-1", {"command": "lamp_on"}, 400, "it knows: set_interval"),
        ("mc-1", {"command": "set_interval", "arguments": {"interval_s": 1}}, 400, "between 60 and 86400 s"),
        ("mc-1", {"command": "set_interval", "arguments": {"interval_s": "often"}}, 422, "interval_s"),
        ("nobody", TOLD, 404, "no device nobody"),
    ],
)
async def test_what_cannot_be_told_is_a_problem_that_says_what_can(
    api: httpx2.AsyncClient, label: str, body: dict[str, object], status: int, words: str
):
    answer = await api.post(f"/api/v1/devices/{label}/commands", json=body)

    assert answer.status_code == status
    assert words in answer.json()["detail"]


async def test_a_device_claims_its_identity_once_and_needs_no_account(city: str, own_address: str):
    batch = Batch(name="LOT-1", profile="manhole_cover", labels=["mc-1"], until=NOW + timedelta(days=1))
    async with await psycopg.AsyncConnection.connect(city, autocommit=True) as conn:
        key = await claiming.add(conn, batch, shipped(), Change(now=NOW, actor="test"))
    claim = {"batch": "LOT-1", "key": key, "label": "mc-1"}
    async with calling(own_address, {}) as device:
        wrong = await device.post("/api/v1/claims", json=claim | {"key": "guess"})
        right = await device.post("/api/v1/claims", json=claim)
        again = await device.post("/api/v1/claims", json=claim)

    assert (wrong.status_code, right.status_code, again.status_code) == (403, 201, 409)
    assert right.json()["user_name"].endswith("/manhole/mc-1")
    assert "password" not in wrong.text
    assert right.headers["cache-control"] == "no-store"
