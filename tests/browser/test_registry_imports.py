"""Sending a survey in real Chromium, on a phone: checked, imported, bad rows to mend; a viewer only looks."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests import small_city
from tests.browser import session
from tests.browser.conftest import WAIT_MS, Api

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(240)]

expect.set_options(timeout=20_000)
SURVEY = """code,state,x,y
1302030102000901,完好,118.1831,39.6401
1302030102000000,完好,118.1841,39.6402
"""
Open = Callable[..., Page]


@pytest.fixture
def open_registry(browser: Browser, database: str, console: Path) -> Iterator[Open]:
    """Open a tab of `/registry`, signed in as an engineer of the whole city unless told."""
    small_city.build(database)
    api = Api(database, console)
    api.start()
    contexts: list[BrowserContext] = []

    def go(tab: str, *, lang: str = "en", width: int = 360, grant: str = "engineer") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 740}, reduced_motion="reduce")
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        session.sign_in(database, api.address, context, f"{grant[:3]}{len(contexts)}", grant)
        page = context.new_page()
        page.goto(f"{api.address}/registry/{tab}?lang={lang}")
        return page

    yield go
    for context in contexts:
        context.close()
    api.stop()


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_survey_is_checked_then_imported_and_its_bad_rows_come_back(open_registry: Open, tmp_path: Path):
    file = tmp_path / "井盖.csv"
    file.write_text(SURVEY, encoding="utf-8")
    page = open_registry("surveys")
    page.get_by_label("Choose a file").set_input_files(file)

    page.get_by_role("button", name="Only check").click()

    expect(page.get_by_role("status")).to_contain_text("2 rows: 1 can be loaded, 1 are refused")
    expect(page.get_by_role("cell", name="serial zero").first).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download the rows to mend").click()
    assert "code_serial_zero" in saved.value.path().read_text(encoding="utf-8-sig")
    assert fits(page)

    page.get_by_role("button", name="Import", exact=True).click()

    expect(page.get_by_role("heading", name="井盖.csv")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download the rows to mend").click()
    assert re.fullmatch(r"survey-\d+-refused\.csv", saved.value.suggested_filename)
    page.get_by_role("button", name="All surveys").click()
    expect(page.get_by_role("button", name="· 井盖.csv")).to_be_visible()
    assert fits(page)

    viewer = open_registry("surveys", grant="viewer", width=1200)
    expect(viewer.get_by_role("cell", name="井盖.csv")).to_be_visible()
    expect(viewer.get_by_label("Choose a file")).to_have_count(0)


def test_how_much_of_a_large_file_is_sent_can_be_seen(open_registry: Open, tmp_path: Path):
    file = tmp_path / "large.csv"
    file.write_text(SURVEY + "\n" * 3_000_000, encoding="utf-8")
    page = open_registry("surveys")
    line = page.context.new_cdp_session(page)
    a_megabyte_a_second = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1_000_000}
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", a_megabyte_a_second)
    page.get_by_label("Choose a file").set_input_files(file)

    page.get_by_role("button", name="Only check").click()

    bar = page.get_by_role("progressbar", name="Sent")
    expect(bar).to_have_attribute("max", str(file.stat().st_size))
    expect(bar).to_have_attribute("value", re.compile(r"[1-9]\d*"))
    expect(page.get_by_text(re.compile(r"^[\d.]+ [kM]B of 2\.9 MB$"))).to_be_visible()
    assert fits(page)
    expect(page.get_by_role("status")).to_contain_text("2 rows: 1 can be loaded", timeout=WAIT_MS)
    expect(bar).to_have_count(0)
