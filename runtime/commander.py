"""Tells devices what people want of them and keeps what they answer; a task of the notifier (docs/commands.md).

An order is marked as sent and committed before it is published: a crash between the two sends it again, never not at
all. An answer is acknowledged to the broker after its commit. One process at a time does it.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection, sql

from core.errors import InvalidInput, PlatformError
from devices import commands
from devices.commands import Answered
from devices.profile import Profile
from ingest.message import RawMessage
from ingest.session import Session, connect
from runtime.settings import Settings
from storage import locks, pool, signals
from wire import broker, command
from wire.command import Order

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOK_EVERY_S = 1.0
RECONNECT_S = 2.0
AT_ONCE = 500
"""Orders sent, or answers kept, in one transaction."""

Clock = Callable[[], datetime]


class Commander:
    """Owns the connection to the broker; the state of each order is in the database."""

    def __init__(self, settings: Settings, profiles: Mapping[str, Profile], clock: Clock) -> None:
        self._settings = settings
        self._profiles = profiles
        self._clock = clock

    async def run(self) -> None:
        """Do it for ever; what is down is tried again."""
        while True:
            try:
                await self._work()
            except (psycopg.Error, OSError, PlatformError) as error:
                log.warning("commander_retry", reason=str(error).partition("\n")[0], retry_s=RECONNECT_S)
            await asyncio.sleep(RECONNECT_S)

    async def _work(self) -> None:
        dsn = self._settings.writer_dsn()
        async with (
            await pool.connect(dsn, role=pool.WRITER, name="commander") as conn,
            await pool.connect(dsn, role=pool.WRITER, name="commander-signals") as told,
        ):
            for connection in (conn, told):
                await connection.set_autocommit(True)
            await _be_the_only_one(told)
            await told.execute(sql.SQL("LISTEN {}").format(sql.Identifier(signals.COMMANDS)))
            await self._serve(conn, told)

    async def _serve(self, conn: AsyncConnection, told: AsyncConnection) -> None:
        """Send and hear until the broker or the database goes."""
        news = asyncio.Event()
        address = broker.parse(self._settings.broker_url("commander"))
        session, _ = await connect(address, f"{self._settings.mqtt_client_id}-commander", AT_ONCE, news.set)
        helpers = (asyncio.create_task(session.keep_alive()), asyncio.create_task(_listen(told, news)))
        try:
            await session.subscribe([command.ANSWERS])
            log.info("commander_ready")
            while not session.closed.done():
                news.clear()
                await self._keep_answers(conn, session)
                await self._send_due(conn, session)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):  # in Python 3.11 `wait_for` may forget a cancellation
                        await news.wait()
            log.warning("commander_lost_broker", reason=session.closed.result())
        finally:
            for helper in helpers:
                helper.cancel()
            session.close()

    async def _keep_answers(self, conn: AsyncConnection, session: Session) -> None:
        while messages := session.take(AT_ONCE):
            answers = [answer for message in messages if (answer := _answer(message)) is not None]
            ended = await commands.take_answers(conn, answers, self._clock())
            session.acknowledge([message.packet_id for message in messages if message.packet_id is not None])
            log.info("commands_answered", answers=len(messages), ended=ended)

    async def _send_due(self, conn: AsyncConnection, session: Session) -> None:
        while orders := await commands.take_due(conn, self._clock(), AT_ONCE):
            for row in orders:
                self._send(session, row)

    def _send(self, session: Session, row: Mapping[str, Any]) -> None:
        profile = self._profiles.get(row["profile"])
        if profile is None:
            log.error("command_of_unknown_type", device=row["label"], profile=row["profile"])
            return
        order = Order(
            id=row["command_id"], command=row["command"], arguments=row["arguments"], expires=row["expires_at"]
        )
        left_s = max(1, math.ceil((row["expires_at"] - self._clock()).total_seconds()))
        topic = command.topic(row["district_code"], profile.kind, row["label"])
        session.publish(topic, command.encode(order), qos=1, expiry_s=left_s)
        log.info("command_sent", device=row["label"], command=row["command"], number=row["command_id"])


def _answer(message: RawMessage) -> Answered | None:
    try:
        answer = command.decode_answer(message.payload)
    except InvalidInput as error:
        log.warning("answer_refused", topic=message.topic, reason=str(error))
        return None
    label = command.label_of(message.topic)
    return Answered(label=label, number=answer.id, ok=answer.ok, reason=answer.reason)


async def _be_the_only_one(conn: AsyncConnection) -> None:
    """Wait for the lock that a commander holds as long as its connection lives."""
    while True:
        row = await (await conn.execute("SELECT pg_try_advisory_lock(%s)", (locks.COMMANDER,))).fetchone()
        if row is not None and row[0]:
            return
        await asyncio.sleep(RECONNECT_S)


async def _listen(conn: AsyncConnection, news: asyncio.Event) -> None:
    async for _ in conn.notifies():
        news.set()
