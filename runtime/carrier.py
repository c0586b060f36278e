"""Around the journey: one shard's connection, memory and lease, for as long as the lease is ours.

After any failure of the database connection and memory are both taken anew from what was committed. A batch is
acknowledged after its commit; when the lease is lost nothing is, and the broker gives the messages to the next carrier.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import structlog
from psycopg import AsyncConnection

from alerts import city_time, member_store, memory_store, silences
from alerts.rule import Rulebook
from core.errors import InvalidInput, Unavailable
from devices.profile import Profile
from devices.service import publish_profiles
from ingest import load_directory, load_memory, pipeline
from ingest.lanes import CITY, Lane, Shard
from ingest.latest import Unwritten
from ingest.message import Batch, RawMessage, Retried
from ingest.source import Source
from runtime import last_messages, letters, patience, rules_at_work
from runtime.ingest_metrics import IngestMetrics
from runtime.ingest_tally import Tally
from runtime.ingestor import Carried, Live, carry, require_lease, write_rest
from storage import dead_letters, device_state, edge_nodes, leases, readings
from storage.dead_letters import DeadLetter
from storage.pool import WRITER, connect
from wire import sparkplug

log: structlog.stdlib.BoundLogger = structlog.get_logger()

FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 5.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSTORABLE = (psycopg.DataError, psycopg.IntegrityError)

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What it takes to build `Live` from nothing."""

    writer_dsn: str
    profiles: Mapping[str, Profile]
    rulebook: Rulebook
    limits: pipeline.Limits
    shard: Shard = CITY


class Carrier:
    """Carries one shard for as long as its lease is ours: retries in place, sets poison messages aside."""

    def __init__(self, source: Source, setup: Setup, lease: leases.Held, clock: Clock, metrics: IngestMetrics) -> None:
        self.tally = Tally()
        self.registry_changed = asyncio.Event()
        """Set by who listens for it; the registry is read again before the next batch."""
        self.silences_changed = asyncio.Event()
        """The same for silences."""
        self.city_time_changed = asyncio.Event()
        """The same for the city's limits and calendar."""
        self.rules_changed = asyncio.Event()
        """The same for the published rules."""
        self._source = source
        self._setup = setup
        self._lease = lease
        self._clock = clock
        self._metrics = metrics
        self._live: Live | None = None
        self._stopping = False
        self._loaded_us = 0
        self._letters_due = clock()
        self._renewed_s = asyncio.get_running_loop().time()
        """When the lease was certainly ours, on this process's clock."""

    @property
    def may_connect(self) -> bool:
        """Whether the lease is certainly ours now: another carrier's connections are left alone."""
        return asyncio.get_running_loop().time() - self._renewed_s <= leases.TTL_S

    @property
    def is_open(self) -> bool:
        """Whether batches renew the lease; while everything is loaded, somebody else has to."""
        return self._live is not None

    def note_renewed(self) -> None:
        """Hear that the lease was just renewed from outside."""
        self._renewed_s = asyncio.get_running_loop().time()

    def stop(self) -> None:
        """Finish the batch at hand, then end."""
        self._stopping = True

    async def run(self) -> None:
        """Open what is needed, then carry batches until `stop`; raises `LeaseLost` when the shard is not ours now."""
        while not self._stopping:
            if await self._opened():
                break
        async for batch in self._source.batches():
            self._lap("receive")
            await self._deliver(batch)
            self._source.acknowledge(batch)
            self._lap("acknowledge")
            self._note_batch(batch)
            await self._try_letters_again()
            await self._keep_messages(batch)
            if self._stopping:
                break
        await self._end()

    async def _try_letters_again(self) -> None:
        """Deliver dead letters that somebody asked for, some at a time."""
        now = self._clock()
        if self._live is None or now < self._letters_due:
            return
        self._letters_due = now + letters.EVERY
        for batch in await letters.waiting(self._live.conn, self._setup.shard, now):
            await self._deliver(batch)

    async def _keep_messages(self, batch: Batch) -> None:
        """Write down some devices' last messages: after the batch is acknowledged, for nothing depends on it."""
        if self._live is not None:
            await last_messages.write(self._live, self._clock(), busy=batch.backlog > 0)

    async def _end(self) -> None:
        """Write down what is remembered, so that the next carrier starts at once, and hang up."""
        if self._live is not None:
            with suppress(psycopg.Error, OSError):
                await write_rest(self._live)
        await self.close()

    async def _opened(self) -> bool:
        """Open, or wait a moment after a failure; raises `LeaseLost` when it took longer than the lease lasts."""
        try:
            self._live = await self._open()
        except (psycopg.Error, OSError, Unavailable) as error:
            log.warning("open_retry", shard=self._lease.shard, reason=str(error).splitlines()[0])
            self._require_time()
            await asyncio.sleep(FIRST_RETRY_S)
        return self._live is not None

    async def _deliver(self, batch: Batch) -> None:
        """Carry a batch, however often the database fails, for as long as the lease is ours."""
        retry_s, patience_s = FIRST_RETRY_S, patience.FIRST_S
        while True:
            attempted_s = asyncio.get_running_loop().time()
            try:
                live = self._live or await self._open()
                self._live = live
                with patience.hung_up(live.conn, patience_s):
                    live = await self._refreshed(live)
                    started = self._clock()
                    await self._carry_all(batch, live, started)
            except (psycopg.Error, OSError, Unavailable) as error:
                self._metrics.retries.inc()
                self.tally.retries += 1
                for message in batch.messages:
                    message.redelivered = True  # the commit's outcome is unknown: a refusal may be counted already
                log.warning("batch_retry", shard=self._lease.shard, reason=str(error).splitlines()[0], retry_s=retry_s)
                await self.close()
                self._require_time()
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
                patience_s = min(patience_s * 2, patience.LONGEST_S)
            else:
                self._renewed_s = attempted_s
                if batch.messages:
                    self._metrics.batch_seconds.observe((self._clock() - started).total_seconds())
                return

    def _require_time(self) -> None:
        """Give up when the lease may have run out meanwhile: then somebody else carries the shard."""
        if not self.may_connect:
            raise leases.LeaseLost(f"shard {self._lease.shard}: the lease could not be renewed for {leases.TTL_S:g} s")

    async def _carry_all(self, batch: Batch, live: Live, now: datetime) -> None:
        """Carry a batch; one that cannot be stored is halved until the message at fault stands alone."""
        try:
            carried = await carry(batch, live, now)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except (*_UNSTORABLE, ValueError, TypeError, OverflowError, LookupError) as error:
            if not batch.messages:
                raise
            if len(batch.messages) == 1:
                await self._set_aside(batch.messages[0], error, live, now)
                return
            middle = len(batch.messages) // 2
            await self._carry_all(replace(batch, messages=batch.messages[:middle]), live, now)
            await self._carry_all(replace(batch, messages=batch.messages[middle:]), live, now)
            return
        self._count(batch, carried)
        for node in carried.to_ask:
            self._source.publish(*sparkplug.rebirth_request(node, int(now.timestamp() * 1_000_000)))
            log.info("rebirth_asked", node=node)

    async def _set_aside(self, message: RawMessage, error: Exception, live: Live, now: datetime) -> None:
        """Make a dead letter of a message that our own code or the database cannot digest."""
        log.error("message_set_aside", topic=message.topic, error=repr(error))
        letter = DeadLetter(
            topic=message.topic,
            payload=message.payload,
            reason="internal_error",
            detail=repr(error),
            item=0,
            redelivered=message.redelivered,
        )
        async with live.conn.transaction():
            await require_lease(live)
            await dead_letters.record(live.conn, [letter], now)
            if isinstance(message, Retried):
                await dead_letters.rest(live.conn, message.digests, now, letter.detail)
        self._metrics.refused.labels("internal_error").inc()
        self.tally.refuse(["internal_error"])

    def _count(self, batch: Batch, carried: Carried) -> None:
        metrics, tally, lane = self._metrics, self.tally, self._source.lane_of(batch)
        if batch.messages:
            metrics.received.labels(lane or "gone").inc(len(batch.messages))
            tally.by_lane[lane or "gone"] += len(batch.messages)
            tally.batches += 1
        metrics.stored.inc(carried.stored)
        metrics.repeated.inc(carried.repeated)
        metrics.facts_stored.inc(carried.facts)
        metrics.facts_repeated.inc(carried.facts_repeated)
        metrics.transitions.inc(carried.transitions)
        for refusal in carried.refusals:
            metrics.refused.labels(refusal.reason).inc()
        for form, count in carried.unmapped.items():
            metrics.unmapped.labels(form).inc(count)
        tally.stored += carried.stored
        tally.repeated += carried.repeated
        tally.facts += carried.facts
        tally.transitions += carried.transitions
        tally.refuse(refusal.reason for refusal in carried.refusals)
        if lane is Lane.LIVE and carried.age_s is not None:
            tally.lag_s = carried.age_s
        elif not batch.messages:
            tally.lag_s = 0.0
        log.debug(
            "batch",
            shard=self._lease.shard,
            lane=lane,
            messages=len(batch.messages),
            stored=carried.stored,
            repeated=carried.repeated,
            facts=carried.facts,
            refused=len(carried.refusals),
            transitions=carried.transitions,
            waiting=batch.backlog,
        )

    def _lap(self, step: str) -> None:
        if self._live is not None:
            self._live.watch.lap(step)

    def _note_batch(self, batch: Batch) -> None:
        """Tell the metrics what the batch took, and what waits now."""
        metrics, shard = self._metrics, self._lease.shard
        metrics.lag_seconds.labels(shard).set(self.tally.lag_s)
        for lane, count in self._source.waiting().items():
            metrics.waiting.labels(shard, lane).set(count)
        if self._live is not None:
            seconds = self._live.watch.take()
            self.tally.add_steps(seconds)
            if batch.messages:
                metrics.took(seconds)

    async def _refreshed(self, live: Live) -> Live:
        """Read again what changed; where devices came from or went to another shard, everything."""
        if self.silences_changed.is_set():
            self.silences_changed.clear()
            live.cases.silences = await silences.in_force(live.conn, live.rulebook.calendar.timezone, self._clock())
            log.info("silences_read", shard=self._lease.shard, silences=len(live.cases.silences))
        if self.city_time_changed.is_set():
            self.city_time_changed.clear()
            await self._read_city_time(live)
        if self.rules_changed.is_set():
            self.rules_changed.clear()
            await self._read_rules(live)
        if not self.registry_changed.is_set():
            return live
        self.registry_changed.clear()
        before = live.directory.fleet.device_id
        directory = await load_directory.load(
            live.conn, self._setup.profiles, live.directory.locator, live.directory, shard=self._setup.shard
        )
        fleet = directory.fleet
        stayed = np.array_equal(fleet.device_id[: len(before)], before)
        if not stayed or (fleet.registered_us[len(before) :] < self._loaded_us).any():
            await self.close()
            self._live = await self._open()
            return self._live
        live.directory = directory
        self._metrics.devices.labels(self._lease.shard).set(len(fleet))
        log.info("registry_read", shard=self._lease.shard, devices=len(fleet))
        return live

    async def _read_city_time(self, live: Live) -> None:
        """Take up the city's limits and calendar; what cannot be counted by is told, and the former kept."""
        given = live.rulebook.calendar
        try:
            live.city = await city_time.load(live.conn, given.timezone, given.work_day)
        except InvalidInput as error:
            log.warning("city_time_unusable", shard=self._lease.shard, reason=str(error))
        else:
            log.info("city_time_read", shard=self._lease.shard, limits=len(live.city.limits.by_key))

    async def _read_rules(self, live: Live) -> None:
        """Swap the rules for those published; what cannot be read is told, and the former kept."""
        try:
            wanted = await rules_at_work.published(live.conn, self._setup.rulebook)
        except InvalidInput as error:
            log.warning("rules_unusable", shard=self._lease.shard, reason=str(error))
        else:
            await rules_at_work.swap(live, wanted, self._clock())

    async def _open(self) -> Live:
        """Connect and take everything that is remembered from what was committed."""
        self._loaded_us = (self._clock() - _EPOCH) // timedelta(microseconds=1)
        conn = await connect(self._setup.writer_dsn, role=WRITER, name="ingest")
        try:
            with patience.hung_up(conn, patience.LONGEST_S):
                live = await load(conn, self._setup, self._lease, self._clock())
        except BaseException:
            await conn.close()
            raise
        fleet = live.directory.fleet
        self._metrics.devices.labels(self._lease.shard).set(len(fleet))
        log.info("ingest_ready", shard=self._lease.shard, devices=len(fleet), rules=len(live.rulebook.rules))
        return live

    async def close(self) -> None:
        """Hang up on the database; what was not committed is gone."""
        if self._live is not None:
            with suppress(psycopg.Error, OSError):
                await self._live.conn.close()
            self._live = None


async def load(conn: AsyncConnection, setup: Setup, lease: leases.Held | None, now: datetime) -> Live:
    """Give all that carrying a shard needs, as the last committed transaction left it."""
    now_us = (now - _EPOCH) // timedelta(microseconds=1)
    await conn.set_autocommit(True)
    await publish_profiles(conn, setup.profiles)
    await readings.prepare(conn)
    async with conn.transaction():
        await device_state.recover(conn, setup.shard.name, now_us)
    locator = await load_directory.load_locator(conn)
    directory = await load_directory.load(conn, setup.profiles, locator, shard=setup.shard)
    rules = await rules_at_work.published(conn, setup.rulebook)
    former = await rules_at_work.with_withdrawn(conn, rules.live)
    live = Live(
        conn=conn,
        directory=directory,
        rulebook=former,
        state=await memory_store.load_state(conn, former, directory.fleet, setup.shard.name),
        cases=await member_store.load(conn, former, directory.fleet),
        memory=await load_memory.load(conn, directory),
        latest=Unwritten(kept_us=now_us),
        limits=setup.limits,
        city=await city_time.load(conn, setup.rulebook.calendar.timezone, setup.rulebook.calendar.work_day),
        edge_nodes=await edge_nodes.load(conn) if setup.shard.takes_foreign else {},
        lease=lease,
    )
    live.cases.silences = await silences.in_force(conn, setup.rulebook.calendar.timezone, now)
    if rules.shadows or former is not rules.live:
        await rules_at_work.swap(live, rules, now)
    return live
