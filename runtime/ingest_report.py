"""What ingest says of itself while it runs: one line a shard every ten seconds, one row a shard and minute.

The line `ingest` is the canonical one: all that happened to the shard's batches in those seconds. The same for a single
batch is logged as `batch` at level DEBUG. docs/metrics.md names the fields.
"""

import asyncio
import math
from collections.abc import Iterable
from datetime import datetime, timedelta

import psycopg
import structlog

from runtime.ingest_tally import Tally
from runtime.shard_journey import Place, ShardJourney
from storage import ingest_minutes
from storage.ingest_minutes import Minute
from storage.pool import WRITER, connect

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LINE_EVERY_S = 10
"""Divides a minute (our choice: an idle city writes nothing, a busy one six lines a minute and shard)."""


class Reporter:
    """Remembers, by journey, what was reported last."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lines: dict[tuple[str, int], Tally] = {}
        self._minutes: dict[tuple[str, int], Tally] = {}

    async def run(self, journeys: dict[str, ShardJourney]) -> None:
        """Report for ever, on the full ten seconds."""
        while True:
            now = self._place.clock()
            await asyncio.sleep(LINE_EVERY_S - now.timestamp() % LINE_EVERY_S)
            now = self._place.clock()
            alive = list(journeys.values())
            for journey in alive:
                self._line(journey)
            if round(now.timestamp() / LINE_EVERY_S) * LINE_EVERY_S % 60 == 0:
                await self._write(alive, _full_minute(now) - timedelta(minutes=1))
            keys = {_key(journey) for journey in alive}
            self._lines = {key: tally for key, tally in self._lines.items() if key in keys}
            self._minutes = {key: tally for key, tally in self._minutes.items() if key in keys}

    def _line(self, journey: ShardJourney) -> None:
        total = journey.carrier.tally.copy()
        done = total.since(self._lines.get(_key(journey), Tally()))
        self._lines[_key(journey)] = total
        if not (done.batches or done.transitions or done.retries):
            return
        slowest = max(done.step_seconds, key=lambda step: done.step_seconds[step], default="")
        log.info(
            "ingest",
            shard=journey.lease.shard,
            seconds=LINE_EVERY_S,
            messages=done.by_lane.total(),
            by_lane=dict(done.by_lane),
            batches=done.batches,
            stored=done.stored,
            repeated=done.repeated,
            facts=done.facts,
            refused=dict(done.refused),
            transitions=done.transitions,
            retries=done.retries,
            lag_s=round(done.lag_s, 3),
            waiting=sum(journey.source.waiting().values()),
            busy_s=round(sum(done.step_seconds.values()), 3),
            slowest=slowest,
        )

    async def _write(self, journeys: Iterable[ShardJourney], minute: datetime) -> None:
        """Write the minute that ended; when the database is away it is left out."""
        rows = [self._minute(journey, minute) for journey in journeys]
        try:
            async with await connect(self._place.setup.writer_dsn, role=WRITER, name="ingest-report") as conn:
                for row in rows:
                    await ingest_minutes.insert(conn, row)
        except (psycopg.Error, OSError) as error:
            log.warning("minute_not_written", reason=str(error).splitlines()[0])

    def _minute(self, journey: ShardJourney, minute: datetime) -> Minute:
        total = journey.carrier.tally.copy()
        done = total.since(self._minutes.get(_key(journey), Tally()))
        self._minutes[_key(journey)] = total
        queued = self._place.metrics.broker_queued_now
        return Minute(
            minute=minute,
            shard=journey.lease.shard,
            epoch=journey.lease.epoch,
            process=journey.lease.process,
            by_lane=done.by_lane,
            stored=done.stored,
            repeated=done.repeated,
            refused=done.refused,
            transitions=done.transitions,
            retries=done.retries,
            batches=done.batches,
            step_seconds={step: round(spent, 6) for step, spent in done.step_seconds.items()},
            lag_s=done.lag_s,
            waiting=sum(journey.source.waiting().values()),
            broker_queued=None if math.isnan(queued) else round(queued),
        )


def _key(journey: ShardJourney) -> tuple[str, int]:
    return journey.lease.shard, journey.lease.epoch


def _full_minute(now: datetime) -> datetime:
    return (now + timedelta(seconds=5)).replace(second=0, microsecond=0)
