"""The journey in a process that is killed (kill -9) at a chosen step; then another goes on where the broker would.

A batch counts as acknowledged when `carry` has returned and the next statement wrote it down; every other batch is
delivered again, marked as a broker marks it.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import AsyncConnection

from alerts import rulebook
from devices.profile import shipped
from ingest import pipeline
from ingest.message import Batch, RawMessage
from ingest.validate import Tolerance
from runtime.carrier import Setup, load
from runtime.ingestor import carry
from runtime.stopwatch import Stopwatch

BEFORE_ACKNOWLEDGING = -1
NEVER = 10_000
_SPAWN = multiprocessing.get_context("forkserver")
_SPAWN.set_forkserver_preload(["runtime.carrier"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the broker hands over at once, and when."""

    at: datetime
    messages: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Deliveries, and where everything is."""

    database: str
    rules: str
    """Text of the rule file."""
    deliveries: tuple[Delivery, ...]
    acknowledged: Path


class _Deadly(Stopwatch):
    """Kills its process when so many laps of a batch have passed."""

    def __init__(self, laps: int) -> None:
        super().__init__()
        self._left = laps

    def lap(self, step: str) -> None:
        super().lap(step)
        self._left -= 1
        if self._left == 0:
            die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run(stream: Stream, lap_of: Callable[[int, int], int]) -> int:
    """Carry the whole stream through as many processes as it takes; give how many were killed.

    `lap_of(delivery, attempt)`: after how many laps of this delivery its process dies. The clock stands still while a
    delivery is repeated: how long a device is silent is counted from when it was last heard.
    """
    killed, attempt = 0, 0
    while (position := _position(stream)) < len(stream.deliveries):
        plan = [lap_of(number, attempt if number == position else 0) for number in range(len(stream.deliveries))]
        process = _SPAWN.Process(target=_carry_from, args=(stream, position, plan, attempt > 0))
        process.start()
        process.join()
        assert process.exitcode in {0, -signal.SIGKILL}, f"the journey ended with {process.exitcode}"
        killed += process.exitcode != 0
        attempt = attempt + 1 if _position(stream) == position else 1
    return killed


def _position(stream: Stream) -> int:
    return stream.acknowledged.stat().st_size if stream.acknowledged.exists() else 0


def _carry_from(stream: Stream, position: int, plan: Sequence[int], again: bool) -> None:
    asyncio.run(_carry(stream, position, plan, again=again))


async def _carry(stream: Stream, position: int, plan: Sequence[int], *, again: bool) -> None:
    setup = Setup(
        writer_dsn=stream.database,
        profiles=shipped(),
        rulebook=rulebook.parse({"rules.yaml": stream.rules}),
        limits=pipeline.Limits(payload_bytes=16_384, tolerance=Tolerance(behind_us=365 * 86_400_000_000)),
    )
    async with await AsyncConnection.connect(stream.database, autocommit=True) as conn:
        live = await load(conn, setup, None, stream.deliveries[position].at)
        for number in range(position, len(stream.deliveries)):
            delivery = stream.deliveries[number]
            repeated = again and number == position
            live.watch = _Deadly(plan[number])
            messages = [RawMessage(topic, payload, 1, repeated) for topic, payload in delivery.messages]
            await carry(Batch(messages=messages, connection=1, backlog=0), live, delivery.at)
            if plan[number] == BEFORE_ACKNOWLEDGING:
                die()
            with stream.acknowledged.open("ab") as file:
                file.write(b".")
