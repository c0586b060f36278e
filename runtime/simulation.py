"""Runs simulators for the command line: a feed, a recording, a replay; each ends in order when told to."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime import rulebooks
from runtime.settings import Settings
from simulators import launch, publisher, recorder, scenario
from simulators.feed import Feed, Message, Tick
from simulators.gateway import Policy
from simulators.ledger import Ledger
from simulators.publisher import Outlet
from simulators.replay import Timing, replay
from simulators.scenario import Plan
from wire import broker, topics

DRAIN_S = 10.0
"""How long to wait at the end for the broker to acknowledge the rest."""

Progress = Callable[[int], None]
UrlOf = Callable[[str], str]


@dataclass(slots=True)
class Tally:
    """Counts what became of messages that no ledger is kept for."""

    acknowledged: int = 0
    was_refused: int = 0

    def sent(self, _message: Message) -> None:
        """Count an acknowledged message."""
        self.acknowledged += 1

    def refused(self, _message: Message) -> None:
        """Count a message the broker would not take."""
        self.was_refused += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What `citygrid simulate run` was asked to do."""

    fleet_file: Path
    scenario: str
    seed: int
    duration_s: float | None
    rate_scale: float
    start_epoch_s: float
    url_of: UrlOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What `citygrid simulate replay` was asked to do; `url` overrides the districts' accounts."""

    file: Path
    speed: float
    is_shifted: bool
    loop: bool
    url_of: UrlOf
    is_one_account: bool = field(default=False)


def until_interrupted(work: Callable[[asyncio.Event], Coroutine[Any, Any, dict[str, Any]]]) -> dict[str, Any]:
    """Run `work` with an event that SIGINT and SIGTERM set, and give its result."""

    async def main() -> dict[str, Any]:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        return await work(stop)

    return asyncio.run(main())


async def run_feed(settings: Settings, job: Run, stop: asyncio.Event, progress: Progress) -> dict[str, Any]:
    """Publish a fleet's feed with its faults until it is over or `stop`; the ground truth goes beside the ledger."""
    city = launch.load_city(job.fleet_file, rulebooks.profiles(settings))
    chosen = scenario.named(job.scenario)
    plan = Plan(
        seed=job.seed, start_epoch_s=job.start_epoch_s, per_minute=chosen.faults_per_minute, until_s=job.duration_s
    )
    setup = launch.make_setup(
        city,
        chosen,
        plan,
        zone=settings.timezone,
        rate_scale=job.rate_scale,
        payload_limit_bytes=settings.payload_limit_bytes,
    )
    ledger, tally = Ledger(settings.data_dir / "simulate"), Tally()
    counts = {"published": 0, "bad": 0, "faults": 0}
    start_ms = round(job.start_epoch_s * 1000)

    def note(tick: Tick) -> None:
        counts["published"] += len(tick.messages) + len(tick.released)
        counts["bad"] += sum(bool(message.defect) for message in tick.messages)
        for fault in (it for it in tick.started if it.stands_for_all):
            counts["faults"] += 1
            ledger.fault(scenario.label(fault, setup.roster, start_ms))
        progress(counts["published"])

    outlet = launch.make_outlet(
        frozenset(city.roster.district_code),
        job.url_of,
        tally,
        f"simulate-{start_ms}",
        Policy(wait_for_subscriber=False),
    )
    begun, feed = time.monotonic(), Feed(setup)

    async def play() -> None:
        hearing = asyncio.create_task(launch.listen(frozenset(outlet.gateways), job.url_of, feed.obey))
        try:
            await publisher.play(feed, outlet, lambda: time.monotonic() - begun, job.duration_s, note)
        finally:
            hearing.cancel()

    await _connected(outlet, stop, play())
    return {**counts, **_fate(tally, outlet), "seconds": round(time.monotonic() - begun, 1)}


async def record(broker_url: str, job: recorder.Job, stop: asyncio.Event, progress: Progress) -> dict[str, Any]:
    """Record until the job's duration is over or `stop`."""
    counted = [0]

    def note(count: int) -> None:
        counted[0] = count
        progress(count)

    await _first_of(recorder.record(broker.parse(broker_url), job, note), stop)
    return {"recorded": counted[0], "file": str(job.file)}


async def replay_file(job: Replay, stop: asyncio.Event, progress: Progress) -> dict[str, Any]:
    """Publish a recording, once or again and again, until it is over or `stop`."""
    tally = Tally()
    outlet = launch.make_outlet(
        frozenset({""}) if job.is_one_account else _districts(job.file),
        job.url_of,
        tally,
        f"replay-{time.time_ns()}",
        Policy(wait_for_subscriber=False),
    )
    rounds = 0

    async def play() -> None:
        nonlocal rounds
        before = 0
        while True:
            header, recorded = recorder.messages(job.file)
            timing = Timing(speed=job.speed, is_shifted=job.is_shifted, start_epoch_ms=round(time.time() * 1000))
            before += await replay(header, recorded, outlet, timing, lambda count, base=before: progress(base + count))
            rounds += 1
            if not job.loop:
                return

    await _connected(outlet, stop, play())
    return {"replayed": tally.acknowledged, "rounds": rounds, **_fate(tally, outlet)}


def _districts(file: Path) -> frozenset[str]:
    """Give the districts whose gateways a recording needs."""
    _, recorded = recorder.messages(file)
    addresses = [topics.parse(message.topic) for message in recorded]
    return frozenset(address.district for address in addresses if address is not None)


async def _connected(outlet: Outlet, stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` while the gateways are connected, then wait a while for the last acknowledgements."""
    async with asyncio.TaskGroup() as tasks:
        links = [tasks.create_task(gateway.run(), name="gateway") for gateway in outlet.gateways.values()]
        await _first_of(work, stop)
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await outlet.drained()
        for link in links:
            link.cancel()


async def _first_of(work: Awaitable[Any], stop: asyncio.Event) -> None:
    """Do `work` until it is done or `stop` is set; its errors are raised."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _fate(tally: Tally, outlet: Outlet) -> dict[str, int]:
    return {
        "acknowledged": tally.acknowledged,
        "refused": tally.was_refused,
        "unacknowledged": sum(gateway.pending for gateway in outlet.gateways.values()),
        "reconnects": outlet.total("reconnects"),
    }
