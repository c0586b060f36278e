"""A real Chromium for the console: Debian's, with WebGL drawn in software, and nothing that talks to the outside."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
)


def executable() -> str | None:
    """Give the path of the installed Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def launch(playwright: Playwright) -> Browser:
    """Start Chromium; raises `FileNotFoundError` with what to do when there is none."""
    path = executable()
    if path is None:
        raise FileNotFoundError("no Chromium on this machine: apt-get install chromium fonts-noto-cjk")
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


@contextmanager
def chromium() -> Iterator[Browser]:
    """Lend a Chromium."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            yield browser
        finally:
            browser.close()
