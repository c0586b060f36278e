"""The real API over a real database, looked at by a real Chromium."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import Browser, BrowserContext, Page

from runtime import server
from runtime.settings import Settings
from tests.browser import chromium, city, console_build
from tests.credentials import add_session

WAIT_MS = 20_000


class Api:
    """The API on one port, which can be stopped and started again."""

    def __init__(self, database: str, console: Path) -> None:
        self._settings = Settings(database_url=database, data_dir=Path("/nowhere"))
        self._console = console
        self._running: tuple[threading.Thread, server.uvicorn.Server] | None = None
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        listener = server.listen("127.0.0.1", self.port)
        self.port = listener.getsockname()[1]
        running = server.make_server(server.make_app(self._settings, console=self._console))
        thread = threading.Thread(target=lambda: asyncio.run(running.serve(sockets=[listener])))
        thread.start()
        wait = threading.Event()
        while not running.started:
            assert thread.is_alive()
            wait.wait(0.01)
        self._running = (thread, running)

    def stop(self) -> None:
        if self._running:
            thread, running = self._running
            running.should_exit = True
            thread.join()
            self._running = None


@dataclass
class Heard:
    """What a page said and asked for that it should not."""

    host: str
    said: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != self.host:
            self.elsewhere.append(url)


@pytest.fixture(scope="session")
def console() -> Path:
    try:
        return console_build.ensure_built()
    except RuntimeError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="module")  # not the session: Playwright's loop would stand in the way of later async tests
def browser() -> Iterator[Browser]:
    try:
        with chromium.chromium() as one:
            yield one
    except FileNotFoundError as error:
        pytest.fail(str(error))


@pytest.fixture
def living_city(database: str) -> str:
    city.build(database)
    return database


@pytest.fixture
def api(living_city: str, console: Path) -> Iterator[Api]:
    one = Api(living_city, console)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def heard(api: Api) -> Heard:
    return Heard(urlsplit(api.address).netloc)


Visit = Callable[..., Page]


@pytest.fixture
def session(living_city: str) -> str:
    """The token of an administrator's session."""
    with psycopg.connect(living_city) as conn:
        return add_session(conn, "lin", "admin")


def cookie(address: str, token: str) -> SetCookieParam:
    return {"name": "citygrid_session", "value": token, "url": address, "httpOnly": True, "sameSite": "Strict"}


@pytest.fixture
def visit(browser: Browser, api: Api, heard: Heard, session: str) -> Iterator[Visit]:
    """Open the console in a window of its own, signed in; in New York, so that the city's own time shows."""
    contexts: list[BrowserContext] = []

    def go(query: str = "?lang=zh", *, width: int = 1200, height: int = 800) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            timezone_id="America/New_York",
            reduced_motion="reduce",
            color_scheme="dark",
        )
        context.set_default_timeout(WAIT_MS)
        context.add_cookies([cookie(api.address, session)])
        contexts.append(context)
        page = context.new_page()
        heard.watch(page)
        page.goto(f"{api.address}/{query}")
        page.get_by_test_id("summary").wait_for()
        return page

    yield go
    for context in contexts:
        context.close()
