"""Keeps this process's shards: takes free ones, gives some back to a new process, drains those that are no more.

Each held shard runs a journey of its own: connections to the broker and the database, rules' memory. A process that
holds none stands by and takes over within seconds when another dies.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg
import structlog
from psycopg import AsyncConnection

from alerts import memory_store
from core.errors import Unavailable
from ingest import lanes, source
from ingest.lanes import Shard
from runtime import patience, shares
from runtime.shard_journey import Place, ShardJourney
from storage import leases
from storage.leases import Lease, LeaseLost
from storage.pool import WRITER, connect

log: structlog.stdlib.BoundLogger = structlog.get_logger()

ROUND_S = 1.0
"""How often a process says that it lives and looks for shards; well within the life of a lease."""
ROUND_PATIENCE_S = 5.0
"""A database that is silent for so long in a round is hung up on; a round takes milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How this process appears to the others."""

    process: str
    setting: str
    """`CITYGRID_SHARDS`: processes that divide the city differently do not count as each other's helpers."""
    metrics_url: str


class ShardKeeper:
    """Owns the journeys of this process."""

    def __init__(self, place: Place, identity: Identity, shards: Sequence[Shard]) -> None:
        self.journeys: dict[str, ShardJourney] = {}
        self._place = place
        self._identity = identity
        self._shards = {shard.name: shard for shard in shards}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._to_give: set[str] = set()
        self._said = ""
        self._stopping = asyncio.Event()

    @property
    def keeps_house(self) -> bool:
        """Whether this process does what one process is enough for: it carries the first shard."""
        return next(iter(self._shards)) in self.journeys

    @property
    def is_connected(self) -> bool:
        """Whether every journey has the broker's attention now."""
        return all(journey.source.is_connected for journey in self.journeys.values())

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def read_registry(self) -> None:
        """Have every journey read the registry again before its next batch."""
        for journey in self.journeys.values():
            journey.carrier.registry_changed.set()

    def read_silences(self) -> None:
        """Have every journey read the silences again before its next batch."""
        for journey in self.journeys.values():
            journey.carrier.silences_changed.set()

    def read_city_time(self) -> None:
        """Have every journey read the city's limits and calendar again before its next batch."""
        for journey in self.journeys.values():
            journey.carrier.city_time_changed.set()

    def read_rules(self) -> None:
        """Have every journey take up the published rules before its next batch."""
        for journey in self.journeys.values():
            journey.carrier.rules_changed.set()

    def stop(self) -> None:
        """Finish the batches at hand, give every shard back, end."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep shards until `stop`; raises what a journey cannot mend."""
        rounds = asyncio.create_task(self._keep(), name="shards")
        stopped = asyncio.create_task(self._stopping.wait(), name="stop")
        try:
            await asyncio.wait([rounds, stopped], return_when=asyncio.FIRST_COMPLETED)
            if rounds.done():
                rounds.result()
        finally:
            for task in (rounds, stopped):
                task.cancel()
            await asyncio.gather(rounds, stopped, return_exceptions=True)
            await self._hand_over()

    async def _keep(self) -> None:
        """Do a round a second, or at once when a shard is given back; a database that is away is waited for."""
        while True:
            try:
                async with await connect(self._place.setup.writer_dsn, role=WRITER, name="ingest-leases") as conn:
                    await conn.set_autocommit(True)
                    await conn.execute(f"LISTEN {leases.CHANNEL}")  # a constant of ours
                    while True:
                        with patience.hung_up(conn, ROUND_PATIENCE_S):
                            await self._round(conn)
                        async for _ in conn.notifies(timeout=ROUND_S, stop_after=1):
                            pass
            except (psycopg.Error, OSError, Unavailable) as error:
                log.warning("leases_retry", reason=str(error).splitlines()[0], retry_s=ROUND_S)
            self._reap()
            await asyncio.sleep(ROUND_S)

    async def _round(self, conn: AsyncConnection) -> None:
        self._reap()
        me = self._identity
        await leases.announce(conn, me.process, me.setting, me.metrics_url)
        declared = [(shard.name, shard.districts, shard.takes_foreign) for shard in self._shards.values()]
        await leases.declare(conn, declared)
        for journey in self.journeys.values():
            if not (journey.carrier.is_open or journey.is_ending):
                await self._renew(conn, journey)
        rows = {lease.shard: lease for lease in await leases.leases(conn)}
        living = {it.process for it in await leases.processes(conn) if it.setting == me.setting}
        alike = sorted(living | {me.process})  # a slow round may have outlived our own announcement
        plan = shares.plan(me.process, alike, list(self._shards.values()), list(rows.values()))
        given, self._to_give = set(plan.give) & self._to_give, set(plan.give)
        for name in given:  # wanted twice in a row: what another process takes just now is not counted yet
            if name in self.journeys:
                log.info("shard_given", shard=name, processes=len(alike))
                self.journeys[name].carrier.stop()
        for name in plan.drain:
            await self._drain(conn, rows[name])
        for name in plan.take:
            if name not in self.journeys:
                await self._take(conn, rows[name], self._shards[name], drains=False)
        self._tell(rows, plan)

    async def _renew(self, conn: AsyncConnection, journey: ShardJourney) -> None:
        """Keep the lease of a journey that is still loading."""
        try:
            await leases.renew(conn, journey.lease)
            journey.carrier.note_renewed()
        except LeaseLost as lost:
            log.warning("shard_lost", shard=journey.lease.shard, reason=str(lost))
            self._tasks[journey.lease.shard].cancel()

    async def _take(self, conn: AsyncConnection, lease: Lease, shard: Shard, *, drains: bool) -> None:
        async with conn.transaction():
            held = await leases.acquire(conn, lease.shard, self._identity.process)
        if held is None:
            async with conn.transaction():
                ended = await leases.cut_off(conn, lease.shard)
            if ended:
                log.warning("holder_cut_off", shard=lease.shard, holder=lease.process, reason="its lease ran out")
            return
        self._place.metrics.leases_taken.inc()
        log.info("shard_taken", shard=lease.shard, epoch=held.epoch, before=lease.process, drains=drains)
        journey = ShardJourney(self._place, shard, held, drains=drains)
        self.journeys[lease.shard] = journey
        self._tasks[lease.shard] = asyncio.create_task(journey.run(), name=f"journey_{lease.shard}")
        self._place.metrics.shards_held.set(len(self.journeys))

    async def _drain(self, conn: AsyncConnection, lease: Lease) -> None:
        """Carry to its end what still waits for a shard that is no more.

        The new shards' queues are made first, so that every message is in one queue at least; what is in both is
        recognised when it comes again. The new shards then start from what was remembered here.
        """
        if lease.shard in self.journeys:
            return
        queues = [queue for shard in self._shards.values() for queue in lanes.queues(shard, self._place.client_id)]
        taken = {row.shard for row in await leases.leases(conn) if row.is_held}
        waiting = [queue for queue in queues if not any(self._is_of(queue, name) for name in taken)]
        await source.reserve(self._place.broker, waiting, self._place.limits)
        await memory_store.forget_watch(conn, [name for name in self._shards if name not in taken])
        districts = tuple(lease.districts) if lease.districts is not None else None
        shard = Shard(name=lease.shard, districts=districts, takes_foreign=lease.takes_foreign)
        await self._take(conn, lease, shard, drains=True)

    def _is_of(self, queue: lanes.Queue, shard: str) -> bool:
        return shard in self._shards and queue in lanes.queues(self._shards[shard], self._place.client_id)

    def _reap(self) -> None:
        """Forget journeys that ended: given back, or lost; anything else ends the process."""
        for name, task in list(self._tasks.items()):
            if not task.done():
                continue
            del self._tasks[name], self.journeys[name]
            self._place.metrics.shards_held.set(len(self.journeys))
            if task.cancelled():
                self._place.metrics.leases_lost.inc()
                continue
            if (error := task.exception()) is None:
                continue
            if not isinstance(error, LeaseLost):
                raise error
            self._place.metrics.leases_lost.inc()
            log.warning("shard_lost", shard=name, reason=str(error))

    def _tell(self, rows: dict[str, Lease], plan: shares.Plan) -> None:
        """Say once why this process does not carry a shard."""
        others = [
            f"shard {lease.shard} is held by {lease.process}"
            for lease in rows.values()
            if lease.is_held and lease.process != self._identity.process and lease.shard not in self.journeys
        ]
        sentence = f"{'; '.join(others)}, standing by" if others and not self.journeys else ""
        if plan.blocked and others:
            sentence = f"the city was divided otherwise before: {'; '.join(others)}; waiting for it"
        if sentence and sentence != self._said:
            log.info("standing_by", why=sentence)
        self._said = sentence

    async def _hand_over(self) -> None:
        """End every journey in order; the last one of them tells the others."""
        for journey in self.journeys.values():
            journey.carrier.stop()
        results = await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        with suppress(psycopg.Error, OSError):
            async with await connect(self._place.setup.writer_dsn, role=WRITER, name="ingest-leases") as conn:
                await leases.withdraw(conn, self._identity.process)
        for error in results:
            if isinstance(error, Exception) and not isinstance(error, LeaseLost):
                raise error
