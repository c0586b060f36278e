"""THE JOURNEY of a reading, in one function: `carry`. Receive, decode, store, evaluate, record, commit, acknowledge.

Around it: `runtime.carrier`. Exactly once: a batch is acknowledged after its commit; if it comes again, its readings
are not new and no rule sees them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import compress

import numpy as np
from psycopg import AsyncConnection

from alerts import engine, fan_in, member_store, memory_store, sightings
from alerts import store as incidents
from alerts.engine import RuleState
from alerts.limits import CityTime
from alerts.rule import Rulebook
from alerts.shadow import Shadow
from core.frame import Frame
from devices import service as devices
from ingest import doubts, knocks, pipeline, quality, sparkplug
from ingest.directory import Directory
from ingest.lanes import CITY
from ingest.last_messages import LastMessages
from ingest.latest import Newest, Unwritten
from ingest.message import Batch, Refusal
from runtime import letters, self_reports, shadowing
from runtime.stopwatch import Stopwatch
from storage import dead_letters, device_quality, device_state, edge_nodes, events, leases, readings, unknown_devices
from wire.edge_node import EdgeNode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Live:
    """What the journey works with; owned by the journey, swapped by the refresher between batches."""

    conn: AsyncConnection
    directory: Directory
    rulebook: Rulebook
    state: RuleState
    cases: fan_in.Cases
    memory: quality.Memory
    """What the checks of quality remember of each device."""
    latest: Unwritten
    """Each device's newest reading, as far as the database's `device_state` lacks it."""
    limits: pipeline.Limits
    city: CityTime = field(default_factory=CityTime)
    """Limits and calendar of the city."""
    shadows: list[Shadow] = field(default_factory=list[Shadow])
    """Rules that run beside the live ones and decide nothing."""
    edge_nodes: sparkplug.Memory = field(default_factory=dict[str, EdgeNode])
    """What births of Sparkplug edge nodes declared."""
    said: LastMessages = field(default_factory=LastMessages)
    """Last messages as they came, written down apart from the journey."""
    lease: leases.Held | None = None
    """Checked in every transaction; None = nobody else can be writing (tools and tests)."""
    watch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def shard(self) -> str:
        """The part of the city that is carried."""
        return self.lease.shard if self.lease is not None else CITY.name


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
    to_ask: tuple[str, ...]
    """Sparkplug edge nodes to ask for their births, now that the batch is committed."""
    age_s: float | None
    """Of the new readings, the one in the middle; None = none."""


async def carry(batch: Batch, live: Live, now: datetime) -> Carried:
    """Carry a batch from the broker's messages to incidents, in one transaction; the caller acknowledges it."""
    now_us, directory = (now - _EPOCH) // timedelta(microseconds=1), live.directory
    fleet, lap = directory.fleet, live.watch.lap
    births = sparkplug.Draft(live.edge_nodes)
    passed = pipeline.run(  # decode, validate, enrich
        batch, directory, live.memory, now_us, live.limits, lap, edge_nodes=births
    )
    async with live.conn.transaction():
        await require_lease(live)  # nobody else carries these devices until we have committed
        frames = await readings.recall_arrivals(live.conn, passed.frames, fleet, batch.redelivered, now_us)
        fresh = await readings.insert_new(live.conn, frames, fleet, now_us)  # what was not stored before
        await _note_first_readings(live, fresh, now)  # an installed device is heard
        facts = await events.insert_new(live.conn, passed.facts, fleet, now_us, batch.redelivered)
        await self_reports.note(live.conn, facts, fleet, now)  # what a device says it is
        lap("store")
        step = engine.step(live.state, fresh, live.rulebook, fleet, now)  # what the rules make of it
        step = sightings.see(live.state, step, facts, live.rulebook, fleet)  # and of the facts
        decided = fan_in.decide(live.cases, step, live.rulebook, fleet, now)  # which cases open, grow, recover
        lap("rules")
        transitions = await incidents.record(live.conn, decided, fleet, now, live.city)
        await memory_store.keep(live.conn, step.changes, fleet, live.shard)  # what the rules remember
        await member_store.keep(live.conn, decided, fleet)  # and what is remembered of cases
        news = shadowing.News(fresh, facts)
        shadowed = await shadowing.run(live.conn, live.shadows, news, fleet, live.shard, now)  # told to nobody
        lap("record")
        kept = await _keep_latest(live, now_us, busy=batch.backlog > 0)  # some devices' newest readings, in turn
        lap("latest")
        refused = letters.of_refusals(batch, passed.refusals)
        new = await device_quality.uncounted(live.conn, refused)
        await _count_doubts(live, passed, fresh, new, now)
        await unknown_devices.record(live.conn, knocks.of_refusals(batch, compress(passed.refusals, new)), now)
        await dead_letters.record(live.conn, refused, now)
        await letters.settle(live.conn, batch, refused, fresh, now)  # dead letters that this batch tried again
        lap("refuse")
        await edge_nodes.record(live.conn, births.changes())
    lap("commit")
    engine.commit(live.state, step)  # only now: the database has it
    fan_in.commit(live.cases, decided)
    shadowing.commit(shadowed)
    quality.commit(live.memory, fresh, passed.changes)
    sparkplug.commit(live.edge_nodes, births)
    live.latest.written(*kept)
    live.latest.note(fresh, now_us)
    live.said.note(batch, passed, now_us, len(fleet))
    lap("rules")
    stored = sum(len(frame) for frame in fresh)
    return Carried(
        stored=stored,
        repeated=sum(len(frame) for frame in frames) - stored,
        facts=len(facts),
        facts_repeated=len(passed.facts) - len(facts),
        refusals=passed.refusals,
        unmapped=passed.unmapped,
        transitions=transitions,
        to_ask=tuple(births.asked),
        age_s=_age_s(fresh, now_us),
    )


async def require_lease(live: Live) -> None:
    """Hold the lease until the transaction ends; raises `LeaseLost` when it is not ours any more."""
    if live.lease is not None:
        await leases.renew(live.conn, live.lease)
    live.watch.lap("lease")


async def _keep_latest(live: Live, now_us: int, *, busy: bool) -> tuple[Newest | None, int]:
    due = live.latest.due(now_us, busy=busy)
    kept_us = live.latest.kept_with(due, now_us)
    if due is not None:
        await device_state.keep(live.conn, due.frame, live.directory.fleet, due.received_us)
    if kept_us != live.latest.kept_us:
        await device_state.stamp(live.conn, live.shard, kept_us)
    return due, kept_us


async def write_rest(live: Live) -> None:
    """Write down every device's newest reading at once: the orderly end of carrying a shard."""
    async with live.conn.transaction():
        await require_lease(live)
        for newest in live.latest.rest():
            await device_state.keep(live.conn, newest.frame, live.directory.fleet, newest.received_us)


async def _note_first_readings(live: Live, fresh: Sequence[Frame], now: datetime) -> None:
    awaited, ids = live.directory.awaited, live.directory.fleet.device_id
    heard = [slot for frame in fresh for slot in set(frame.slot[awaited[frame.slot]].tolist())]
    if heard:
        await devices.first_readings(live.conn, ids[heard].tolist(), now)


def _age_s(frames: Sequence[Frame], now_us: int) -> float | None:
    if not frames:
        return None
    return max(now_us - float(np.median(np.concatenate([frame.ts_us for frame in frames]))), 0.0) / 1e6


async def _count_doubts(
    live: Live, passed: pipeline.Passed, fresh: Sequence[Frame], new: Sequence[bool], now: datetime
) -> None:
    if found := doubts.tally(passed, fresh, list(compress(passed.refusals, new))):
        await device_quality.add(live.conn, live.directory.fleet.device_id[found.slot], found.counts, now)
