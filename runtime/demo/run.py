"""The demo: services, city, platform, simulators and a reader, in one command; ends with a counted verdict.

Everything runs as it would in production: the platform's processes are children of their own, the simulators speak MQTT
to the real broker, visibility is measured by a real HTTP client on the live stream. What dies is started again; nothing
is lost by it, and the verdict counts that instead of believing it.
"""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2
import structlog

from core.errors import Conflict, Unavailable
from runtime import rulebooks
from runtime.city import kinds, load_city
from runtime.demo.children import Children
from runtime.demo.people import welcome
from runtime.demo.report import Report
from runtime.demo.session import Session, Show
from runtime.services import control
from runtime.settings import Settings
from simulators import launch, scenario
from simulators.city import generate
from storage.pool import OWNER, connect

log = structlog.get_logger()

"""The demo's city is always the same one; `--seed` is for what happens in it (our choice)."""
CHILDREN = ("ingest", "notify", "api")
"""In the order they are ended: what feeds goes before what shows."""
READY_WITHIN_S = 60.0
SERVICES_EVERY_S = 1.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line may choose."""

    duration_s: float | None = None
    seed: int = 1
    faults_per_minute: float | None = None
    """None = as the scenario says."""
    scenario: str = "demo"
    rate_scale: float = 1.0


async def run_demo(settings: Settings, options: Options, say: Say, show: Show) -> Report:
    """Bring the city to life for a while, or until Ctrl-C, and give the verdict.

    Raises: `PlatformError` families with one sentence when something cannot start.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        return await _run(settings, options, say, show, stop)
    except BaseExceptionGroup as group:
        raise _first(group) from group


async def _run(settings: Settings, options: Options, say: Say, show: Show, stop: asyncio.Event) -> Report:
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(_services(settings, say))
        await _ensure_city(settings, say)
        address, children = await stack.enter_async_context(_platform(settings, say))
        entry = await welcome(settings)
        for line in entry.lines(address):
            say(line)
        session = Session(
            settings=settings,
            address=address,
            key=entry.key,
            city=launch.load_city(settings.data_dir / "city" / "devices.csv", rulebooks.profiles(settings)),
            scenario=scenario.named(options.scenario),
            seed=options.seed,
            faults_per_minute=options.faults_per_minute,
            rate_scale=options.rate_scale,
            duration_s=options.duration_s,
        )
        report = await session.run(children, services, stop, show)
        say("stopping")
    return report


def _first(error: BaseException) -> BaseException:
    """Give the error that began it: the tasks that were cancelled because of it are of no interest."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class Services:
    """Keeps our own services up while the demo runs."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self.restarts = 0
        self._settings = settings
        self._say = say

    async def watch(self) -> None:
        """Look every second whether the services run, and start what does not; runs until cancelled."""
        while True:
            await asyncio.sleep(SERVICES_EVERY_S)
            parts = await asyncio.to_thread(control.status, self._settings)
            down = [part.name for part in parts if part.state == "stopped"]
            if not down:
                continue
            self.restarts += len(down)
            log.warning("service_died", services=down)
            try:
                await asyncio.to_thread(control.start, self._settings, lambda _: None)
            except (Unavailable, Conflict, OSError) as error:
                log.warning("service_start_failed", error=str(error))


@asynccontextmanager
async def _services(settings: Settings, say: Say) -> AsyncGenerator[Services]:
    """Start what does not run; at the end stop both again, if it was us who started them."""
    ours = any(part.state == "stopped" for part in control.status(settings))
    await asyncio.to_thread(control.start, settings, say)
    try:
        yield Services(settings, say)
    finally:
        if ours:
            await asyncio.to_thread(control.stop, settings)


async def _ensure_city(settings: Settings, say: Say) -> None:
    """Generate the city's files if there are none, and load them if the database is empty."""
    folder = settings.data_dir / "city"
    if not (folder / "city.json").is_file():
        say("making the synthetic city: streets, 14,000 grids, 548,000 components")
        await asyncio.to_thread(lambda: generate.write(generate.generate(generate.DEFAULT_SEED), folder))
    conn = await connect(settings.owner_dsn(), role=OWNER, name="demo-city")
    async with conn:
        loaded = await load_city(conn, folder, now=datetime.now(UTC), actor="demo", kinds=kinds(settings))
        await conn.commit()
    if not loaded.already_there:
        say(f"loaded {loaded.components:,} components and {loaded.devices:,} devices")


@asynccontextmanager
async def _platform(settings: Settings, say: Say) -> AsyncGenerator[tuple[str, Children]]:
    """Start ingest, notifier and API, wait until they work, end them in order at the end."""
    port = _free_port(settings)
    address = f"http://{settings.http_host}:{port}"
    environment = {"CITYGRID_HTTP_PORT": str(port), "CITYGRID_DATA_DIR": str(settings.data_dir.resolve())}
    children = Children(CHILDREN, settings.data_dir / "logs", environment)
    async with asyncio.TaskGroup() as tasks:
        ingest, *others = children.children
        keepers = [tasks.create_task(children.supervise(child), name=f"child-{child.name}") for child in others]
        try:
            await _until_ready(address)
            # last, because from now on a device that says nothing is silent
            keepers.append(tasks.create_task(children.supervise(ingest), name="child-ingest"))
            yield address, children
        finally:
            await asyncio.shield(children.stop())
            for keeper in keepers:
                keeper.cancel()
    say("platform stopped")


def _free_port(settings: Settings) -> int:
    """Give the port the API will listen on; raises `Unavailable` when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.http_host, settings.http_port))
        except OSError as error:
            raise Unavailable(
                f"cannot listen on {settings.http_host}:{settings.http_port} ({error.strerror}): "
                "stop the other demo, or set CITYGRID_HTTP_PORT"
            ) from error
        port: int = probe.getsockname()[1]
        return port


async def _until_ready(address: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    async with httpx2.AsyncClient(base_url=address, timeout=2.0) as client:
        while True:
            try:
                if (await client.get("/readyz")).status_code == 200:
                    return
            except (httpx2.HTTPError, OSError) as error:
                log.debug("api_waits", error=repr(error))
            if time.monotonic() > deadline:
                raise Unavailable(f"the API did not become ready within {READY_WITHIN_S:.0f} s: see the logs")
            await asyncio.sleep(0.2)
