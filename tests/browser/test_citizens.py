"""The page for citizens, in a real browser over the real API: no account, a list and a map, a phone, a keyboard."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, Geolocation, Page, expect

from components_registry import public_places
from tests import small_city
from tests.browser.conftest import WAIT_MS, Api, Heard

PLACES = """
INSERT INTO component_class (catalogue_id, class_code, major_zh, major_en, name_zh, name_en, geometry_kind, subsystem,
                             department_zh, department_en, source, certainty)
SELECT %(catalogue)s, code, '', '', '', '', 'point', '', '', '', '', '' FROM unnest('{0301,0142,0150}'::text[]) AS code;
"""
PLACE = """
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, unit_grid_id, data_source, geom)
SELECT '130203' || o.class_code || lpad(n::text, 6, '0'), %(catalogue)s, o.class_code, '130203', o.called || n,
       'intact', 1, 'survey', ST_SetSRID(ST_MakePoint(118.18 + n * 0.002, 39.64 + o.north), 4326)
FROM (VALUES ('0301', '公厕', 0.0), ('0142', '邮筒', 0.001), ('0150', '电子眼', 0.002))
     AS o (class_code, called, north),
     generate_series(1, 4) AS n
"""
OUTLINES = "UPDATE area SET geom = (SELECT ST_Multi(ST_Union(geom)) FROM unit_grid) WHERE level = 'district'"
HERE = Geolocation(longitude=118.1881, latitude=39.64)


@pytest.fixture
def living_city(database: str) -> str:
    small_city.build(database)
    catalogue = public_places.load().catalogue
    with psycopg.connect(database) as conn:
        conn.execute(OUTLINES)
        conn.execute(PLACES.replace("%(catalogue)s", f"'{catalogue}'").encode())
        conn.execute(PLACE, {"catalogue": catalogue})
    return database


@pytest.fixture
def phone(browser: Browser, api: Api) -> Iterator[Page]:
    """A phone whose owner lets the page know where he is."""
    context = browser.new_context(
        viewport={"width": 360, "height": 740},
        has_touch=True,
        geolocation=HERE,
        permissions=["geolocation"],
        reduced_motion="reduce",
        color_scheme="dark",
    )
    context.set_default_timeout(WAIT_MS)
    yield context.new_page()
    context.close()


def test_a_citizen_finds_what_is_nearest_on_a_phone_without_an_account(phone: Page, api: Api) -> None:
    heard = Heard(urlsplit(api.address).netloc)
    heard.watch(phone)
    phone.goto(f"{api.address}/citizens?lang=zh")
    items = phone.locator(".places li")
    expect(items).to_have_count(8)
    expect(phone.locator("body")).not_to_contain_text("电子眼")

    phone.get_by_role("button", name="我的位置").tap()
    expect(phone.get_by_text("按与您的距离排列")).to_be_visible()
    expect(items.first).to_contain_text("公厕4")
    expect(items.first).to_contain_text("9 m")
    phone.get_by_role("button", name=re.compile("邮筒")).first.tap()
    expect(items).to_have_count(4)
    expect(items.first).to_contain_text("110 m")
    expect(items.first).not_to_contain_text("邮筒4")  # of post boxes the list tells the address only
    items.first.get_by_role("button").tap()
    expect(items.first.get_by_role("button")).to_have_attribute("aria-pressed", "true")
    sizes = phone.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes == [360, 360]
    assert heard.elsewhere == []
    assert [line for line in heard.said if line.startswith("error")] == []
    asked = phone.evaluate("performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)")
    assert {path.split("/")[3] for path in asked if path.startswith("/api/")} == {"public"}


def test_the_list_works_with_the_keyboard_and_in_english(browser: Browser, api: Api) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light", reduced_motion="reduce")
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{api.address}/citizens?lang=en")
    expect(page.locator(".places li")).to_have_count(8)
    kind = page.get_by_role("button", name=re.compile("Post boxes"))
    kind.first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".places li")).to_have_count(4)
    page.locator(".place").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".place").nth(1)).to_have_attribute("aria-pressed", "true")
    assert "kind=post_box" in page.url
    page.close()


def test_a_city_that_opens_nothing_says_so(browser: Browser, api: Api, living_city: str) -> None:
    with psycopg.connect(living_city) as conn:
        conn.execute("UPDATE component SET state = 'removed'")
    page = browser.new_page(reduced_motion="reduce")
    page.goto(f"{api.address}/citizens?lang=en")
    expect(page.get_by_text("No places are open")).to_be_visible(timeout=WAIT_MS)
    page.close()
