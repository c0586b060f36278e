"""Notices survive a kill at every step: none is lost, and none is doubled but in the one gap that is stated."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from alerts import delivery
from tests.notice_surroundings import NOW, Receiver, drain, fetch, grouped, minutes, plain, put, start_process

pytestmark = pytest.mark.services


Step = Callable[[AsyncConnection], Awaitable[object]]


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
