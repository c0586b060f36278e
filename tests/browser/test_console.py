"""The console in real Chromium, against the real API and database; incidents come out of the real rules."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import city
from tests.browser.conftest import Api, Heard, Visit

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(180)]

expect.set_options(timeout=20_000)


@pytest.fixture
def displaced(living_city: str) -> str:
    """A city in which one cover lies open."""
    city.tilt(living_city, 1, 37.4)
    return living_city


def rows(page: Page):
    return page.get_by_test_id("incident-list").locator(".row")


def detail(page: Page):
    return page.get_by_test_id("detail")


def map_is_drawn(page: Page) -> bool:
    return page.locator("canvas.maplibregl-canvas").count() == 1


def test_an_empty_list_says_what_would_fill_it(visit: Visit) -> None:
    page = visit("?lang=en")
    expect(page.get_by_text("An incident appears here by itself")).to_be_visible()


@pytest.mark.usefixtures("displaced")
def test_the_list_explains_an_incident_in_one_line(visit: Visit) -> None:
    page = visit("?lang=zh")
    row = rows(page).first
    expect(row).to_contain_text("井盖移位")
    expect(row).to_contain_text("37.4°")
    expect(row).to_contain_text("> 15°")
    expect(row).to_contain_text("乔屯街道")
    expect(row).to_contain_text("乔屯楼社区")
    expect(row).to_contain_text(re.compile("剩1小时59分|剩2小时"))
    assert map_is_drawn(page)


@pytest.mark.usefixtures("displaced")
def test_a_click_opens_the_detail_beside_the_map_with_its_evidence(visit: Visit) -> None:
    page = visit("?lang=en")
    rows(page).first.click()
    expect(detail(page).locator("canvas").first).to_be_visible()
    expect(detail(page).get_by_role("img", name=re.compile(r"tilt.*threshold 15°"))).to_be_visible()
    expect(detail(page).get_by_test_id("timeline")).to_contain_text("Reported by rule")
    expect(detail(page)).to_contain_text("1302030102000001")
    beside = detail(page).bounding_box()
    drawn = page.get_by_test_id("map").bounding_box()
    assert beside
    assert drawn
    assert drawn["x"] + drawn["width"] <= beside["x"] + 1
    assert "incident=1" in page.url


@pytest.mark.usefixtures("displaced")
def test_readings_of_the_device_can_be_switched_by_channel_and_span(visit: Visit) -> None:
    page = visit("?lang=en&device=MC-1")
    expect(detail(page).get_by_role("img", name=re.compile("tilt:"))).to_be_visible()
    detail(page).get_by_role("radio", name=re.compile("water level")).click()
    detail(page).get_by_role("button", name="1 h", exact=True).click()
    expect(detail(page).get_by_role("img", name=re.compile(r"water level: 0.20 m"))).to_be_visible()


def test_a_case_goes_its_way_through_the_hands_of_each_role(visit: Visit, displaced: str, api: Api) -> None:
    city.sql(displaced, "UPDATE incident SET stage = 'filed', filed_at = now(), department_id = NULL")
    page = visit("?lang=en")
    rows(page).first.click()
    panel = detail(page)

    def step(action: str, reason: str = "") -> None:
        panel.get_by_role("button", name=action, exact=True).click()
        if reason:
            panel.get_by_label("Reason").fill(reason)
        panel.get_by_role("button", name=action, exact=True).click()

    step("Dispatch")
    expect(panel.get_by_role("alert")).to_contain_text("department")
    panel.locator("select[name=department_id]").select_option(label="Drainage Office")
    panel.get_by_role("button", name="Dispatch", exact=True).click()
    expect(rows(page).first).to_contain_text("dispatched")
    expect(panel.get_by_test_id("timeline")).to_contain_text("lin · dispatcher")
    step("Accept")
    expect(rows(page).first).to_contain_text("in hand")
    step("Handled", "cover back in place")
    step("Send to check")
    step("Check failed", "it rattles")
    expect(rows(page).first).to_contain_text("in hand")
    step("Handled")
    step("Send to check")
    step("Check passed")
    step("Close")
    expect(rows(page)).to_have_count(0)
    expect(panel).to_contain_text("This case has ended")
    page.reload()
    history = page.request.get(f"{api.address}/api/v1/incidents/1").json()["history"]
    assert [step["to_stage"] for step in history][-3:] == ["checking", "checked", "closed"]


def test_a_new_incident_appears_without_a_reload(visit: Visit, living_city: str) -> None:
    page = visit("?lang=zh")
    expect(page.get_by_text("没有待办案件")).to_be_visible()
    expect(page.get_by_test_id("link")).to_have_text("实时")
    city.tilt(living_city, 2)
    expect(rows(page)).to_have_count(1, timeout=5_000)


def test_one_key_changes_the_language_and_the_address_keeps_it(visit: Visit, displaced: str) -> None:
    page = visit("?lang=zh")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("button", name="待办")).to_be_visible()
    rows(page).first.wait_for()
    page.keyboard.press("l")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(rows(page).first).to_contain_text("Manhole cover displaced")
    assert "lang=en" in page.url
    page.reload()
    expect(rows(page).first).to_contain_text("Manhole cover displaced")


def test_the_keyboard_alone_walks_the_list(visit: Visit, displaced: str) -> None:
    city.tilt(displaced, 2, 50)
    page = visit("?lang=en")
    expect(rows(page)).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(detail(page)).to_contain_text("#2")
    page.keyboard.press("k")
    expect(detail(page)).to_contain_text("#1")
    page.keyboard.press("Escape")
    expect(detail(page)).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("MC-3")
    page.keyboard.press("Enter")
    expect(detail(page)).to_contain_text("MC-3")


def test_filters_hide_rows_and_say_so(visit: Visit, displaced: str) -> None:
    page = visit("?lang=en&severity=minor")
    expect(page.get_by_text("1 open incidents are hidden")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(rows(page)).to_have_count(1)
    assert "severity" not in page.url


def test_search_finds_a_component_by_the_beginning_of_its_code(visit: Visit) -> None:
    page = visit("?lang=zh")
    page.get_by_role("combobox", name=re.compile("部件编码")).fill("130203010200000")
    page.get_by_role("option").filter(has_text="1302030102000004").click()
    expect(detail(page)).to_contain_text("污水井盖")
    expect(detail(page)).to_contain_text("单元网格")


@pytest.mark.parametrize("width", [390, 360])
def test_a_phone_shows_everything_without_sideways_scrolling(visit: Visit, displaced: str, width: int) -> None:
    page = visit("?lang=en", width=width, height=844)
    rows(page).first.click()
    expect(detail(page)).to_be_visible()
    sizes = page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]")
    assert max(sizes[:2]) <= sizes[2] == width
    sheet = detail(page).bounding_box()
    assert sheet
    assert sheet["width"] == width
    assert sheet["y"] > 200


def test_times_are_the_citys_own(visit: Visit, displaced: str, api: Api) -> None:
    page = visit("?lang=en&incident=1")
    opened = page.request.get(f"{api.address}/api/v1/incidents/1").json()["opened_at"]
    shown = page.evaluate(
        "at => new Intl.DateTimeFormat('sv-SE', {timeZone: 'Asia/Shanghai', dateStyle: 'short', timeStyle: 'medium'})"
        ".format(new Date(at))",
        opened,
    )
    expect(detail(page)).to_contain_text(shown)


def test_after_a_restart_of_the_api_the_page_catches_up_by_itself(visit: Visit, displaced: str, api: Api) -> None:
    page = visit("?lang=en")
    expect(rows(page)).to_have_count(1)
    api.stop()
    expect(page.get_by_test_id("lost")).to_contain_text(re.compile(r"Connection lost, data as of \d\d:\d\d:\d\d"))
    city.tilt(displaced, 3)
    api.start()
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_test_id("lost")).to_have_count(0)


def test_a_click_on_a_device_on_the_map_opens_it(visit: Visit) -> None:
    page = visit("?lang=en&at=118.1875,39.64,17")
    canvas = page.locator("canvas.maplibregl-canvas")
    box = canvas.bounding_box()
    assert box
    until_shown(page, lambda: canvas.click(position={"x": box["width"] / 2, "y": box["height"] / 2}))
    expect(detail(page)).to_contain_text("MC-1")


def test_it_says_nothing_to_the_console_and_asks_nobody_else(visit: Visit, displaced: str, heard: Heard) -> None:
    page = visit("?lang=zh&at=118.1875,39.64,16.5&incident=1")
    expect(detail(page).locator("canvas").first).to_be_visible()
    page.keyboard.press("l")
    page.keyboard.press("d")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    with page.expect_response(re.compile(r"/tiles/")):
        page.get_by_role("button", name="Whole city").click()
    city.bus(displaced, 118.19, 39.64)
    page.wait_for_load_state("load")
    assert heard.said == []
    assert heard.elsewhere == []


def until_shown(page: Page, click: Callable[[], None]) -> None:
    """Click until the map has drawn what is there; it draws when its tiles have come."""
    for _ in range(40):
        click()
        if detail(page).count():
            return
        page.wait_for_timeout(250)
