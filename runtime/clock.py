"""A clock that does not jump: the time that has passed, set right by the machine's clock only where that is believed.

A reading dated more than five minutes ahead is refused, silence and deadlines are measured: were ingest's clock set an
hour back by mistake, a whole city's readings would become dead letters. A jump is therefore believed only when the
database's clock agrees with it.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import structlog
from psycopg import AsyncConnection

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOK_EVERY_S = 1.0
JUMP = timedelta(seconds=2)
"""More than this between two looks is a jump, less is ordinary discipline by NTP (our choice)."""
ANSWER_S = 5


def machine_time() -> datetime:
    """Give what the machine's clock says."""
    return datetime.now(UTC)


class SteadyClock:
    """The time, from a clock on the wall and one that only counts seconds; begins with what the wall says."""

    def __init__(
        self, wall: Callable[[], datetime] = machine_time, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self.wall, self.seconds = wall, seconds
        self._set_to, self._set_at = wall(), seconds()

    def now(self) -> datetime:
        """Give the time."""
        return self._set_to + timedelta(seconds=self.seconds() - self._set_at)

    def gap(self) -> timedelta:
        """How far the wall is ahead."""
        return self.wall() - self.now()

    def follow(self) -> None:
        """Believe the wall."""
        self._set_to, self._set_at = self.wall(), self.seconds()


def is_believed(gap: timedelta, witness_gap: timedelta) -> bool:
    """Whether a wall that is `gap` ahead is believed when a witness is `witness_gap` ahead: the nearer one is."""
    return abs(gap - witness_gap) < abs(witness_gap)


async def keep(clock: SteadyClock, database_url: str) -> None:
    """Look at the machine's clock for ever, and follow it, or say why not."""
    disbelieved: timedelta | None = None
    while True:
        gap = clock.gap()
        if abs(gap) <= JUMP:
            clock.follow()
            if disbelieved is not None:
                log.info("clock_agrees_again")
            disbelieved = None
        elif disbelieved is None or abs(gap - disbelieved) > JUMP:
            disbelieved = await _ask(clock, gap, database_url)
        await asyncio.sleep(LOOK_EVERY_S)


async def _ask(clock: SteadyClock, gap: timedelta, database_url: str) -> timedelta | None:
    """Let the database decide; gives the jump that is not believed."""
    by_s = round(gap.total_seconds(), 1)
    try:
        witness_gap = await _database_time(database_url) - clock.now()
    except (psycopg.Error, OSError) as error:
        reason = str(error).splitlines()[0]
        log.warning("clock_jumped", by_s=by_s, action="not followed: the database cannot be asked", reason=reason)
        return None
    if is_believed(gap, witness_gap):
        clock.follow()
        log.warning("clock_jumped", by_s=by_s, action="followed: the database's clock agrees")
        return None
    log.warning("clock_jumped", by_s=by_s, action="not followed: the database's clock disagrees; set this machine's")
    return gap


async def _database_time(url: str) -> datetime:
    async with await AsyncConnection.connect(url, connect_timeout=ANSWER_S, application_name="citygrid-clock") as conn:
        row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    return row[0]
