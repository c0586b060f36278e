"""Registration in the street over HTTP: what stands around, one device once, and every refusal with its reason."""

import asyncio
from typing import Any

import httpx2
import psycopg
import pytest

from tests import credentials
from tests.integration.api.city import CODES

HERE = {"lon": 118.1802, "lat": 39.6305, "accuracy_m": 6.0}
KEY = "a0000000-0000-4000-8000-00000000000"


def asked(label: str = "MC-NEW", component: str = CODES[5], **more: Any) -> dict[str, Any]:
    lon = 118.1797 + CODES.index(component) * 0.0005 + 0.0005 if component in CODES else HERE["lon"]
    position = {**HERE, "lon": lon}
    return {"label": label, "profile": "manhole_cover", "component_code": component, "position": position, **more}


async def send(api: httpx2.AsyncClient, body: dict[str, Any], *, key: int = 1, **more: Any) -> httpx2.Response:
    return await api.post("/api/v1/devices", json=body, headers={"Idempotency-Key": f"{KEY}{key}"}, **more)


def rows(city: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(city) as conn:
        return conn.execute(query).fetchall()  # pyright: ignore[reportCallIssue, reportArgumentType]


async def test_the_components_around_come_nearest_first_with_what_they_carry(api: httpx2.AsyncClient):
    answer = await api.get("/api/v1/components/near", params={"lon": 118.1802, "lat": 39.6305, "radius": 100})

    items = answer.json()["items"]
    assert [item["code"] for item in items] == CODES[:3]
    assert items[0]["distance_m"] == 0
    assert items[1]["distance_m"] == pytest.approx(42.9, abs=0.5)
    assert items[0]["class_zh"] == "上水井盖"
    assert {device["profile"] for item in items for device in item["devices"]} == {"manhole_cover"}


async def test_the_components_around_can_be_those_a_type_fits(api: httpx2.AsyncClient):
    where = {"lon": 118.1802, "lat": 39.6305, "radius": 100, "profile": "streetlight"}

    assert (await api.get("/api/v1/components/near", params=where)).json()["items"] == []


async def test_a_device_is_registered_installed_with_who_and_from_where(own_api: httpx2.AsyncClient, city: str):
    answer = await send(own_api, asked(install={"initial_angle_deg": 1.5}))

    assert answer.status_code == 201, answer.text
    assert answer.json() == {"label": "MC-NEW", "replaced": None, "repeated": False}
    shown = (await own_api.get("/api/v1/devices/MC-NEW")).json()
    assert shown["state"] == "installed"
    assert shown["registered_by"].startswith("tester")
    assert shown["install"] == {"initial_angle_deg": 1.5}
    ((detail,),) = rows(city, "SELECT detail FROM device_event WHERE kind = 'placed'")
    assert detail["accuracy_m"] == 6.0
    assert detail["distance_m"] < 1
    assert rows(city, "SELECT action, subject FROM audit WHERE action = 'devices_registered'") == [
        ("devices_registered", "MC-NEW")
    ]


async def test_what_is_sent_twice_is_registered_once(own_api: httpx2.AsyncClient, city: str):
    first, second = [await send(own_api, asked()) for _ in range(2)]

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == {"label": "MC-NEW", "replaced": None, "repeated": True}
    assert rows(city, "SELECT count(*) FROM device WHERE label = 'MC-NEW'") == [(1,)]


async def test_of_ten_phones_at_one_cover_one_registers(own_api: httpx2.AsyncClient, city: str):
    answers = await asyncio.gather(*(send(own_api, asked(f"MC-N{n}"), key=n) for n in range(10)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert {answer.json()["reason"] for answer in answers if answer.status_code == 409} == {"occupied"}
    assert rows(city, "SELECT count(*) FROM device WHERE label LIKE 'MC-N_'") == [(1,)]


async def test_the_device_on_an_occupied_component_can_be_replaced(own_api: httpx2.AsyncClient):
    occupied = await send(own_api, asked(component=CODES[0]))
    occupant = occupied.json()["facts"]["occupant"]
    replaced = await send(own_api, asked(component=CODES[0], replaces=occupant))

    assert (occupied.status_code, occupied.json()["reason"]) == (409, "occupied")
    assert replaced.json() == {"label": "MC-NEW", "replaced": occupant, "repeated": False}
    assert (await own_api.get(f"/api/v1/devices/{occupant}")).json()["state"] == "replaced"


async def test_a_device_that_was_taken_down_can_be_put_elsewhere(own_api: httpx2.AsyncClient):
    occupant = (await send(own_api, asked(component=CODES[0]))).json()["facts"]["occupant"]
    await send(own_api, asked(component=CODES[0], replaces=occupant))
    answer = await send(own_api, asked(occupant, CODES[5]), key=2)

    assert answer.status_code == 201, answer.text
    shown = (await own_api.get(f"/api/v1/devices/{occupant}")).json()
    assert (shown["state"], shown["component_code"]) == ("installed", CODES[5])


@pytest.mark.parametrize(
    ("body", "reason", "facts"),
    [
        (asked(profile="streetlight"), "wrong_class", {"class_zh": "上水井盖", "profile": "streetlight"}),
        (asked(component="1302030101999999"), "unknown_component", {"component_code": "1302030101999999"}),
        (asked(component=""), "needs_component", {"profile": "manhole_cover"}),
        (asked(profile="teapot"), "unknown_profile", {"profile": "teapot"}),
        (asked(position={**HERE, "lon": 118.19}), "far_from_component", {"limit_m": 106, "accuracy_m": 6}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_refusal_says_why_and_with_what(
    own_api: httpx2.AsyncClient, city: str, body: dict[str, Any], reason: str, facts: dict[str, Any]
):
    answer = await send(own_api, body)

    problem = answer.json()
    assert (answer.status_code, problem["reason"]) == (409, reason)
    assert problem["type"].endswith("#problem-registration-refused")
    assert facts.items() <= problem["facts"].items()
    assert rows(city, "SELECT count(*) FROM device WHERE label = 'MC-NEW'") == [(0,)]


async def test_a_label_that_is_registered_already_says_where(own_api: httpx2.AsyncClient):
    await send(own_api, asked())
    answer = await send(own_api, asked(component=CODES[4]), key=2)

    problem = answer.json()
    assert problem["reason"] == "already_registered"
    assert problem["facts"]["component_code"] == CODES[5]
    assert problem["facts"]["class_zh"] == "上水井盖"


async def test_a_far_component_is_registered_when_the_person_insists(own_api: httpx2.AsyncClient, city: str):
    answer = await send(own_api, asked(position={**HERE, "lon": 118.19}, insists=["far_from_component"]))

    assert answer.status_code == 201
    ((detail,),) = rows(city, "SELECT detail FROM device_event WHERE kind = 'placed'")
    assert detail["insists"] == ["far_from_component"]


async def test_a_key_is_for_one_registration(own_api: httpx2.AsyncClient):
    await send(own_api, asked())

    assert (await send(own_api, asked("MC-OTHER", CODES[4]))).json()["reason"] == "key_used"


async def test_an_engineer_registers_only_in_their_own_area(own_api: httpx2.AsyncClient, city: str):
    with psycopg.connect(city) as conn:
        near = credentials.bearer(credentials.add_key(conn, "near", "engineer@130203"))
        far = credentials.bearer(credentials.add_key(conn, "far", "engineer@130202"))
        looks = credentials.bearer(credentials.add_key(conn, "looks", "viewer"))
    headers = {"Idempotency-Key": f"{KEY}7"}
    refused, forbidden, done = [
        await own_api.post("/api/v1/devices", json=asked(), headers={**headers, **who}) for who in (far, looks, near)
    ]

    assert (refused.status_code, refused.json()["reason"]) == (409, "out_of_area")
    assert forbidden.status_code == 403
    assert done.status_code == 201, done.text


async def test_an_installer_learns_which_type_fits_and_what_to_note(api: httpx2.AsyncClient):
    types = {item["profile"]: item for item in (await api.get("/api/v1/devices/fittings")).json()["items"]}

    assert "0101" in types["manhole_cover"]["classes"]
    assert types["manhole_cover"]["install"][0]["name"] == "initial_angle_deg"
    assert types["bus"]["classes"] == []
