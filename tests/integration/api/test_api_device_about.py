"""What devices are and say over HTTP: described, found by it, found by their batteries, their last message."""

import httpx2
import psycopg

from storage.device_messages import LastMessage, keep
from tests.credentials import add_key, bearer
from tests.integration.api.city import NOW
from tests.integration.api.conftest import calling

ABOUT = "/api/v1/devices/{}/about"
BATTERY = """
INSERT INTO device_battery (device_id, days_left, made_at)
SELECT device_id, %(days)s, %(now)s FROM device WHERE label = %(label)s
"""


async def found(api: httpx2.AsyncClient, **given: object) -> list[str]:
    answer = await api.get("/api/v1/devices", params={name: str(value) for name, value in given.items()})
    assert answer.status_code == 200, answer.text
    return [device["label"] for device in answer.json()["items"]]


async def test_devices_are_described_and_found_by_what_they_are(own_api: httpx2.AsyncClient) -> None:
    for label, firmware in (("mc-1", "1.3"), ("mc-2", "1.4")):
        body = {"model": "ES-20", "firmware": firmware, "reason": "read from its plate"}
        assert (await own_api.patch(ABOUT.format(label), json=body)).status_code == 200
    await own_api.patch(ABOUT.format("mc-2"), json={"model": ""})
    shown = (await own_api.get("/api/v1/devices/mc-2")).json()["about"]
    history = (await own_api.get("/api/v1/devices/mc-1/history")).json()["items"]

    assert (shown["model"], shown["firmware"], shown["by"]) == ("", "1.4", "tester/test")
    assert history[0]["detail"]["changes"] == {"model": ["", "ES-20"], "firmware": ["", "1.3"]}
    assert await found(own_api, model="ES-20") == ["mc-1"]
    assert await found(own_api, firmware="1.4") == ["mc-2"]
    assert (await own_api.patch(ABOUT.format("mc-1"), json={"reason": "none"})).status_code == 400
    assert (await own_api.patch(ABOUT.format("nobody"), json={"model": "x"})).status_code == 404


async def test_devices_are_found_by_how_long_their_batteries_last(own_api: httpx2.AsyncClient, city: str) -> None:
    with psycopg.connect(city) as conn:
        for label, days in (("mc-1", 12.5), ("mc-2", 30.0), ("mc-3", 3.0)):
            conn.execute(BATTERY, {"label": label, "days": days, "now": NOW})
        conn.execute("UPDATE device SET state = 'retired' WHERE label = 'mc-3'")

    assert await found(own_api, battery_days_below=30) == ["mc-1"]
    shown = (await own_api.get("/api/v1/devices")).json()["items"]
    assert {it["label"]: it["battery_days"] for it in shown if it["battery_days"]} == {
        "mc-1": 12.5, "mc-2": 30.0, "mc-3": 3.0
    }  # fmt: skip


async def test_the_last_message_is_the_engineers_and_what_a_gateway_says_for_many_stays_in_the_city(
    own_api: httpx2.AsyncClient, own_address: str, city: str
) -> None:
    ids = {"mc-1": "manhole/mc-1", "mc-2": "gateway/GW-7"}
    async with await psycopg.AsyncConnection.connect(city) as conn:
        for label, who in ids.items():
            cursor = await conn.execute("SELECT device_id FROM device WHERE label = %(label)s", {"label": label})
            row = await cursor.fetchone()
            assert row
            message = LastMessage(
                device_id=row[0], received_at=NOW, topic=f"citygrid/v1/130203/{who}/telemetry", payload=b'{"a":1}',
                bytes=7, refused=None,
            )  # fmt: skip
            await keep(conn, [message])
    with psycopg.connect(city) as plain:
        limited = bearer(add_key(plain, "of-grid", "engineer@grid:P1"))
        viewer = bearer(add_key(plain, "viewer", "viewer"))

    async def message_of(client: httpx2.AsyncClient, label: str) -> dict[str, object]:
        answer = await client.get(f"/api/v1/devices/{label}/last-message")
        assert answer.status_code == 200, answer.text
        return answer.json()["message"]

    assert (await message_of(own_api, "mc-2"))["payload"] == '{"a":1}'
    assert await message_of(own_api, "mc-4") is None
    assert (await own_api.get("/api/v1/devices/nobody/last-message")).status_code == 404
    async with calling(own_address, limited) as client:
        assert (await message_of(client, "mc-1"))["payload"] == '{"a":1}'
        hidden = await message_of(client, "mc-2")
        assert (hidden["encoding"], hidden["payload"]) == ("hidden", "")
    async with calling(own_address, viewer) as client:
        assert (await client.get("/api/v1/devices/mc-1/last-message")).status_code == 403
