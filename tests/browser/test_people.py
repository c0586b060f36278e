"""Accounts, keys, the audit log and silences on their pages, as people use them; over the real API."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from psycopg import conninfo

from tests import small_city
from tests.browser.conftest import WAIT_MS, Api, cookie
from tests.conftest import Cluster, create_database, drop_database
from tests.credentials import add_session, bearer

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(120)]

STREET = "130203001"
OTHER = """
INSERT INTO area (area_code, level, parent_code, name_zh, name_en) VALUES
    ('130202', 'district', '130200', '路南区', 'Lunan District')
"""


@dataclass(frozen=True, slots=True)
class Town:
    """A small city, its API, and who is signed in there: an administrator and an operator of one district."""

    api: Api
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def town(cluster: Cluster, template_database: str, console: Path) -> Iterator[Town]:
    name = create_database(cluster, template_database)
    database = conninfo.make_conninfo(cluster.database_url, dbname=name)
    small_city.build(database)
    with psycopg.connect(database) as conn:
        conn.execute(OTHER)
        tokens = {
            "root": add_session(conn, "root", "admin"),
            "olga": add_session(conn, "olga", "operator@130203"),
        }
    api = Api(database, console)
    api.start()
    yield Town(api, tokens)
    api.stop()
    drop_database(cluster, name)


Open = Callable[..., Page]


@pytest.fixture
def page_of(browser: Browser, town: Town) -> Iterator[Open]:
    """Open a page in a window of its own, signed in or not."""
    contexts: list[BrowserContext] = []

    def go(who: str | None, path: str, *, lang: str = "en", width: int = 1100) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce")
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        if who:
            context.add_cookies([cookie(town.api.address, town.tokens[who])])
        page = context.new_page()
        page.goto(f"{town.api.address}{path}?lang={lang}")
        return page

    yield go
    for context in contexts:
        context.close()


def ask(page: Page, button: str) -> None:
    """Press a button that asks first, and say yes."""
    page.get_by_role("button", name=button).click()
    page.locator("form.ask").get_by_role("button", name=button).click()


def test_who_is_added_for_a_street_signs_in_and_is_refused_what_is_not_his(page_of: Open, town: Town) -> None:
    page = page_of("root", "/people")
    page.get_by_role("button", name="Add an account").click()
    page.get_by_label("Account", exact=True).fill("wei")
    page.get_by_label("Name", exact=True).fill("魏工")
    page.get_by_label("Role", exact=True).select_option("operator")
    page.get_by_label("District").select_option(label="Lubei District")
    page.get_by_label("Street or patrol grid").select_option(label="Qiaotun Street")
    page.get_by_role("button", name="Add this role").click()
    page.get_by_role("button", name="Add", exact=True).click()
    password = page.get_by_label("Password of wei").input_value()
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_role("heading", name="魏工")).to_be_visible()
    expect(page.locator(".grant-list")).to_have_text(re.compile("Operator · Lubei District · Qiaotun Street"))
    expect(page.get_by_test_id("shown-once")).to_have_count(0)

    his = page_of(None, "/people/accounts")
    his.get_by_label("Account").fill("wei")
    his.get_by_label("Password", exact=True).fill(password)
    his.get_by_role("button", name="Sign in").click()
    expect(his.get_by_text("This is for administrators of the whole city")).to_be_visible()
    assert his.evaluate("fetch('/api/v1/accounts').then((answer) => answer.status)") == 403
    his.get_by_role("link", name="My account").click()
    expect(his.get_by_role("tab")).to_have_text(["My account"])
    expect(his.get_by_text("Operator · Qiaotun Street")).to_be_visible()

    his.goto(f"{town.api.address}/silences/new?lang=en")
    expect(his.get_by_label("Street or patrol grid")).to_have_value(STREET)
    his.get_by_label("District").select_option(label="Lunan District")
    his.get_by_label("Reason").fill("not mine")
    his.get_by_role("button", name="Silence", exact=True).click()
    expect(his.get_by_role("alert")).to_contain_text("refused")


def test_a_key_is_shown_once_works_and_ends_and_the_log_tells_of_it(page_of: Open, town: Town) -> None:
    page = page_of("olga", "/people/me")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("What for").fill("nightly")
    page.get_by_role("button", name="Make a key").click()
    key = page.get_by_label("New key nightly").input_value()
    assert status(town, key) == 200
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_test_id("key")).to_contain_text(key[:8])
    expect(page.get_by_test_id("shown-once")).to_have_count(0)

    ask(page, "Revoke")
    expect(page.get_by_text("You have no API keys")).to_be_visible()
    assert status(town, key) == 401

    page = page_of("root", "/people/audit")
    page.get_by_label("Who").fill("olga")
    page.get_by_label("Action").select_option(label="API keys")
    page.get_by_role("button", name="Find").click()
    rows = page.get_by_test_id("audit").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Key revoked")
    expect(rows.nth(1)).to_contain_text("olga/nightly")
    exported = page.request.get(page.get_by_role("link", name="Export CSV").evaluate("(link) => link.href")).text()
    assert [line.split(",")[3] for line in exported.splitlines()] == ["action", "key.revoke", "key.make"]


def status(town: Town, key: str) -> int:
    return httpx2.get(f"{town.api.address}/api/v1/me", headers=bearer(key), timeout=60).status_code


def test_a_silence_is_created_listed_and_ended_with_a_reason(page_of: Open) -> None:
    page = page_of("olga", "/silences")
    expect(page.get_by_text("Nothing is silenced or planned to be")).to_be_visible()
    page.get_by_role("button", name="New").click()
    page.get_by_label("Device label").fill("MC-1")
    page.get_by_label("Only at set times").check()
    page.get_by_label("Sunday").check()
    page.get_by_label("From", exact=True).fill("22:00")
    page.get_by_label("To (before").fill("06:00")
    page.get_by_label("Reason").fill("works on the cable")
    page.get_by_role("button", name="Silence", exact=True).click()

    card = page.get_by_test_id("silence")
    windows = ("Sunday 22:00–24:00", "Monday 00:00–06:00")
    for text in ("device MC-1", "Lubei District", *windows, "olga: works on the cable"):
        expect(card).to_contain_text(text)
    card.get_by_role("button", name="End").click()
    card.get_by_label("Reason").fill("works are done")
    card.get_by_role("button", name="End").click()

    expect(page.get_by_text("Nothing is silenced or planned to be")).to_be_visible()
    page.get_by_role("button", name="Ended").click()
    expect(card).to_contain_text("Ended early by olga: works are done")


def test_the_last_administrator_is_told_why_he_stays_and_a_phone_shows_it_in_chinese(page_of: Open, town: Town) -> None:
    page = page_of("root", "/people/accounts/root", lang="zh", width=360)
    ask(page, "停用账号")
    expect(page.get_by_role("alert")).to_contain_text("最后一名全市管理员")

    for tab, shown in (("账号", "olga"), ("API 密钥", "密钥"), ("审计", "导出 CSV"), ("我的账号", "本浏览器")):
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.get_by_role("tabpanel", name=tab, exact=True).get_by_text(shown).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, tab
    page.keyboard.press("Home")
    expect(page.get_by_role("tab", name="账号", exact=True)).to_be_focused()
    page.goto(f"{town.api.address}/silences/new?lang=zh")
    page.get_by_label("只在每天的固定时段").check()
    expect(page.get_by_label("周一")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
