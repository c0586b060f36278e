"""Signing in and out in real Chromium: the page, the way back, the account menu, what failures look like."""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, BrowserContext, Page, expect

from people import sign_in
from storage.pool import OWNER, connect
from tests.browser.conftest import WAIT_MS, Api
from tests.credentials import add_account

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(180)]

PASSWORD, FRESH = "four plain words here", "five other words, just as plain"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
Open = Callable[..., Page]


@pytest.fixture
def account(living_city: str) -> str:
    with psycopg.connect(living_city) as conn:
        number = add_account(conn, "lin", "dispatcher@130203", "viewer")
        conn.execute(
            "UPDATE account SET display_name = '林晓', language = 'en', password_hash = %s WHERE account_id = %s",
            (CHEAP.hash(PASSWORD), number),
        )
    return "lin"


@pytest.fixture
def stranger(browser: Browser, api: Api, account: str) -> Iterator[Open]:
    """A window in which nobody is signed in."""
    contexts: list[BrowserContext] = []

    def go(path: str, *, width: int = 1200, height: int = 800) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{api.address}{path}")
        return page

    yield go
    for context in contexts:
        context.close()


def fill(page: Page, password: str) -> None:
    page.get_by_label("Account").fill("lin")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_who_signs_in_comes_back_to_where_he_was_and_out_again(stranger: Open) -> None:
    page = stranger("/?lang=en&list=ended")
    expect(page).to_have_url(re.compile(r"/login\?next="))

    fill(page, "not the password")
    expect(page.get_by_test_id("problem")).to_have_text("The account or the password is wrong.")
    fill(page, PASSWORD)

    page.get_by_test_id("summary").wait_for()
    expect(page).to_have_url(re.compile(r"/\?.*list=ended"))
    page.get_by_role("button", name="Account: 林晓").click()
    menu = page.get_by_test_id("account")
    expect(menu).to_contain_text("Dispatcher")
    expect(menu).to_contain_text("Lubei")
    expect(menu).to_contain_text("whole city")
    menu.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(page.url.partition("/login")[0] + "/")
    expect(page).to_have_url(re.compile(r"/login"))


def test_a_password_manager_knows_the_fields(stranger: Open) -> None:
    page = stranger("/login?lang=en")

    expect(page.get_by_label("Account")).to_have_attribute("autocomplete", "username")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("autocomplete", "current-password")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "password")
    page.get_by_label("Show the password").check()
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")


def test_after_many_failures_the_page_counts_down(stranger: Open, living_city: str) -> None:
    page = stranger("/login?lang=en")
    wait_until = datetime.now(UTC) + timedelta(seconds=75)
    with psycopg.connect(living_city) as conn:
        conn.execute("INSERT INTO sign_in_throttle VALUES ('account:lin', 9, now(), %s)", (wait_until,))

    fill(page, PASSWORD)

    expect(page.get_by_test_id("problem")).to_have_text(re.compile(r"Too many failed attempts: try again in 1:\d\d\."))
    expect(page.get_by_role("button", name="Sign in")).to_be_disabled()


def test_a_link_signs_in_and_does_not_stay_in_the_address(stranger: Open, living_city: str) -> None:
    async def made() -> str:
        async with await connect(living_city, role=OWNER, name="test") as conn:
            return await sign_in.make_link(conn, "lin", timedelta(minutes=10), datetime.now(UTC))

    with ThreadPoolExecutor(1) as pool:  # Playwright's own loop is running here
        token = pool.submit(asyncio.run, made()).result()

    page = stranger(f"/login?token={token}")
    page.get_by_test_id("summary").wait_for()
    assert token not in page.url
    again = stranger(f"/login?token={token}&lang=en")
    expect(again.get_by_test_id("problem")).to_contain_text("This link was used or is too old")
    assert token not in again.url


def test_a_new_password_takes_the_old_ones_place(stranger: Open) -> None:
    page = stranger("/login?lang=en")
    fill(page, PASSWORD)
    page.get_by_role("button", name="Account: 林晓").click()
    page.get_by_role("button", name="Change password").click()
    dialog = page.get_by_role("dialog", name="Change password")
    fields = ("Present password", "New password", "Once more")

    for field, value in zip(fields, ("wrong", FRESH, FRESH), strict=True):
        dialog.get_by_label(field).fill(value)
    dialog.get_by_role("button", name="Change password").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not the present password")
    dialog.get_by_label("Present password").fill(PASSWORD)
    dialog.get_by_role("button", name="Change password").click()
    expect(dialog).to_contain_text("The password is changed")

    other = stranger("/login?lang=en")
    fill(other, FRESH)
    other.get_by_test_id("summary").wait_for()


def test_the_page_fits_a_phone_in_chinese(stranger: Open) -> None:
    page = stranger("/login?lang=zh", width=360, height=640)

    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    expect(page.get_by_role("button", name="登录")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
