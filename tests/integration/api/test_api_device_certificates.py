"""Devices' certificates over HTTP: signed for an engineer, renewed by the device, listed by their end, revoked."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from devices import authority
from devices.certificates import Signer
from tests.certificate_request import asking, signature
from tests.integration.api.city import NOW
from tests.integration.api.conftest import calling, serving

pytestmark = pytest.mark.services
CITY = authority.found(NOW)
SIGN, RENEW, ENDING = "/api/v1/devices/mc-1/certificates", "/api/v1/certificate-renewals", "/api/v1/device-certificates"


def signing(app: FastAPI) -> None:
    """Give the application an authority without a folder."""
    app.state.services = replace(app.state.services, signer=lambda: Signer(authority=CITY, days=20))


def serve(city: str, clock: Callable[[], datetime] = lambda: NOW):
    return serving(city, clock=clock, around=signing)


async def test_a_certificate_is_signed_renewed_by_its_device_listed_and_revoked(city: str) -> None:
    now = [NOW]
    with serve(city, lambda: now[0]) as address:
        async with calling(address) as engineer, calling(address, {}) as device:
            key, request = asking()
            signed = await engineer.post(SIGN, json={"request": request})
            ending = (await engineer.get(ENDING)).json()["items"]
            _, wanted = asking()
            shown = base64.b64encode(signature(key, wanted)).decode()
            wish = {"certificate": signed.json()["certificate"], "request": wanted, "signature": shown}
            now[0] += timedelta(days=10)
            renewed = await device.post(RENEW, json=wish)
            again = await device.post(RENEW, json=wish)
            without_follower = (await engineer.get(ENDING)).json()["items"]
            first = signed.json()["serial"]
            revoked = await engineer.post(f"{SIGN}/{first}/revocation", json={"reason": "lost"})
            twice = await engineer.post(f"{SIGN}/{first}/revocation", json={})
            too_late = await device.post(RENEW, json=wish)
            listed = (await engineer.get(SIGN)).json()["items"]

    assert (signed.status_code, renewed.status_code) == (201, 201)
    assert signed.json()["user_name"].endswith("/manhole/mc-1")
    assert signed.json()["authority"] == CITY.papers.certificate
    assert signed.headers["cache-control"] == "no-store"
    assert [(it["serial"], it["label"], it["days_left"]) for it in ending] == [(first, "mc-1", 20)]
    assert again.json() == renewed.json()
    assert [it["serial"] for it in without_follower] == [renewed.json()["serial"]]
    assert (revoked.status_code, twice.status_code, too_late.status_code) == (200, 404, 403)
    assert [(it["issued_by"], it["revoked_at"] is None) for it in listed] == [
        (f"certificate {first}", True),
        ("tester/test", False),
    ]
    with psycopg.connect(city) as conn:
        audited = conn.execute("SELECT action, actor FROM audit WHERE subject = 'mc-1' ORDER BY at, action").fetchall()
    assert [action for action, _ in audited] == ["certificate_signed", "certificate_revoked", "certificate_signed"]


async def test_what_is_not_signed_says_why(api: httpx2.AsyncClient, city: str) -> None:
    with serve(city) as address:
        async with calling(address) as engineer:
            other = await engineer.post(SIGN, json={"request": asking("130203/manhole/other")[1]})
            nothing = await engineer.post(SIGN, json={"request": "nothing"})
            nobody = await engineer.post("/api/v1/devices/nobody/certificates", json={"request": asking()[1]})
            for _ in range(3):
                await engineer.post(SIGN, json={"request": asking()[1]})
            fourth = await engineer.post(SIGN, json={"request": asking()[1]})
        async with calling(address, {}) as stranger:
            unsigned = await stranger.post(SIGN, json={"request": asking()[1]})
            wish = {"certificate": CITY.papers.certificate, "request": asking()[1], "signature": "AAAA"}
            forged = await stranger.post(RENEW, json=wish)
    without = await api.post(SIGN, json={"request": asking()[1]})

    assert (other.status_code, "leave it out" in other.text) == (400, True)
    assert (nothing.status_code, nobody.status_code, fourth.status_code) == (400, 404, 409)
    assert (unsigned.status_code, forged.status_code) == (401, 403)
    assert (without.status_code, "certificates authority" in without.text) == (409, True)
