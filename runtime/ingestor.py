"""THE JOURNEY of a reading, in one function: `carry`. Receive, decode, store, evaluate, record, commit, acknowledge.

Around it: one owner of the database connection and of the rules' memory, which after any failure of the database are
both taken anew from what was committed. Exactly once: a batch is acknowledged after its commit; if it comes again, its
readings are not new and no rule sees them.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg
import structlog
from psycopg import AsyncConnection

from alerts import engine
from alerts import store as incidents
from alerts.engine import RuleState
from alerts.rule import Rulebook
from core.errors import Unavailable
from devices.profile import Profile
from devices.service import publish_profiles
from ingest import load_directory, load_memory, pipeline, quality
from ingest.directory import Directory
from ingest.message import Batch, RawMessage, Refusal
from ingest.source import Source
from runtime import patience
from runtime.ingest_metrics import IngestMetrics
from storage import dead_letters, events, locks, readings
from storage.dead_letters import DeadLetter
from storage.pool import WRITER, connect

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 5.0
TAKEOVER_S = 10.0
"""How long to wait for the lock of a former process that is just ending."""
_UNSTORABLE = (psycopg.DataError, psycopg.IntegrityError)

Clock = Callable[[], datetime]


@dataclass(slots=True, kw_only=True)
class Live:
    """What the journey works with; owned by the journey, swapped by the refresher between batches."""

    conn: AsyncConnection
    directory: Directory
    rulebook: Rulebook
    state: RuleState
    memory: quality.Memory
    """What the checks of quality remember of each device."""
    limits: pipeline.Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What became of a batch's messages."""

    stored: int
    repeated: int
    facts: int
    facts_repeated: int
    refusals: list[Refusal]
    unmapped: Mapping[str, int]
    transitions: int


async def carry(batch: Batch, live: Live, now: datetime) -> Carried:
    """Carry a batch from the broker's messages to incidents, in one transaction; the caller acknowledges it."""
    now_us, directory = (now - _EPOCH) // timedelta(microseconds=1), live.directory
    fleet = directory.fleet
    passed = pipeline.run(batch, directory, live.memory, now_us, live.limits)  # decode, validate, enrich
    async with live.conn.transaction():
        frames = await readings.recall_arrivals(live.conn, passed.frames, fleet, batch.redelivered, now_us)
        fresh = await readings.insert_new(live.conn, frames, fleet, now_us)  # what was not stored before
        step = engine.step(live.state, fresh, live.rulebook, fleet, now)  # what the rules make of it
        transitions = await incidents.record(live.conn, step, fleet, now)  # incidents, history, notices, memory
        await readings.keep_latest(live.conn, fresh, fleet, now_us)
        facts = await events.insert_new(live.conn, passed.facts, fleet, now_us)
        await dead_letters.record(live.conn, _letters(batch, passed.refusals), now)
    engine.commit(live.state, step, fleet)  # only now: the database has it
    quality.commit(live.memory, fresh, passed.changes)
    stored = sum(len(frame) for frame in fresh)
    return Carried(
        stored=stored,
        repeated=sum(len(frame) for frame in frames) - stored,
        facts=facts,
        facts_repeated=len(passed.facts) - facts,
        refusals=passed.refusals,
        unmapped=passed.unmapped,
        transitions=transitions,
    )


def _letters(batch: Batch, refusals: list[Refusal]) -> list[DeadLetter]:
    return [
        DeadLetter(
            topic=batch.messages[refusal.message].topic,
            payload=batch.messages[refusal.message].payload,
            reason=refusal.reason,
            detail=refusal.detail,
            item=refusal.item,
            redelivered=batch.messages[refusal.message].redelivered,
        )
        for refusal in refusals
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What it takes to build `Live` from nothing."""

    writer_dsn: str
    profiles: Mapping[str, Profile]
    rulebook: Rulebook
    limits: pipeline.Limits


class Ingestor:
    """Runs the journey for ever: retries in place while the database is away, sets poison messages aside."""

    def __init__(self, source: Source, setup: Setup, clock: Clock, metrics: IngestMetrics) -> None:
        self._source = source
        self._setup = setup
        self._clock = clock
        self._metrics = metrics
        self._live: Live | None = None
        self._stopping = False
        self.registry_changed = asyncio.Event()
        """Set by the refresher; the registry is read again before the next batch."""

    def stop(self) -> None:
        """Finish the batch at hand, then end."""
        self._stopping = True

    async def run(self) -> None:
        """Open what is needed, then carry batches until `stop`; raises `Unavailable` when another ingest is running."""
        self._live = await self._open(wait_for_lock_s=TAKEOVER_S)
        async for batch in self._source.batches():
            await self._deliver(batch)
            self._source.acknowledge(batch)
            if self._stopping:
                break
        await self._close()

    async def _deliver(self, batch: Batch) -> None:
        """Carry a batch, however long the database is away."""
        retry_s, patience_s = FIRST_RETRY_S, patience.FIRST_S
        while True:
            try:
                live = self._live or await self._open(wait_for_lock_s=0)
                self._live = live
                with patience.hung_up(live.conn, patience_s):
                    await self._refresh(live)
                    started = self._clock()
                    await self._carry_all(batch, live, started)
            except (psycopg.Error, OSError, Unavailable) as error:
                self._metrics.retries.inc()
                for message in batch.messages:
                    message.redelivered = True  # the commit's outcome is unknown: a refusal may be counted already
                log.warning("batch_retry", reason=str(error).splitlines()[0], retry_s=retry_s)
                await self._close()
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
                patience_s = min(patience_s * 2, patience.LONGEST_S)
            else:
                self._metrics.batch_seconds.observe((self._clock() - started).total_seconds())
                self._metrics.backlog.set(batch.backlog)
                return

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
        self._count(batch, carried, now)

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
            await dead_letters.record(live.conn, [letter], now)
        self._metrics.refused.labels("internal_error").inc()

    def _count(self, batch: Batch, carried: Carried, now: datetime) -> None:
        metrics = self._metrics
        metrics.received.inc(len(batch.messages))
        metrics.stored.inc(carried.stored)
        metrics.repeated.inc(carried.repeated)
        metrics.transitions.inc(carried.transitions)
        for refusal in carried.refusals:
            metrics.refused.labels(refusal.reason).inc()
        if self._live is not None and carried.stored:
            metrics.lag_seconds.set(max(now.timestamp() - self._live.memory.newest_us.max() / 1e6, 0))
        log.debug(
            "batch",
            messages=len(batch.messages),
            stored=carried.stored,
            repeated=carried.repeated,
            refused=len(carried.refusals),
            transitions=carried.transitions,
            backlog=batch.backlog,
        )

    async def _refresh(self, live: Live) -> None:
        if self.registry_changed.is_set():
            self.registry_changed.clear()
            live.directory = await load_directory.load(
                live.conn, self._setup.profiles, live.directory.locator, live.directory
            )
            log.info("registry_read", devices=len(live.directory.fleet))

    async def _open(self, wait_for_lock_s: float) -> Live:
        """Connect, become the one ingest, and take everything that is remembered from what was committed."""
        setup = self._setup
        conn = await connect(setup.writer_dsn, role=WRITER, name="ingest")
        try:
            with patience.hung_up(conn, patience.LONGEST_S):
                await conn.set_autocommit(True)
                await _become_the_one(conn, wait_for_lock_s)
                await publish_profiles(conn, setup.profiles)
                await readings.prepare(conn)
                locator = await load_directory.load_locator(conn)
                directory = await load_directory.load(conn, setup.profiles, locator)
                live = Live(
                    conn=conn,
                    directory=directory,
                    rulebook=setup.rulebook,
                    state=await incidents.load_state(conn, setup.rulebook, directory.fleet),
                    memory=await load_memory.load(conn, directory),
                    limits=setup.limits,
                )
        except BaseException:
            await conn.close()
            raise
        log.info("ingest_ready", devices=len(directory.fleet), grids=len(locator), rules=len(setup.rulebook.rules))
        return live

    async def _close(self) -> None:
        if self._live is not None:
            with suppress(psycopg.Error, OSError):
                await self._live.conn.close()
            self._live = None


async def _become_the_one(conn: AsyncConnection, wait_s: float) -> None:
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        row = await (await conn.execute("SELECT pg_try_advisory_lock(%s)", (locks.ONE_INGEST,))).fetchone()
        if row and row[0]:
            return
        if asyncio.get_running_loop().time() >= deadline:
            raise Unavailable("another ingest process works on this database: stop it first (see `citygrid doctor`)")
        await asyncio.sleep(0.2)
