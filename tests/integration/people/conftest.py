"""The API over a small city, with a clock that the tests turn and passwords that are hashed cheaply."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from psycopg import Connection, conninfo

from people.passwords import Passwords
from runtime import server
from runtime.settings import Settings
from tests.conftest import Cluster, create_database, drop_database
from tests.credentials import add_account
from tests.integration.api.city import NOW, build

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "four plain words here"


@dataclass
class Scene:
    """A running API and its database."""

    url: str
    address: str = ""
    now: datetime = NOW
    conn: Connection = field(init=False)
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        self.conn = psycopg.connect(self.url, autocommit=True)

    def add(self, name: str, *grants: str, password: str | None = PASSWORD) -> int:
        """Add an account that can sign in."""
        number = add_account(self.conn, name, *grants)
        if password:
            self.conn.execute(
                "UPDATE account SET password_hash = %s WHERE account_id = %s", (CHEAP.hash(password), number)
            )
        return number

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def browser(self) -> httpx2.Client:
        """A client with cookies of its own."""
        return httpx2.Client(base_url=self.address, timeout=60)

    def signed_in(self, name: str, password: str = PASSWORD) -> httpx2.Client:
        client = self.browser()
        answer = client.post("/api/v1/session", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        return client

    def audited(self, subject: str) -> list[tuple[str, str]]:
        rows = self.conn.execute(
            "SELECT actor, action FROM audit WHERE subject = %s ORDER BY audit_id", (subject,)
        ).fetchall()
        return [(actor, action) for actor, action in rows]


@pytest.fixture(scope="session")
def people_url(cluster: Cluster, template_database: str) -> Iterator[str]:
    name = create_database(cluster, template_database)
    url = conninfo.make_conninfo(cluster.database_url, dbname=name)
    with psycopg.connect(url) as conn:
        build(conn)
    yield url
    drop_database(cluster, name)


@contextmanager
def serving(url: str, **settings: Any) -> Iterator[Scene]:
    """Serve the database at `url` in a thread of its own."""
    scene = Scene(url)
    config = Settings(database_url=url, data_dir=Path("/nowhere"), **settings)
    scene.app = app = server.make_app(
        config, clock=lambda: scene.now, console=Path("/nowhere"), passwords=Passwords(CHEAP)
    )
    with server.listen("127.0.0.1", 0) as listener:
        scene.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        running = server.make_server(app, config.http_proxies)
        thread = threading.Thread(target=lambda: asyncio.run(running.serve(sockets=[listener])))
        thread.start()
        wait = threading.Event()
        while not running.started:
            assert thread.is_alive()
            wait.wait(0.01)
        yield scene
        running.should_exit = True
        thread.join()
    scene.conn.close()


@pytest.fixture(scope="session")
def running_scene(people_url: str) -> Iterator[Scene]:
    with serving(people_url) as scene:
        yield scene


@pytest.fixture
def scene(running_scene: Scene) -> Scene:
    """Accounts of other tests stay; failed sign-ins are forgotten. Each test takes names of its own."""
    running_scene.conn.execute("TRUNCATE sign_in_throttle, sign_in_place")
    return running_scene
