"""`citygrid people`: accounts, grants, keys, sessions; and the accounts of the demo."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from cli.people import app
from core.errors import InvalidInput, NotFound
from runtime.demo.people import welcome
from runtime.settings import Settings
from tests.credentials import bearer
from tests.integration.people.conftest import PASSWORD, Scene


def citygrid(scene: Scene, *arguments: str, typed: str = "") -> Any:
    environment = {"CITYGRID_DATABASE_URL": scene.url}
    result = CliRunner().invoke(app, arguments, input=typed, env=environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.stdout


def test_an_account_from_its_first_password_to_its_end(scene: Scene) -> None:
    citygrid(scene, "add", "Nora", "--display", "诺拉", "--grant", "viewer", "--json", typed=f"{PASSWORD}\n")
    citygrid(scene, "grant", "nora", "dispatcher@130203", "inspector@grid:P1")
    citygrid(scene, "ungrant", "nora", "viewer")
    key = citygrid(scene, "key", "nora", "nightly", "--grant", "viewer@130203", "--for", "90d", "--json")["key"]
    browser = scene.signed_in("nora")

    (row,) = [row for row in citygrid(scene, "list", "--json")["items"] if row["name"] == "nora"]
    assert (row["display_name"], row["grants"], row["keys"]) == ("诺拉", ["dispatcher@130203", "inspector@grid:P1"], 1)
    who = httpx2.get(f"{scene.address}/api/v1/me", headers=bearer(key), timeout=60).json()
    assert (who["name"], [one["grant"] for one in who["grants"]]) == ("nora/nightly", ["viewer@130203"])
    assert len(citygrid(scene, "sessions", "nora", "--json")["items"]) == 1

    citygrid(scene, "disable", "nora")

    assert citygrid(scene, "sessions", "nora", "--json")["items"] == []
    assert citygrid(scene, "keys", "nora", "--json")["items"] == []
    scene.app.state.services.authenticator.forget_all()
    assert browser.get("/api/v1/me").status_code == 401
    actions = [action for _, action in scene.audited("nora")]
    assert actions == ["account.add", "account.grants", "account.grants", "sign_in", "account.disable"]


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("too short\n", "too short"),
        ("qwertyuiop123\n", "tried first"),
        ("citygrid-olga\n", "tried first"),
        ("\n", "short"),
    ],
)
def test_a_bad_password_is_refused_with_the_reason(scene: Scene, typed: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        citygrid(scene, "add", "olga", typed=f"{typed}\n")


@pytest.mark.parametrize("bad", ["king", "viewer@999999", "inspector@grid:P99", "viewer@"])
def test_a_grant_that_means_nothing_is_refused(scene: Scene, bad: str) -> None:
    with pytest.raises((InvalidInput, NotFound)):
        citygrid(scene, "add", "paul", "--grant", bad, "--without-password")


def test_the_demo_has_an_account_for_each_role_and_a_link_that_works(scene: Scene, tmp_path: Path) -> None:
    settings = Settings(database_url=scene.url, data_dir=tmp_path)

    first = asyncio.run(welcome(settings))
    again = asyncio.run(welcome(settings))

    file = tmp_path / "secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passwords = json.loads(file.read_text())["people"]
    assert set(passwords) == set(first.names)
    browser = scene.browser()
    assert browser.post("/api/v1/session", json={"token": first.token}).status_code == 200
    assert browser.get("/api/v1/me").json()["name"] == "admin"
    statuses = [
        httpx2.get(f"{scene.address}/api/v1/me", headers=bearer(entry.key), timeout=60).status_code
        for entry in (first, again)
    ]
    assert statuses == [401, 200]
    rows = scene.conn.execute("SELECT name, password_hash FROM account WHERE created_by = 'demo'").fetchall()
    assert {name for name, _ in rows} == set(passwords)
    assert all(hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$") for _, hashed in rows)
