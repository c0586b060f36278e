"""One shard carried by this process: its source, its carrier, and what its minutes are written down as."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg
import structlog

from ingest import lanes
from ingest.lanes import Shard
from ingest.source import Limits, Mode, Source
from runtime.carrier import Carrier, Setup
from runtime.ingest_metrics import IngestMetrics
from storage import leases
from storage.leases import Held
from storage.pool import WRITER, connect
from wire.broker import Broker

log: structlog.stdlib.BoundLogger = structlog.get_logger()

DRAINED_S = 2.0
"""A queue from which nothing came for so long is empty (our choice: a broker delivers in milliseconds)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What all shards of a process share."""

    broker: Broker
    limits: Limits
    setup: Setup
    """Without its shard."""
    metrics: IngestMetrics
    clock: Callable[[], datetime]
    client_id: str = lanes.CLIENT_ID


class ShardJourney:
    """Carries a shard from taking the lease to giving it back, or losing it."""

    def __init__(self, place: Place, shard: Shard, lease: Held, *, drains: bool) -> None:
        self.lease = lease
        self.shard = shard
        self._place = place
        self._drains = drains
        self._is_drained = False
        self.is_ending = False
        """Whether its last batch is done."""
        mode = Mode(may_connect=lambda: self.carrier.may_connect, drains=drains)
        self.source = Source(place.broker, lanes.queues(shard, place.client_id), place.limits, mode)
        setup = replace(place.setup, shard=shard)
        self.carrier = Carrier(self.source, setup, lease, place.clock, place.metrics)

    async def run(self) -> None:
        """Carry until told to stop; raises `LeaseLost`. The lease is given back only after leaving the broker."""
        helpers = [asyncio.create_task(self.source.keep_connected(), name=f"broker_{self.shard.name}")]
        if self._drains:
            helpers.append(asyncio.create_task(self._stop_when_drained(), name=f"drain_{self.shard.name}"))
        try:
            await self.carrier.run()
        finally:
            self.is_ending = True
            self.source.close(forget=self._is_drained)
            await asyncio.sleep(0)  # the goodbye and the last acknowledgements leave
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self.carrier.close()
            self._place.metrics.forget(self.shard.name, self.source.waiting())
        await self._give_back()

    async def _stop_when_drained(self) -> None:
        while (left_s := DRAINED_S - self.source.idle_s) > 0:  # noqa: ASYNC110  # waits for time, not for an event
            await asyncio.sleep(left_s)
        self._is_drained = True
        log.info("shard_drained", shard=self.shard.name)
        self.carrier.stop()

    async def _give_back(self) -> None:
        """Let others have the shard at once; when the database is away the lease runs out by itself."""
        with suppress(psycopg.Error, OSError):
            async with await connect(self._place.setup.writer_dsn, role=WRITER, name="ingest-leases") as conn:
                if self._is_drained:
                    await leases.remove(conn, self.lease)
                else:
                    await leases.release(conn, self.lease)
        log.info("shard_given_back", shard=self.shard.name)
