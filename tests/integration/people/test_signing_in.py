"""Signing in and out at the running API: what the browser gets, what is answered alike, how failures slow down."""

import threading
import time

import httpx2
import pytest

from tests.integration.people.conftest import PASSWORD, Scene

WRONG = {"name": "nobody-is-called-so", "password": "not the password"}


def test_a_session_opens_with_the_password_and_ends_at_once(scene: Scene) -> None:
    scene.add("ann", "viewer")
    browser = scene.signed_in("ann")
    assert browser.get("/api/v1/me").json()["name"] == "ann"
    stolen = dict(browser.cookies)

    assert browser.delete("/api/v1/session", headers={"content-type": "application/json"}).json() == {
        "was_signed_in": True
    }

    assert browser.get("/api/v1/me").status_code == 401
    assert httpx2.get(f"{scene.address}/api/v1/me", cookies=stolen, timeout=60).status_code == 401
    assert scene.audited("ann") == [("ann", "sign_in"), ("ann", "sign_out")]


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(scene: Scene) -> None:
    scene.add("ben", "viewer")

    answer = scene.browser().post("/api/v1/session", json={"name": "Ben ", "password": PASSWORD})

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("citygrid_session=")
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert answer.headers["cache-control"] == "no-store"
    assert PASSWORD not in answer.text


def test_the_database_holds_no_token(scene: Scene) -> None:
    scene.add("cleo", "viewer")
    token = scene.signed_in("cleo").cookies["citygrid_session"]

    kept = scene.conn.execute("SELECT s::text FROM account_session s").fetchall()

    assert len(token) >= 43
    assert token not in str(kept)


@pytest.mark.parametrize("how", ["unknown", "wrong", "disabled", "without"])
def test_who_does_not_get_in_is_told_the_same(scene: Scene, how: str) -> None:
    name = f"dora-{how}"
    if how != "unknown":
        number = scene.add(name, "viewer", password=None if how == "without" else PASSWORD)
        if how == "disabled":
            scene.conn.execute("UPDATE account SET disabled_at = now() WHERE account_id = %s", (number,))
    password = "a wrong password" if how == "wrong" else PASSWORD

    answer = scene.browser().post("/api/v1/session", json={"name": name, "password": password})

    assert answer.status_code == 401
    assert answer.json()["detail"] == "The name or the password is wrong."
    assert "set-cookie" not in answer.headers


def test_a_name_that_is_nobodys_does_not_land_in_the_log(scene: Scene) -> None:
    scene.browser().post("/api/v1/session", json={"name": "hunter2secret", "password": "x"})

    rows = scene.conn.execute(
        "SELECT actor, subject, detail::text FROM audit ORDER BY audit_id DESC LIMIT 1"
    ).fetchall()
    assert rows == [("(unknown)", "(unknown)", '{"address": "127.0.0.1"}')]


def test_failures_slow_down_until_waiting_helps(scene: Scene) -> None:
    scene.add("enno", "viewer")
    browser = scene.browser()
    failed = [browser.post("/api/v1/session", json={"name": "enno", "password": "wrong"}) for _ in range(6)]

    assert [answer.status_code for answer in failed] == [401] * 5 + [429]
    assert failed[-1].headers["retry-after"] == "1"
    right = {"name": "enno", "password": PASSWORD}
    assert browser.post("/api/v1/session", json=right).status_code == 429
    scene.later(seconds=1)
    assert browser.post("/api/v1/session", json=right).status_code == 200
    assert browser.post("/api/v1/session", json={"name": "enno", "password": "wrong"}).status_code == 401


def test_tries_at_once_are_no_way_around(scene: Scene) -> None:
    scene.add("flo", "viewer")
    codes: list[int] = []

    def guess() -> None:
        codes.append(scene.browser().post("/api/v1/session", json={"name": "flo", "password": "wrong"}).status_code)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == [401] * 5 + [429] * 7


def test_many_names_from_one_address_are_slowed_too(scene: Scene) -> None:
    browser = scene.browser()
    codes = [
        browser.post("/api/v1/session", json={"name": f"guess-{number}", "password": "x"}).status_code
        for number in range(23)
    ]

    assert codes == [401] * 21 + [429] * 2


def test_who_fails_elsewhere_makes_nobody_wait_at_his_own_desk(scene: Scene) -> None:
    scene.add("gina", "viewer")
    scene.signed_in("gina")
    later = scene.now.replace(year=scene.now.year + 1)
    scene.conn.execute("INSERT INTO sign_in_throttle VALUES ('account:gina', 99, %s, %s)", (scene.now, later))

    assert scene.signed_in("gina").get("/api/v1/me").status_code == 200


def test_signing_in_again_leaves_no_session_behind(scene: Scene) -> None:
    scene.add("hugo", "viewer")
    browser = scene.signed_in("hugo")
    before = browser.cookies["citygrid_session"]

    browser.post("/api/v1/session", json={"name": "hugo", "password": PASSWORD})

    assert browser.cookies["citygrid_session"] != before
    old = httpx2.get(f"{scene.address}/api/v1/me", cookies={"citygrid_session": before}, timeout=60)
    assert old.status_code == 401


def test_a_session_ends_when_it_rests_and_when_it_is_old(scene: Scene) -> None:
    scene.add("ida", "viewer")
    resting, busy = scene.signed_in("ida"), scene.signed_in("ida")
    for _ in range(15):
        scene.later(hours=11.5)
        scene.conn.execute(
            "UPDATE account_session SET used_at = %s WHERE account_id = (SELECT account_id FROM account"
            " WHERE name = 'ida') AND session_id = (SELECT max(session_id) FROM account_session)",
            (scene.now,),
        )
    time.sleep(0)

    assert resting.get("/api/v1/me").status_code == 401
    assert busy.get("/api/v1/me").status_code == 401  # seven days are over
    assert scene.signed_in("ida").get("/api/v1/me").status_code == 200


def test_the_cookie_lets_no_other_site_command(scene: Scene) -> None:
    scene.add("jan", "viewer")
    browser = scene.signed_in("jan")
    body = {"language": "en"}

    foreign = browser.patch("/api/v1/me", json=body, headers={"sec-fetch-site": "cross-site"})
    origin = browser.patch("/api/v1/me", json=body, headers={"origin": "https://evil.example"})
    form = browser.post("/api/v1/api-keys", content="name=x", headers={"content-type": "text/plain"})

    assert [answer.status_code for answer in (foreign, origin, form)] == [403, 403, 415]
    assert browser.patch("/api/v1/me", json=body).json()["language"] == "en"


def test_a_link_signs_in_once(scene: Scene) -> None:
    from datetime import timedelta

    from people import sign_in
    from storage.pool import OWNER, connect

    scene.add("kim", "viewer")

    async def link() -> str:
        async with await connect(scene.url, role=OWNER, name="test") as conn:
            return await sign_in.make_link(conn, "kim", timedelta(minutes=10), scene.now)

    import asyncio

    token, late = asyncio.run(link()), asyncio.run(link())
    first = scene.browser().post("/api/v1/session", json={"token": token})
    second = scene.browser().post("/api/v1/session", json={"token": token})
    scene.later(minutes=11)
    third = scene.browser().post("/api/v1/session", json={"token": late})

    assert [answer.status_code for answer in (first, second, third)] == [200, 401, 401]
