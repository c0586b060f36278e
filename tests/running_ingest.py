"""A whole ingest inside a test's process, and waiting for what it does."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from alerts import rulebook
from devices.profile import shipped
from ingest import lanes
from ingest.pipeline import Limits
from ingest.source import Limits as SourceLimits
from ingest.validate import Tolerance
from runtime.carrier import Setup
from runtime.ingest_metrics import IngestMetrics
from runtime.shard_journey import Place
from runtime.shard_keeper import Identity, ShardKeeper
from wire import broker as broker_address

DEADLINE_S = 20


def now() -> datetime:
    return datetime.now(UTC)


class Running:
    """An ingest in this process, that can be stopped in order or torn down in mid-flight."""

    def __init__(self, broker: str, database: str, client_id: str) -> None:
        self.metrics = IngestMetrics()
        place = Place(
            broker=broker_address.parse(broker),
            limits=SourceLimits(messages=200, wait_s=0.01, tick_s=0.1),
            setup=Setup(
                writer_dsn=database,
                profiles=shipped(),
                rulebook=rulebook.load(rulebook.DEFAULT),
                limits=Limits(payload_bytes=10_000, tolerance=Tolerance(behind_us=365 * 86_400_000_000)),
            ),
            metrics=self.metrics,
            clock=now,
            client_id=client_id,
        )
        self.process = f"test:{uuid.uuid4().hex[:8]}"
        identity = Identity(process=self.process, setting="", metrics_url="http://127.0.0.1:1/metrics")
        self.keeper = ShardKeeper(place, identity, [lanes.CITY])
        self.task = asyncio.create_task(self.keeper.run())

    @property
    def carries(self) -> bool:
        """Whether it has the city and reads the broker."""
        journey = self.keeper.journeys.get("city")
        return journey is not None and journey.carrier.is_open and journey.source.is_connected

    async def carrying(self) -> None:
        """Wait until it has the city and reads the broker."""
        async with asyncio.timeout(DEADLINE_S):
            while not self.carries:
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """Drop everything at once: nothing is finished, nothing more is acknowledged, nothing is given back."""
        tasks = [self.task, *self.keeper._tasks.values()]
        self.keeper._hand_over = _nothing  # type: ignore[method-assign]  # a killed process hands nothing over
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        self.keeper.stop()
        await self.task


async def _nothing() -> None:
    pass


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as conn:
        return conn.execute(query).fetchall()


async def until(database: str, query: str, wanted: object) -> None:
    """Wait until the query's single value is what is wanted."""
    value: object = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while value != wanted:
                ((value,),) = rows(database, query)
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"{query} gives {value!r}, not {wanted!r}")
