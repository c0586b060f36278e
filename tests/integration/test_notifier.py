"""The outbox drained to real servers over HTTP and SMTP."""

import asyncio
import base64
import email
import email.policy
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from aiosmtpd.smtp import SMTP
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from standardwebhooks.webhooks import Webhook

from alerts import channels, delivery, message, route, routefile
from alerts.delivery import Post
from core.errors import InvalidInput
from runtime import notifier

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
Step = Callable[[AsyncConnection], Awaitable[object]]


class Receiver:
    """A webhook that remembers what it got and answers as it is told."""

    def __init__(self) -> None:
        receiver = self
        self.status = 200
        self.got: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.hold = threading.Event()
        self.hold.set()
        self.called = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.called.set()
                receiver.hold.wait(20)
                receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
                receiver.bodies.append(body)
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
            %(district)s, 0, %(now)s, %(now)s, '2999-01-01', '{}', ST_SetSRID(ST_MakePoint(118.1, 39.6), 4326))
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
            INSERT INTO outbox (event_id, created_at) SELECT event_id, %s FROM event RETURNING event_id
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


GROUPED = """
route:
  receiver: desk
  group_by: [district]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 1h
receivers:
  - name: desk
    webhooks: [{{url: "{url}", secret: s3cret}}]
"""


def grouped(receiver: Receiver) -> Post:
    return routed(GROUPED.format(url=receiver.url.replace("json://", "http://")))


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def numbers(post: dict[str, Any]) -> list[int]:
    return [alert["incident"]["incident_id"] for alert in post["alerts"]]


async def test_a_group_waits_gathers_and_then_tells_what_is_new(conn: AsyncConnection, receiver: Receiver) -> None:
    post = grouped(receiver)
    await put(conn, number=1)
    await drain(conn, post)
    await put(conn, number=2)
    await put(conn, number=3, district="130203")
    await drain(conn, post, minutes(0.4))
    assert receiver.got == []

    await drain(conn, post, minutes(0.5))
    assert [numbers(got) for got in receiver.got] == [[1, 2]]
    await drain(conn, post, minutes(1))
    assert [numbers(got) for got in receiver.got] == [[1, 2], [3]]

    await put(conn, number=4)
    await drain(conn, post, minutes(2))
    assert len(receiver.got) == 2
    await drain(conn, post, minutes(5.5))
    assert numbers(receiver.got[-1]) == [4]
    assert receiver.got[-1]["groupKey"] == '{}:{district="130202"}'


async def test_untouched_incidents_are_told_again_until_somebody_acts(
    conn: AsyncConnection, receiver: Receiver
) -> None:
    post = grouped(receiver)
    await put(conn, number=1)
    await put(conn, number=2)
    await drain(conn, post)
    await drain(conn, post, minutes(1))

    await drain(conn, post, minutes(61))
    assert [(got["kind"], numbers(got)) for got in receiver.got] == [("new", [1, 2]), ("repeat", [1, 2])]

    await conn.execute(
        "INSERT INTO incident_event (incident_id, at, actor, role, kind, to_stage) "
        "VALUES (1, now(), 'Wang', 'acceptor', 'filed', 'filed')"
    )
    await drain(conn, post, minutes(121))
    assert numbers(receiver.got[-1]) == [2]

    await put(conn, "closed", 2)
    await drain(conn, post, minutes(122))
    await drain(conn, post, minutes(600))
    await drain(conn, post, minutes(1200))
    assert [got["kind"] for got in receiver.got] == ["new", "repeat", "repeat", "new"]
    assert receiver.got[-1]["status"] == "resolved"


async def test_an_event_reaches_a_receiver_once_however_many_routes_lead_there(
    conn: AsyncConnection, receiver: Receiver
) -> None:
    post = routed(
        """
route:
  receiver: default
  group_by: [incident]
  group_wait: 0s
  routes:
    - {matchers: [severity="major"], continue: true}
    - {matchers: [district="130202"], continue: true}
    - {matchers: [event="opened"]}
""",
        receiver.url,
    )
    await put(conn)

    await drain(conn, post)

    assert len(receiver.got) == 1


async def test_a_quiet_route_keeps_its_notices_until_its_time(conn: AsyncConnection, receiver: Receiver) -> None:
    post = routed(
        """
route:
  receiver: default
  group_wait: 0s
  routes:
    - matchers: [severity="major"]
      mute_time_intervals: [evening]
time_intervals:
  - {name: evening, time_intervals: [{times: [{start_time: "17:00", end_time: "18:00"}]}]}
""",
        receiver.url,
    )
    await put(conn)

    await drain(conn, post)  # 17:00 in Tangshan
    await drain(conn, post, minutes(59))
    assert receiver.got == []
    await drain(conn, post, minutes(61))
    assert len(receiver.got) == 1


async def test_who_is_on_duty_is_told(conn: AsyncConnection, receiver: Receiver) -> None:
    def text(person: str) -> str:
        return f"""
route: {{receiver: duty, group_wait: 0s}}
receivers: [{{name: duty, duty: r}}]
people: [{{name: li, urls: "{receiver.url}"}}, {{name: wang}}]
rosters: [{{name: r, shifts: [{{people: {person}, from: 2026-11-01}}]}}]
"""

    await put(conn)
    await drain(conn, routed(text("wang")))
    assert await fetch(conn, "SELECT last_error FROM notice_message") == [(delivery.NOWHERE,)]

    await delivery.retry(conn, None, None, ("Zhao", "the roster was empty"), NOW)
    await drain(conn, routed(text("li")))
    assert len(receiver.got) == 1
    assert await fetch(conn, "SELECT actor, action FROM audit") == [("Zhao", "notice.retry")]


async def test_a_receiver_that_wants_no_endings_hears_of_none(conn: AsyncConnection, receiver: Receiver) -> None:
    post = routed(
        f"""
route: {{receiver: x, group_wait: 0s, group_by: ["..."]}}
receivers: [{{name: x, urls: "{receiver.url}", send_resolved: false}}]
"""
    )
    await put(conn)
    await put(conn, "closed")

    await drain(conn, post)

    assert len(receiver.got) == 1


async def test_a_webhook_is_signed_and_keeps_its_number_when_it_is_tried_again(
    conn: AsyncConnection, receiver: Receiver
) -> None:
    post = grouped(receiver)
    await put(conn)
    await drain(conn, post)
    receiver.status = 503
    await drain(conn, post, minutes(1))
    receiver.status = 200
    await drain(conn, post, minutes(2))

    first, second = receiver.headers
    assert first["webhook-id"] == second["webhook-id"] == receiver.got[0]["notice_id"]
    secret = "whsec_" + base64.b64encode(b"s3cret").decode()
    for headers, body, at in zip(receiver.headers, receiver.bodies, (minutes(1), minutes(2)), strict=True):
        assert headers["webhook-timestamp"] == str(int(at.timestamp()))
        assert Webhook(secret).sign(headers["webhook-id"], at, body.decode()) == headers["webhook-signature"]


@pytest.mark.parametrize(("status", "parked"), [(400, True), (302, True), (404, True), (429, False), (500, False)])
async def test_what_will_not_get_better_is_parked_at_once(
    conn: AsyncConnection, receiver: Receiver, status: int, parked: bool
) -> None:
    receiver.status = status
    await put(conn)
    await drain(conn, grouped(receiver))
    await drain(conn, grouped(receiver), minutes(1))

    assert await fetch(conn, "SELECT parked_at IS NOT NULL FROM notice_message") == [(parked,)]


async def test_mail_goes_to_a_real_smtp_server(conn: AsyncConnection) -> None:
    class Sink:
        def __init__(self) -> None:
            self.mails: list[Any] = []

        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            return "250 OK"

    sink = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(sink), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await put(conn, severity="critical")
        await drain(conn, f"mailto://127.0.0.1:{port}/?from=citygrid@example.org&to=duty@example.org&mode=insecure")

    (mail,) = sink.mails
    assert mail["To"] == "duty@example.org"
    assert mail["Subject"] == "[紧急 / critical] 井盖"
    (number,) = await fetch(conn, "SELECT message_id::text FROM notice_message WHERE sent_at IS NOT NULL")
    assert str(number[0]) in mail.get_body().get_content()


async def killed_while_sending(database: str, receiver: Receiver, folder: Path) -> None:
    """A notifier process that is killed after the receiver got the notice and before its commit."""
    receiver.hold.clear()
    process = start_process(database, receiver.url, folder)
    try:
        assert await asyncio.to_thread(receiver.called.wait, 60)
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate, timeout=30)
    receiver.hold.set()


async def test_a_notifier_killed_between_sending_and_commit_sends_once_more_with_the_same_number(
    conn: AsyncConnection, receiver: Receiver, database: str, tmp_path: Path
) -> None:
    await put(conn)
    await killed_while_sending(database, receiver, tmp_path)
    await released(conn)

    await drain(conn, receiver.url, datetime.now(UTC))

    await until(lambda: len(receiver.got) == 2)
    first, second = (post["message"].rpartition(": ")[2] for post in receiver.got)
    assert first == second
    await drain(conn, receiver.url, datetime.now(UTC) + timedelta(days=1))
    assert len(receiver.got) == 2


async def released(conn: AsyncConnection) -> None:
    """Wait until the server has noticed that a client is gone, and let go of its locks."""
    query = "SELECT FROM pg_stat_activity WHERE application_name = 'citygrid-notifier' AND datname = current_database()"
    async with asyncio.timeout(20):
        while await fetch(conn, query):  # noqa: ASYNC110  # the server tells nobody
            await asyncio.sleep(0.02)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  # another thread makes it true
            await asyncio.sleep(0.02)


async def torn_down(conn: AsyncConnection, database: str, step: Step) -> None:
    """Do a step in a connection that is cut before it commits."""
    async with await AsyncConnection.connect(database, autocommit=True) as victim, victim.transaction():
        await step(victim)
        await conn.execute("SELECT pg_terminate_backend(%s)", (victim.info.backend_pid,))
        await victim.execute("SELECT 1")


@pytest.mark.parametrize("done", [0, 1, 2])
async def test_a_notifier_killed_before_sending_loses_and_doubles_nothing(
    conn: AsyncConnection, receiver: Receiver, database: str, done: int
) -> None:
    await put(conn)
    await put(conn, "closed")
    post = plain(receiver.url)
    steps: list[Step] = [
        lambda on: delivery.sort_some(on, post, NOW),
        lambda on: delivery.tell_group(on, post, NOW),
        lambda on: delivery.tell_group(on, post, NOW),
    ]
    for step in steps[:done]:
        await step(conn)
    with pytest.raises(psycopg.OperationalError):
        await torn_down(conn, database, steps[done])

    await drain(conn, post)
    await drain(conn, post, minutes(60))

    assert [post["title"] for post in receiver.got] == ["[较大 / major] 井盖", "[已结束 / ended] 井盖"]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["opened", "closed", "drain", "fail", "wait", "restart"]), max_size=12))
async def test_every_event_is_told_once_whatever_happens_between(
    conn: AsyncConnection, receiver: Receiver, actions: list[str]
) -> None:
    receiver.got.clear()
    await conn.execute("TRUNCATE notice_message, notice_group, notice_delivery")
    await conn.execute("UPDATE outbox SET sorted_at = now()")
    at, number, post = NOW, 0, grouped(receiver)
    expected: list[int] = []
    for action in actions:
        if action in {"opened", "closed"}:
            expected.append(await put(conn, action, 1000 + (number := number + 1)))
            continue
        receiver.status = 503 if action == "fail" else 200
        at += timedelta(minutes=7 if action == "wait" else 1)
        post = grouped(receiver) if action == "restart" else post
        await drain(conn, post, at)
    receiver.status = 200
    for _ in range(4):
        at += timedelta(minutes=20)
        await drain(conn, post, at)

    query = "SELECT content FROM notice_message WHERE kind = 'new' AND sent_at IS NOT NULL"
    contents: list[Any] = [row[0] for row in await fetch(conn, query)]
    told = [event for content in contents for alert in content["alerts"] for event in alert["events"]]
    assert sorted(told) == sorted(expected)
