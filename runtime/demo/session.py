"""The part of a demo in which things happen: the feed plays, incidents are watched for, messages are counted."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import httpx2
import psycopg
import structlog
from psycopg import Connection

from core.errors import Unavailable
from runtime.demo.children import Children
from runtime.demo.count import Count, Counter, device_ids
from runtime.demo.match import Verdict, cut_short, without
from runtime.demo.report import Report
from runtime.demo.tally import Tally, stored_incidents
from runtime.demo.watch import Sighting, Watcher, signed
from runtime.settings import Settings
from simulators import launch, publisher
from simulators.feed import Feed
from simulators.launch import City
from simulators.ledger import Ledger, Window
from simulators.publisher import Outlet
from simulators.scenario import Plan, Scenario
from storage.pool import OWNER, session_options

log = structlog.get_logger()

LAST_FAULT_BEFORE_END_S = 5.0
"""The last fault must be detectable this long before the end (our choice)."""
CHECK_EVERY_S = 2.0
SUMMARY_EVERY_S = 2.0
SHOW_EVERY_S = 0.5
DRAIN_S = 90.0
"""After the last message: how long to wait until everything is stored and every incident is seen."""
SETTLE_S = 1.0
INGEST_READY_S = 30.0
CARRIED = "SELECT count(*) FROM shard_lease WHERE expires_at > now()"
COMPONENTS = "SELECT count(*) FROM component"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the screen shows."""

    address: str
    elapsed_s: float
    duration_s: float | None
    devices: int
    published: int
    sent: int
    bad_sent: int
    pending: int
    count: Count
    verdict: Verdict
    faults: int
    visible_s: tuple[float, ...]
    latest: tuple[Sighting, ...]
    summary: dict[str, object] | None
    """The API's summary; None while it does not answer."""
    processes: tuple[tuple[str, int | None, int], ...]
    """Name, pid, restarts."""
    service_restarts: int
    phase: str


Show = Callable[[View], None]


class Keeper(Protocol):
    """What keeps the services up."""

    restarts: int

    async def watch(self) -> None:
        """Run until cancelled."""
        ...


@dataclass(slots=True, kw_only=True)
class Session:
    """One run of the simulators against a running platform."""

    settings: Settings
    address: str
    key: str
    """An API key: the demo looks on as any program does."""
    city: City
    scenario: Scenario
    seed: int
    faults_per_minute: float | None
    rate_scale: float
    duration_s: float | None
    _conn: Connection | None = None
    _counter: Counter | None = None
    _checking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _count: Count = field(default_factory=Count)
    _verdict: Verdict = field(default_factory=lambda: Verdict(matched={}, missed=(), unexplained=()))
    _summary: dict[str, object] | None = None
    _phase: str = "starting"
    _ended_ms: int = 0

    async def run(self, children: Children, services: Keeper, stop: asyncio.Event, show: Show) -> Report:
        """Play until the duration is over or `stop` is set; then drain, count and judge."""
        await self._until_ingest_listens()
        start_epoch_s = round(time.time() + 0.5, 3)
        tally, feed = self._prepare(start_epoch_s)
        fleet = device_ids(self._connection(), self.city.roster.label)
        self._counter = Counter(since_ms=tally.start_ms, device_ids=fleet)
        outlet = launch.make_outlet(
            frozenset(self.city.roster.district_code), self.settings.broker_url, tally.ledger, f"demo-{tally.start_ms}"
        )
        watcher = Watcher(self.address, tally.note_sighting, self.key)

        def view() -> View:
            return self._view(tally, outlet, children, services)

        background = [
            services.watch(),
            watcher.run(),
            self._poll_summary(),
            self._keep_counting(tally),
            self._keep_showing(show, view),
            *(gateway.run() for gateway in outlet.gateways.values()),
            launch.listen(frozenset(outlet.gateways), self.settings.broker_url, feed.obey),
        ]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(work, name=work.__qualname__) for work in background]
            await watcher.connected.wait()
            self._phase = "running"
            player = tasks.create_task(
                publisher.play(feed, outlet, lambda: time.time() - start_epoch_s, self.duration_s, tally.note_tick),
                name="play",
            )
            stopped = tasks.create_task(stop.wait(), name="stop")
            await asyncio.wait([player, stopped], return_when=asyncio.FIRST_COMPLETED)
            player.cancel()
            stopped.cancel()
            self._phase, self._ended_ms = "draining", round(time.time() * 1000)
            await outlet.send(feed.release())
            await self._drain(outlet, tally)
            self._phase = "done"
            show(view())
            for task in running:
                task.cancel()
        return self._judge(tally, outlet, children, services)

    def _prepare(self, start_epoch_s: float) -> tuple[Tally, Feed]:
        until_s = None if self.duration_s is None else self.duration_s - LAST_FAULT_BEFORE_END_S
        plan = Plan(
            seed=self.seed,
            start_epoch_s=start_epoch_s,
            per_minute=self.scenario.faults_per_minute if self.faults_per_minute is None else self.faults_per_minute,
            until_s=until_s,
        )
        setup = launch.make_setup(
            self.city,
            self.scenario,
            plan,
            zone=self.settings.timezone,
            rate_scale=self.rate_scale,
            payload_limit_bytes=self.settings.payload_limit_bytes,
        )
        ledger = Ledger(self.settings.data_dir / "demo")
        return Tally(setup, ledger, round(start_epoch_s * 1000)), Feed(setup)

    async def _drain(self, outlet: Outlet, tally: Tally) -> None:
        """Wait until every message is acknowledged and stored and every fault was seen, or for `DRAIN_S`."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await outlet.drained()
                await self._check(tally, tally.ledger.close())
                while self._count.lost or self._verdict.missed:
                    await asyncio.sleep(SETTLE_S)
                    await self._check(tally, [])
        except TimeoutError:
            log.warning("drain_timed_out", missing=self._count.lost, unseen=len(self._verdict.missed))
            await self._check(tally, tally.ledger.close())

    async def _keep_counting(self, tally: Tally) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            if self._phase != "draining":
                await self._check(tally, tally.ledger.take_complete())
                tally.forget_before(round(time.time() * 1000))

    async def _check(self, tally: Tally, windows: list[Window]) -> None:
        """Count windows and fit incidents; a database that is away leaves the numbers as they are."""
        async with self._checking:
            assert self._counter is not None
            self._counter.add(windows)
            try:
                await asyncio.to_thread(self._check_now, tally)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                log.debug("count_waits", error=str(error))
                self._conn = None

    def _check_now(self, tally: Tally) -> None:
        """Do the work of `_check`; in a thread, because it may take long after an outage."""
        assert self._counter is not None
        conn = self._connection()
        self._count = self._counter.check(conn)
        verdict = tally.verdict(conn)
        self._verdict = without(verdict, cut_short(verdict, self._ended_ms)) if self._ended_ms else verdict
        conn.commit()

    async def _poll_summary(self) -> None:
        async with httpx2.AsyncClient(base_url=self.address, headers=signed(self.key), timeout=2.0) as client:
            while True:
                try:
                    response = await client.get("/api/v1/summary")
                    self._summary = response.json() if response.status_code == 200 else None
                except (httpx2.HTTPError, OSError):
                    self._summary = None
                await asyncio.sleep(SUMMARY_EVERY_S)

    async def _keep_showing(self, show: Show, view: Callable[[], View]) -> None:
        while True:
            show(view())
            await asyncio.sleep(SHOW_EVERY_S)

    async def _until_ingest_listens(self) -> None:
        """Wait until an ingest process carries the city: readings from before would only wait in the broker."""
        deadline = time.monotonic() + INGEST_READY_S
        while True:
            row = await asyncio.to_thread(lambda: self._connection().execute(CARRIED).fetchone())
            self._connection().rollback()
            if row and row[0]:
                return
            if time.monotonic() > deadline:
                raise Unavailable(f"ingest did not become ready within {INGEST_READY_S:.0f} s: see its log")
            await asyncio.sleep(0.2)

    def _connection(self) -> Connection:
        if self._conn is None or self._conn.closed:
            self._conn = psycopg.connect(
                self.settings.owner_dsn(),
                options=session_options(OWNER),
                application_name="citygrid-demo",
                connect_timeout=5,
            )
        return self._conn

    def _view(self, tally: Tally, outlet: Outlet, children: Children, services: Keeper) -> View:
        return View(
            address=self.address,
            elapsed_s=max(0.0, time.time() - tally.start_ms / 1000),
            duration_s=self.duration_s,
            devices=len(self.city.roster),
            published=tally.totals.messages,
            sent=tally.ledger.good_count,
            bad_sent=tally.ledger.bad_count,
            pending=sum(gateway.pending for gateway in outlet.gateways.values()),
            count=self._count,
            verdict=self._verdict,
            faults=tally.totals.faults,
            visible_s=tuple(tally.visible_s),
            latest=tuple(tally.sightings[-8:]),
            summary=self._summary,
            processes=tuple((child.name, child.pid, child.restarts) for child in children.children),
            service_restarts=services.restarts,
            phase=self._phase,
        )

    def _judge(self, tally: Tally, outlet: Outlet, children: Children, services: Keeper) -> Report:
        """Give the verdict from what the database holds."""
        conn = self._connection()
        incidents = stored_incidents(conn, tally.start_ms, self._ended_ms)
        verdict = tally.verdict(conn, incidents)
        unfinished = cut_short(verdict, self._ended_ms)
        row = conn.execute(COMPONENTS).fetchone()
        conn.close()
        assert row is not None
        return Report(
            components=row[0],
            devices=len(self.city.roster),
            seconds=(self._ended_ms - tally.start_ms) / 1000,
            count=self._count,
            faults=tally.totals.faults - len(unfinished),
            incidents=len(incidents),
            verdict=without(verdict, unfinished),
            visible_s=tuple(tally.visible_s),
            refused=outlet.total("refused"),
            restarts=sum(child.restarts for child in children.children) + services.restarts,
        )
