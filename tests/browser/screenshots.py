"""Take the pictures of docs/images from a running city: `python -m tests.browser.screenshots [ADDRESS]`.

Needs `citygrid demo` (or any CityGrid with incidents) and Debian's chromium and fonts-noto-cjk. Each picture is kept
below 600 kB.
"""

import argparse
import json
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import chromium

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LIMIT_BYTES = 600_000
DESKTOP = (1440, 900)
PHONE = (390, 844)
SETTLE_MS = 6_000
"""Tiles are drawn in software here; a graphics card needs a few frames."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: what it is called, how large, which theme, and what the address says."""

    name: str
    size: tuple[int, int]
    theme: str
    query: str


def pictures(incident: Mapping[str, Any]) -> list[Picture]:
    """Give the pictures, centred on an incident of the city."""
    number, lon, lat = incident["incident_id"], incident["lon"], incident["lat"]
    near = f"at={lon:.5f},{lat:.5f}"
    return [
        Picture("console-city-dark-zh", DESKTOP, "dark", "lang=zh"),
        Picture("console-incident-dark-zh", DESKTOP, "dark", f"lang=zh&{near},16.2&incident={number}"),
        Picture("console-district-light-en", DESKTOP, "light", f"lang=en&{near},15.2"),
        Picture("console-incident-light-en", DESKTOP, "light", f"lang=en&{near},16.2&incident={number}"),
        Picture("console-device-dark-en", DESKTOP, "dark", f"lang=en&{near},17&device={incident['device_label']}"),
        Picture("console-phone-list-dark-zh", PHONE, "dark", "lang=zh"),
        Picture("console-phone-incident-light-zh", PHONE, "light", f"lang=zh&{near},16&incident={number}"),
        Picture("console-phone-incident-dark-en", PHONE, "dark", f"lang=en&{near},16&incident={number}"),
    ]


def worst(address: str) -> dict[str, Any]:
    """Give an open incident worth a picture: a critical one with readings, if there is one."""
    with urllib.request.urlopen(f"{address}/api/v1/incidents?limit=500") as answer:
        rows: list[dict[str, Any]] = json.load(answer)["items"]
    if not rows:
        raise SystemExit(f"{address} has no open incident: let the demo run for a few minutes")
    return max(
        rows,
        key=lambda row: (row["severity"] == "critical", row["stage"] == "reported", len(row["evidence"]["readings"])),
    )


def take(browser: Browser, address: str, picture: Picture, folder: Path) -> Path:
    """Take one picture; raises `SystemExit` when it is too large to keep."""
    width, height = picture.size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=picture.theme, timezone_id="Asia/Shanghai"
    )
    page = context.new_page()
    page.goto(f"{address}/?{picture.query}")
    _settle(page)
    file = folder / f"{picture.name}.png"
    page.screenshot(path=file)
    context.close()
    if file.stat().st_size > LIMIT_BYTES:
        raise SystemExit(f"{file} has {file.stat().st_size} bytes; the limit is {LIMIT_BYTES}")
    return file


def _settle(page: Page) -> None:
    page.locator(".row").first.wait_for(timeout=60_000)
    expect(page.locator(".skeleton, .chart-wait")).to_have_count(0, timeout=60_000)
    page.wait_for_load_state("load")
    page.wait_for_timeout(SETTLE_MS)


def main() -> None:
    """Take all pictures, or those whose name contains the second argument."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8077", help="where the console is served")
    parser.add_argument("--only", default="", help="take only pictures whose name contains this")
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder for the pictures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    incident = worst(options.address)
    with chromium() as browser:
        for picture in pictures(incident):
            if options.only in picture.name:
                sys.stdout.write(f"{take(browser, options.address, picture, options.out)}\n")


if __name__ == "__main__":
    main()
