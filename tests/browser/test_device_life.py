"""A device's life on its page in real Chromium, on a phone and by keyboard: maintenance and back, replaced, retired."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import city
from tests.browser.conftest import Heard, Visit

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(180)]

MESSAGE = """
INSERT INTO device_message (device_id, received_at, topic, payload, bytes)
SELECT device_id, now(), 'citygrid/v1/130203/manhole/MC-2/telemetry', '{"seq":17}', 10 FROM device WHERE label = 'MC-2'
"""


def step(page: Page, name: str, *, reason: str = "", follower: str = "") -> None:
    """Take a step by keyboard: its button, its fields, Enter."""
    panel = page.get_by_test_id("detail")
    panel.get_by_role("button", name=name, exact=True).press("Enter")
    form = panel.get_by_test_id("step-form")
    if follower:
        form.get_by_label("New device's label").fill(follower)
    field = form.get_by_label("Reason")
    field.fill(reason)
    field.press("Enter")


def test_an_engineer_takes_a_device_through_its_life_on_a_phone(visit: Visit, living_city: str, heard: Heard) -> None:
    city.sql(living_city, MESSAGE)
    page = visit("?lang=en&device=MC-2", width=360, height=740)
    panel = page.get_by_test_id("detail")
    life = panel.get_by_test_id("life")

    step(page, "To maintenance")
    expect(panel.get_by_role("alert")).to_contain_text("Say why")
    panel.get_by_role("button", name="Back", exact=True).click()
    step(page, "To maintenance", reason="frame is raised")
    expect(life.get_by_role("listitem").first).to_contain_text("frame is raised")
    step(page, "Back into service")
    expect(panel.get_by_role("status").filter(has_text="MC-2: in service")).to_be_visible()

    panel.get_by_role("button", name="Edit", exact=True).click()
    panel.get_by_label("Firmware").fill("1.4.2")
    panel.get_by_role("button", name="Save").click()
    expect(life).to_contain_text("Firmware 1.4.2")
    panel.get_by_role("button", name="Show", exact=True).click()
    expect(panel.get_by_test_id("raw-message")).to_contain_text('{"seq":17}')

    step(page, "Replace or take down", reason="battery", follower="MC-777")
    expect(life).to_contain_text("replaced by MC-777")
    step(page, "Retire", reason="corroded")
    expect(panel).to_contain_text("Its life has ended")
    panel.get_by_role("button", name=re.compile("1302030102000002")).last.click()
    expect(panel).to_contain_text("MC-2")
    expect(panel).to_contain_text("replaced by MC-777")
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1] == 360
    assert heard.said == []
