"""The notifier process: drains the outbox of notices when it is told of new ones, and every few seconds anyway.

Beside that, it is the one that tells devices what they are wanted to do (`runtime.commander`).
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import psycopg
import structlog
from psycopg import AsyncConnection

from alerts import delivery, timer
from alerts.delivery import Post
from alerts.timer import Reading
from runtime import rulebooks
from runtime.commander import Commander
from runtime.routes_in_force import RoutesInForce
from runtime.settings import Settings
from storage import signals
from storage.pool import WRITER, connect

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOK_EVERY_S = 2.0
"""Retries come due without anybody telling."""
RECONNECT_S = 2.0

Clock = Callable[[], datetime]


def now() -> datetime:
    """Give the time of this machine."""
    return datetime.now(UTC)


def run_notifier(settings: Settings) -> None:
    """Send notices until told to stop; raises `InvalidInput` when an address is wrong."""
    asyncio.run(_main(settings))


async def _main(settings: Settings) -> None:
    routes = RoutesInForce(settings)
    dsn = settings.writer_dsn()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    told = routes.post
    log.info("notifier_ready", receivers=list(told.routing.receivers), addresses=len(told.addresses))
    commanding = asyncio.create_task(Commander(settings, rulebooks.profiles(settings), now).run(), name="commander")
    while not stopping.is_set():
        try:
            async with await connect(dsn, role=WRITER, name="notifier") as conn:
                await conn.set_autocommit(True)
                await conn.execute(f"LISTEN {signals.OUTBOX}")  # a constant of ours
                await _serve(conn, routes, Reading(timezone=settings.timezone, work_day=settings.work_day), stopping)
        except (psycopg.OperationalError, OSError) as error:
            log.warning("notifier_retry", reason=str(error).splitlines()[0], retry_s=RECONNECT_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(RECONNECT_S):
                    await stopping.wait()
    commanding.cancel()
    with suppress(asyncio.CancelledError):
        await commanding
    log.info("notifier_stopped")


async def _serve(conn: AsyncConnection, routes: RoutesInForce, reading: Reading, stopping: asyncio.Event) -> None:
    """Have the clock do its part, drain, then wait for a signal or a while, until `stopping`."""
    while not stopping.is_set():
        if turned := await timer.tick(conn, reading, now()):
            log.info("clocks_turned", events=turned)
        await drain(conn, routes.renew(), now, stopping)
        async for _ in conn.notifies(timeout=LOOK_EVERY_S, stop_after=1):
            pass


async def drain(conn: AsyncConnection, post: Post, clock: Clock, stopping: asyncio.Event | None = None) -> int:
    """Sort what is new, tell the groups that are due, send what is due; give how many messages were tried."""
    while await delivery.sort_some(conn, post, clock()):
        pass
    while await delivery.tell_group(conn, post, clock()):
        pass
    tried = 0
    while stopping is None or not stopping.is_set():
        result = await delivery.deliver_one(conn, post, clock())
        if result is None:
            break
        tried += 1
        tell = {"sent": log.info, "retry": log.warning, "parked": log.error}[result.outcome]
        tell(
            f"notice_{result.outcome}",
            notice=result.notice,
            receiver=result.receiver,
            attempts=result.attempts,
            error=result.error,
        )
    return tried
