"""The API served by uvicorn on a loopback port, over a small city in a real database; its clock stands at `NOW`.

Clients made here are an administrator's.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from psycopg import conninfo

from runtime import server
from runtime.settings import Settings
from tests.conftest import Cluster, create_database, drop_database
from tests.credentials import administrator
from tests.integration.api.city import NOW, build

ADMINISTRATORS: dict[str, Mapping[str, str]] = {}
"""The header of each database's administrator, by the database's address."""
SERVED: dict[str, str] = {}
"""Which database stands behind which address."""


@contextmanager
def serving(
    url: str,
    *,
    console: Path = Path("/nowhere"),
    clock: Callable[[], datetime] = lambda: NOW,
    around: Callable[[FastAPI], None] = lambda _: None,
) -> Iterator[str]:
    """Serve the database at `url` in a thread of its own and give the server's address; `around` may wrap the app."""
    app = server.make_app(Settings(database_url=url, data_dir=Path("/nowhere")), clock=clock, console=console)
    around(app)
    with server.listen("127.0.0.1", 0) as listener:
        running = server.make_server(app)
        thread = threading.Thread(target=lambda: asyncio.run(running.serve(sockets=[listener])))
        thread.start()
        wait = threading.Event()
        while not running.started:
            assert thread.is_alive()
            wait.wait(0.01)
        try:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            SERVED[address] = url
            yield address
        finally:
            running.should_exit = True
            thread.join()


def signed_in(address: str) -> Mapping[str, str]:
    """Give the header that makes a request of the API at `address` an administrator's."""
    url = SERVED[address]
    if url not in ADMINISTRATORS:
        ADMINISTRATORS[url] = administrator(url)
    return ADMINISTRATORS[url]


@asynccontextmanager
async def calling(address: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client: with these headers, or an administrator's."""
    shown = signed_in(address) if headers is None else headers
    async with httpx2.AsyncClient(base_url=address, timeout=60, headers=shown) as client:
        yield client


@pytest.fixture(scope="session")
def shared_city(cluster: Cluster, template_database: str) -> Iterator[str]:
    """A database with the small city, for tests that only read."""
    name = create_database(cluster, template_database)
    url = conninfo.make_conninfo(cluster.database_url, dbname=name)
    with psycopg.connect(url) as conn:
        build(conn)
    yield url
    drop_database(cluster, name)


@pytest.fixture(scope="session")
def shared_address(shared_city: str) -> Iterator[str]:
    with serving(shared_city) as address:
        yield address


@pytest.fixture
async def api(shared_address: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the API over the shared city: only for reading."""
    async with calling(shared_address) as client:
        yield client


@pytest.fixture
def city(database: str) -> str:
    """A database with the small city, for one test alone."""
    with psycopg.connect(database) as conn:
        build(conn)
    return database


@pytest.fixture
def own_address(city: str) -> Iterator[str]:
    with serving(city) as address:
        yield address


@pytest.fixture
async def own_api(own_address: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the API over a city of its own."""
    async with calling(own_address) as client:
        yield client
