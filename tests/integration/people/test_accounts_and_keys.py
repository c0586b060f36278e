"""Accounts, keys and the audit log at the running API; what ends what, and how soon."""

import httpx2
import pytest

from tests.credentials import add_key, bearer
from tests.integration.people.conftest import PASSWORD, Scene

FRESH = "five other words, just as plain"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="session")
def admin(running_scene: Scene) -> httpx2.Client:
    key = add_key(running_scene.conn, "root", "admin")
    return httpx2.Client(base_url=running_scene.address, headers=bearer(key), timeout=20)


def status(scene: Scene, key: str) -> int:
    return httpx2.get(f"{scene.address}/api/v1/me", headers=bearer(key), timeout=60).status_code


def test_an_administrator_keeps_accounts(scene: Scene, admin: httpx2.Client) -> None:
    wish = {"name": "Quinn", "display_name": "奎因", "password": PASSWORD, "grants": ["viewer"]}
    assert admin.post("/api/v1/accounts", json=wish).json()["grants"] == ["viewer"]
    assert admin.post("/api/v1/accounts", json=wish).status_code == 409
    browser = scene.signed_in("quinn")

    changed = admin.patch("/api/v1/accounts/quinn", json={"grants": ["dispatcher@130203"], "display_name": "奎"})

    assert (changed.json()["grants"], changed.json()["display_name"]) == (["dispatcher@130203"], "奎")
    assert [one["place_en"] for one in browser.get("/api/v1/me").json()["grants"]] == ["Lubei"]
    admin.patch("/api/v1/accounts/quinn", json={"disabled": True})
    assert browser.get("/api/v1/me").status_code == 401
    assert scene.browser().post("/api/v1/session", json={"name": "quinn", "password": PASSWORD}).status_code == 401


def test_a_change_is_whole_or_not_at_all(scene: Scene, admin: httpx2.Client) -> None:
    scene.add("rosa", "viewer")

    answer = admin.patch("/api/v1/accounts/rosa", json={"display_name": "Changed", "grants": ["viewer@999999"]})

    assert answer.status_code == 404
    row = admin.get("/api/v1/accounts/rosa").json()
    assert (row["display_name"], row["grants"]) == ("Rosa", ["viewer"])


def test_one_administrator_stays(scene: Scene, admin: httpx2.Client) -> None:
    scene.conn.execute("UPDATE account SET disabled_at = now() WHERE name <> 'root' AND disabled_at IS NULL")

    assert admin.patch("/api/v1/accounts/root", json={"disabled": True}).status_code == 409
    assert admin.patch("/api/v1/accounts/root", json={"grants": ["viewer"]}).status_code == 409


@pytest.mark.parametrize("grants", [("engineer", "rule_author", "shift_leader"), ("admin@130203",)], ids=str)
def test_who_does_not_administer_the_whole_city_sees_no_accounts(scene: Scene, grants: tuple[str, ...]) -> None:
    key = add_key(scene.conn, f"small-{len(grants)}", *grants)

    for path in ("accounts", "accounts/root", "audit"):
        assert httpx2.get(f"{scene.address}/api/v1/{path}", headers=bearer(key), timeout=60).status_code == 403


def test_a_key_is_shown_once_and_acts_as_its_owner_within_what_he_may(scene: Scene, admin: httpx2.Client) -> None:
    scene.add("sven", "dispatcher")
    browser = scene.signed_in("sven")
    wish = {"name": "nightly", "grants": ["viewer@130203", "dispatcher@130203"]}

    made = browser.post("/api/v1/api-keys", json=wish).json()

    key = made["key"]
    assert key.startswith("cg_")
    (listed,) = browser.get("/api/v1/api-keys").json()["items"]
    assert key.startswith(listed["prefix"])
    assert key not in str(scene.conn.execute("SELECT k::text FROM api_key k").fetchall())
    who = httpx2.get(f"{scene.address}/api/v1/me", headers=bearer(key), timeout=60).json()
    assert (who["name"], who["is_program"]) == ("sven/nightly", True)
    assert [one["grant"] for one in who["grants"]] == wish["grants"]
    beyond = browser.post("/api/v1/api-keys", json={"name": "more", "grants": ["admin"]})
    assert beyond.status_code == 409
    admin.patch("/api/v1/accounts/sven", json={"grants": ["viewer"]})
    who = httpx2.get(f"{scene.address}/api/v1/me", headers=bearer(key), timeout=60).json()
    assert [one["grant"] for one in who["grants"]] == ["viewer@130203"]
    browser.request("DELETE", f"/api/v1/api-keys/{made['key_id']}", headers={"content-type": "application/json"})
    assert status(scene, key) == 401


def test_a_key_makes_no_keys_and_changes_no_password(scene: Scene) -> None:
    key = add_key(scene.conn, "tess", "viewer")
    client = httpx2.Client(base_url=f"{scene.address}/api/v1", headers=bearer(key), timeout=60)

    assert client.post("/api-keys", json={"name": "child"}).status_code == 403
    assert client.put("/me/password", json={"old": PASSWORD, "new": FRESH}).status_code == 403


def test_a_key_ends_when_it_was_said_to(scene: Scene) -> None:
    key = add_key(scene.conn, "uma", "viewer")
    scene.conn.execute("UPDATE api_key SET expires_at = %s WHERE prefix = %s", (scene.now, key[:9]))

    assert status(scene, key) == 401


@pytest.mark.parametrize("shown", ["cg_" + "x" * 43, "cg_", "nonsense", "a.b.c", "x" * 5000])
def test_a_made_up_key_lets_nobody_in(scene: Scene, shown: str) -> None:
    assert status(scene, shown) == 401


def test_a_new_password_ends_every_session_and_key_but_the_new_one(scene: Scene) -> None:
    scene.add("vera", "viewer")
    here, there = scene.signed_in("vera"), scene.signed_in("vera")
    key = here.post("/api/v1/api-keys", json={"name": "k"}).json()["key"]
    before = here.cookies["citygrid_session"]

    wrong = here.put("/api/v1/me/password", json={"old": "wrong", "new": FRESH})
    weak = here.put("/api/v1/me/password", json={"old": PASSWORD, "new": "password1234"})
    right = here.put("/api/v1/me/password", json={"old": PASSWORD, "new": FRESH})

    assert [answer.status_code for answer in (wrong, weak, right)] == [400, 400, 200]
    assert here.cookies["citygrid_session"] != before
    assert here.get("/api/v1/me").status_code == 200
    assert there.get("/api/v1/me").status_code == 401
    assert status(scene, key) == 401
    assert scene.signed_in("vera", FRESH).get("/api/v1/me").status_code == 200


@pytest.mark.parametrize("how", ["sign-out", "disabled", "granted otherwise", "expired"])
def test_a_live_stream_ends_soon_after_its_session(scene: Scene, admin: httpx2.Client, how: str) -> None:
    name = f"wim-{how[:4].strip()}"
    scene.add(name, "viewer")
    browser = scene.signed_in(name)
    with browser.stream("GET", "/api/v1/stream") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        if how == "sign-out":
            cookies = dict(browser.cookies)
            httpx2.request(
                "DELETE",
                f"{scene.address}/api/v1/session",
                cookies=cookies,
                headers={"content-type": "application/json"},
            )
        elif how == "expired":
            scene.conn.execute("UPDATE account_session SET expires_at = created_at")
        else:
            change = {"disabled": True} if how == "disabled" else {"grants": ["viewer@130203"]}
            admin.patch(f"/api/v1/accounts/{name}", json=change)
        rest = list(lines)
    assert rest[-2].startswith(": the stream ends")
    assert rest.count("event: heartbeat") == 1  # one comes at the start, the next after ten seconds


def test_the_audit_log_is_looked_through_by_who_what_and_when(scene: Scene, admin: httpx2.Client) -> None:
    scene.add("xena", "viewer")
    browser = scene.signed_in("xena")
    browser.post("/api/v1/api-keys", json={"name": "k"})
    scene.browser().post("/api/v1/session", json={"name": "xena", "password": "wrong"})

    def actions(**query: str | int) -> list[str]:
        return [one["action"] for one in admin.get("/api/v1/audit", params={"actor": "xena", **query}).json()["items"]]

    assert actions() == ["sign_in.failed", "key.make", "sign_in"]
    assert actions(action="sign_in") == ["sign_in.failed", "sign_in"]
    assert actions(action="key") == ["key.make"]
    assert actions(until="2020-01-01T00:00:00Z") == []
    first = admin.get("/api/v1/audit", params={"actor": "xena", "limit": 2}).json()
    assert len(first["items"]) == 2
    assert actions(limit=2, cursor=first["next"]) == ["sign_in"]
    assert first["items"][0]["detail"] == {"address": "127.0.0.1"}


def test_the_audit_log_is_a_file_without_formulas(scene: Scene, admin: httpx2.Client) -> None:
    scene.conn.execute(
        "INSERT INTO audit (at, actor, action, subject) VALUES (%s, 'abel', 'unknown.ignore', '=1+1')", (scene.now,)
    )

    text = admin.get("/api/v1/audit.csv", params={"actor": "abel"}).text

    heading, row = text.removeprefix("\ufeff").splitlines()
    assert heading == "audit_id,at,actor,action,subject,detail"
    assert row.split(",")[2:] == ["abel", "unknown.ignore", "'=1+1", "{}"]


def test_accounts_are_found_by_a_part_of_the_name(scene: Scene, admin: httpx2.Client) -> None:
    for name in ("beatrix-1", "beatrix-2"):
        scene.add(name)

    def names(**query: str | int) -> list[str]:
        return [one["name"] for one in admin.get("/api/v1/accounts", params=query).json()["items"]]

    assert names(q="EATRIX") == ["beatrix-1", "beatrix-2"]
    assert names(q="eatrix-2") == ["beatrix-2"]
    assert names(q="%") == []


def test_a_department_is_taken_away_and_the_log_says_what_was(scene: Scene, admin: httpx2.Client) -> None:
    scene.add("cora")
    (department,) = scene.conn.execute("SELECT min(department_id) FROM department").fetchone() or (0,)

    for wanted in (department, None):
        answer = admin.patch("/api/v1/accounts/cora", json={"display_name": "Cora", "department_id": wanted})
        assert answer.json()["department_id"] == wanted

    entries = admin.get("/api/v1/audit", params={"subject": "cora"}).json()["items"]
    assert [one["detail"] for one in entries] == [
        {"department_id": {"before": department, "after": None}},
        {"department_id": {"before": None, "after": department}},
    ]


def test_an_administrator_signs_somebody_out_and_revokes_a_key(scene: Scene, admin: httpx2.Client) -> None:
    scene.add("dora", "viewer")
    browser = scene.signed_in("dora")
    made = [browser.post("/api/v1/api-keys", json={"name": name}).json()["key"] for name in ("one", "two")]

    assert admin.delete("/api/v1/accounts/dora/sessions", headers=JSON).json()["name"] == "dora"
    assert browser.get("/api/v1/me").status_code == 401
    assert [status(scene, key) for key in made] == [200, 200]
    left = admin.delete("/api/v1/accounts/dora/api-keys/one", headers=JSON).json()["items"]
    assert ([one["name"] for one in left], [status(scene, key) for key in made]) == (["two"], [401, 200])
    assert admin.delete("/api/v1/accounts/dora/api-keys/one", headers=JSON).status_code == 404
    assert ("root/test", "key.revoke") in scene.audited("dora/one")


def test_everybodys_keys_are_listed_page_by_page(scene: Scene, admin: httpx2.Client) -> None:
    for name in ("edna", "emil"):
        add_key(scene.conn, name, "viewer")

    def listed(**query: str | int) -> tuple[list[str], str | None]:
        page = admin.get("/api/v1/account-keys", params=query).json()
        return [f"{one['account']}/{one['name']}" for one in page["items"]], page["next"]

    assert listed(account="edna") == (["edna/test"], None)
    every, _ = listed(limit=1000)
    assert {"edna/test", "emil/test"} <= set(every)
    first, cursor = listed(limit=1)
    assert first == every[:1]
    assert listed(limit=1, cursor=cursor or "")[0] == every[1:2]


def test_who_is_signed_in_elsewhere_ends_it_from_here(scene: Scene) -> None:
    scene.add("fred", "viewer")
    scene.add("gwen", "viewer")
    here, there, other = scene.signed_in("fred"), scene.signed_in("fred"), scene.signed_in("gwen")
    sessions = here.get("/api/v1/me/sessions").json()["items"]
    (elsewhere,) = [one["session_id"] for one in sessions if not one["is_this"]]

    assert other.delete(f"/api/v1/me/sessions/{elsewhere}", headers=JSON).status_code == 404
    left = here.delete(f"/api/v1/me/sessions/{elsewhere}", headers=JSON).json()["items"]

    assert [one["is_this"] for one in left] == [True]
    assert (here.get("/api/v1/me").status_code, there.get("/api/v1/me").status_code) == (200, 401)


def test_a_busy_client_costs_one_look_at_the_database(scene: Scene) -> None:
    key = add_key(scene.conn, "yves", "viewer")
    authenticator = scene.app.state.services.authenticator
    found: list[object] = []
    find = authenticator._find
    authenticator._find = lambda credential: found.append(credential) or find(credential)
    try:
        with httpx2.Client(base_url=scene.address, headers=bearer(key), timeout=60) as client:
            for _ in range(20):
                client.get("/api/v1/departments")
    finally:
        authenticator._find = find

    assert 1 <= len(found) <= 5


def test_answers_about_people_carry_the_protective_headers(scene: Scene) -> None:
    answer = scene.browser().post("/api/v1/session", json={"name": "nobody", "password": "x"})

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["www-authenticate"] == 'Bearer realm="CityGrid"'
