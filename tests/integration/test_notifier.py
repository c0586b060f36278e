"""The outbox drained to real servers over HTTP and SMTP."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection

from alerts import channels, delivery, message, route, routefile
from alerts.delivery import Post
from core.errors import InvalidInput
from runtime import notifier

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


class Receiver:
    """A webhook that remembers what it got and answers as it is told."""

    def __init__(self) -> None:
        receiver = self
        self.status = 200
        self.got: list[dict[str, str]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.called = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.called.set()
                receiver.hold.wait(20)
                receiver.got.append(json.loads(body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.hold.set()
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("SET timezone = 'UTC'")
        yield connection


async def incident(conn: AsyncConnection, number: int = 1, severity: str = "major", district: str = "130202") -> None:
    """An incident that is open."""
    await conn.execute(
        """
        INSERT INTO incident (incident_id, cause, rule, severity, title_zh, title_en, stage, district_code, origin,
            fired_ts, opened_at, deadline, evidence, geom)
        VALUES (%(number)s, 'R/device:' || %(number)s, 'CoverDisplaced', %(severity)s, '井盖', 'cover', 'reported',
            %(district)s, 0, %(now)s, %(now)s, %(now)s, '{}', ST_SetSRID(ST_MakePoint(118.1, 39.6), 4326))
        ON CONFLICT DO NOTHING
        """,
        {"number": number, "severity": severity, "district": district, "now": NOW},
    )


async def put(
    conn: AsyncConnection, kind: str = "opened", number: int = 1, *, role: str = "system", **more: str
) -> int:
    """A transition of an incident with its outbox row, in one transaction, as the journey writes them."""
    async with conn.transaction():
        await incident(conn, number, **more)
        stage = {"opened": "reported", "closed": "closed"}.get(kind, kind)
        if stage == "closed":
            await conn.execute(
                "UPDATE incident SET stage = 'closed', outcome = 'recovered' WHERE incident_id = %s", (number,)
            )
        cursor = await conn.execute(
            """
            WITH event AS (
                INSERT INTO incident_event (incident_id, at, actor, role, kind, to_stage)
                VALUES (%s, %s, 'rule R', %s, %s, %s) RETURNING event_id
            )
            INSERT INTO outbox (event_id, channel, payload, created_at)
            SELECT event_id, 'apprise', '{}', %s FROM event RETURNING event_id
            """,
            (number, NOW, role, kind, stage, NOW),
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


def plain(addresses: str) -> Post:
    return delivery.post_office(route.plain(addresses.split()), ZONE)


def routed(text: str, addresses: str = "") -> Post:
    urls = addresses.split()
    return delivery.post_office(routefile.parse(text, "routes.yaml", ZONE.key, urls, lambda _: "unread"), ZONE)


async def drain(conn: AsyncConnection, post: Post | str, at: datetime = NOW) -> int:
    return await notifier.drain(conn, plain(post) if isinstance(post, str) else post, lambda: at)


async def fetch(conn: AsyncConnection, query: str) -> list[tuple[object, ...]]:
    return await (await conn.execute(query.encode())).fetchall()


async def test_a_due_notice_is_sent_and_marked(conn: AsyncConnection, receiver: Receiver) -> None:
    await put(conn)

    tried = await drain(conn, receiver.url)

    assert tried == 1
    assert [post["title"] for post in receiver.got] == ["[较大 / major] 井盖"]
    assert await fetch(conn, "SELECT sent_at, attempts, parked_at FROM notice_message") == [(NOW, 1, None)]


async def test_a_sent_notice_is_not_sent_again(conn: AsyncConnection, receiver: Receiver) -> None:
    await put(conn)
    await drain(conn, receiver.url)

    await drain(conn, receiver.url, NOW + timedelta(days=1))

    assert len(receiver.got) == 1


async def test_two_notifiers_at_once_send_a_notice_once(
    conn: AsyncConnection, receiver: Receiver, database: str
) -> None:
    await put(conn)
    receiver.hold.clear()

    async with await AsyncConnection.connect(database, autocommit=True) as other:
        first = asyncio.create_task(drain(conn, receiver.url))
        await asyncio.to_thread(receiver.called.wait, 20)
        second = await drain(other, receiver.url)
        receiver.hold.set()

    assert (await first, second) == (1, 0)
    assert len(receiver.got) == 1


async def test_a_refused_notice_is_tried_again_later_and_says_why(conn: AsyncConnection, receiver: Receiver) -> None:
    await put(conn)
    receiver.status = 503

    await drain(conn, receiver.url)

    (row,) = await fetch(conn, "SELECT attempts, next_try_at > created_at, sent_at, last_error FROM notice_message")
    assert row[:3] == (1, True, None)
    assert "503" in str(row[3])


async def test_a_notice_that_keeps_failing_is_parked_with_its_reason(conn: AsyncConnection, receiver: Receiver) -> None:
    await put(conn)
    receiver.status = 500
    at = NOW

    for _ in range(message.ATTEMPTS + 2):
        await drain(conn, receiver.url, at)
        at += timedelta(hours=1)

    assert len(receiver.got) == message.ATTEMPTS
    ((attempts, parked, error),) = await fetch(
        conn, "SELECT attempts, parked_at IS NOT NULL, last_error FROM notice_message"
    )
    assert (attempts, parked) == (message.ATTEMPTS, True)
    assert "500" in str(error)


async def test_only_the_address_that_failed_is_tried_again(conn: AsyncConnection, receiver: Receiver) -> None:
    await put(conn)
    closed = "json://127.0.0.1:1/"

    await drain(conn, f"{receiver.url} {closed}")
    await drain(conn, f"{receiver.url} {closed}", NOW + timedelta(hours=1))

    assert len(receiver.got) == 1
    assert await fetch(conn, "SELECT attempts, sent_at IS NULL FROM notice_message ORDER BY notice_no") == [
        (1, False),
        (2, True),
    ]


async def test_one_failing_notice_does_not_hold_up_the_next(conn: AsyncConnection, receiver: Receiver) -> None:
    await put(conn)
    receiver.status = 500
    await drain(conn, receiver.url)
    receiver.status = 200
    await put(conn, "closed")

    await drain(conn, receiver.url)

    assert [post["title"] for post in receiver.got][1:] == ["[已结束 / ended] 井盖"]


async def test_without_an_address_a_notice_is_parked_and_says_so(conn: AsyncConnection) -> None:
    await put(conn)

    await drain(conn, "")

    assert await fetch(conn, "SELECT parked_at, last_error FROM notice_message") == [(NOW, delivery.NOWHERE)]


def test_a_wrong_address_is_refused_without_showing_its_secrets() -> None:
    with pytest.raises(InvalidInput, match=r"address 2 \(nonsense\)") as refused:
        channels.check_urls(["json://127.0.0.1:1/", "nonsense://user:secret@host"], "CITYGRID_NOTIFY_URLS")

    assert "secret" not in str(refused.value)


def start_process(database: str, addresses: str, folder: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path.cwd()),
        "CITYGRID_DATABASE_URL": database,
        "CITYGRID_NOTIFY_URLS": addresses,
        "CITYGRID_LOG_FORMAT": "json",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "run", "notify"],
        env=environment,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_the_process_sends_what_was_waiting_and_ends_in_order_when_told(
    conn: AsyncConnection, receiver: Receiver, database: str, tmp_path: Path
) -> None:
    await put(conn)
    process = start_process(database, receiver.url, tmp_path)
    try:
        assert await asyncio.to_thread(receiver.called.wait, 60)
        receiver.called.clear()
        await put(conn, "closed")
        await conn.execute("NOTIFY citygrid_outbox")
        assert await asyncio.to_thread(receiver.called.wait, 30)
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = await asyncio.to_thread(process.communicate, timeout=30)

    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in said.splitlines()] == [
        "notifier_ready",
        "notice_sent",
        "notice_sent",
        "notifier_stopped",
    ]
    assert await fetch(conn, "SELECT count(*) FROM notice_message WHERE sent_at IS NOT NULL") == [(2,)]


async def test_a_wrong_address_ends_the_process_with_one_sentence(database: str, tmp_path: Path) -> None:
    process = start_process(database, "nonsense://user:secret@host", tmp_path)

    _, said = await asyncio.to_thread(process.communicate, timeout=60)

    assert process.returncode == 2
    assert said.startswith("citygrid: CITYGRID_NOTIFY_URLS: address 1 (nonsense) is not understood")
    assert "secret" not in said
