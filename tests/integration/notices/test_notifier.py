"""The outbox drained to real servers over HTTP and SMTP; the process that does it."""

import asyncio
import email
import email.policy
import json
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from psycopg import AsyncConnection

from alerts import channels, delivery, message
from core.errors import InvalidInput
from tests.notice_surroundings import NOW, Receiver, drain, fetch, put, start_process

pytestmark = pytest.mark.services


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
    events = [json.loads(line)["event"] for line in said.splitlines()]
    assert [event for event in events if event != "commander_retry"] == [  # no broker lets this process in
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
