"""Devices that knock over HTTP: listed with what the form is filled with, registered, ignored."""

import asyncio

import httpx2
import psycopg
import pytest

from core.knock import Knock
from storage import unknown_devices
from tests.integration.api.city import CODES, NOW

LIST = "/api/v1/unknown-devices"
TOPIC = "citygrid/v1/130203/manhole/mc-9/telemetry"


@pytest.fixture
def knocking(city: str) -> None:
    async def knock() -> None:
        async with await psycopg.AsyncConnection.connect(city) as conn:
            knocks = [
                Knock(format=form, address=address, district_code="130203", kind="manhole", gateway="", topic=TOPIC,
                      payload=b'{"ts": 1, "values": {"tilt_deg": 3}}', seen=seen)
                for form, address, seen in (("native", "mc-9", 5), ("chirpstack", "24e124713d111111", 1))
            ]  # fmt: skip
            await unknown_devices.record(conn, knocks, NOW)

    asyncio.run(knock())


async def listed(api: httpx2.AsyncClient, **asked: str) -> dict[str, int]:
    items = (await api.get(LIST, params=asked)).json()["items"]
    return {it["address"]: it["unknown_id"] for it in items}


@pytest.mark.usefixtures("knocking")
async def test_what_it_says_fills_the_form_and_one_step_registers_it(own_api: httpx2.AsyncClient) -> None:
    first = next(it for it in (await own_api.get(LIST)).json()["items"] if it["address"] == "mc-9")
    assert (first["profiles"][0], first["measures"], first["seen"]) == ("manhole_cover", ["tilt_deg"], 5)

    wanted = {"profile": first["profiles"][0], "component_code": CODES[4]}
    made = await own_api.post(f"{LIST}/{first['unknown_id']}/registration", json=wanted)
    device = (await own_api.get("/api/v1/devices/mc-9")).json()

    assert made.json() == {"label": "mc-9"}
    assert (device["state"], device["component_code"]) == ("installed", CODES[4])
    assert "mc-9" not in await listed(own_api)


@pytest.mark.usefixtures("knocking")
async def test_a_place_that_is_taken_is_said_and_it_goes_on_knocking(own_api: httpx2.AsyncClient) -> None:
    number = (await listed(own_api))["mc-9"]
    wanted = {"profile": "manhole_cover", "component_code": CODES[0]}
    refused = await own_api.post(f"{LIST}/{number}/registration", json=wanted)

    assert refused.status_code == 400
    assert "carries mc-1 already" in refused.json()["detail"]
    assert "mc-9" in await listed(own_api)


@pytest.mark.usefixtures("knocking")
async def test_who_is_ignored_is_listed_apart_until_noticed_again(own_api: httpx2.AsyncClient) -> None:
    number = (await listed(own_api))["mc-9"]
    await own_api.post(f"{LIST}/{number}/ignore", json={"reason": "the neighbour's"})
    assert "mc-9" not in await listed(own_api)
    assert await listed(own_api, ignored="true") == {"mc-9": number}

    await own_api.post(f"{LIST}/{number}/notice", json={})
    assert "mc-9" in await listed(own_api)
