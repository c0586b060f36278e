"""The bridge processes: `run_jt808` and `run_gtfs_rt`, until told to stop or until the broker will never have us."""

import asyncio
import secrets
import signal
from collections.abc import Coroutine

import httpx2
import structlog

from core.errors import Conflict
from runtime.bridges import gtfs_rt, jt808
from runtime.bridges.metrics import BridgeMetrics
from runtime.bridges.outlet import Outlet
from runtime.settings import Settings
from wire import broker

log: structlog.stdlib.BoundLogger = structlog.get_logger()

ACCOUNT = "bridge"
AGENT = "CityGrid"


def run_jt808(settings: Settings) -> None:
    """Serve terminals until told to stop; raises `PlatformError` when that cannot start."""
    asyncio.run(_jt808(settings))


def run_gtfs_rt(settings: Settings) -> None:
    """Poll the feeds until told to stop; raises `PlatformError` when that cannot start."""
    asyncio.run(_gtfs_rt(settings))


async def _jt808(settings: Settings) -> None:
    address = broker.parse(settings.broker_url(ACCOUNT))
    metrics, outlet = BridgeMetrics(), Outlet(address, _client_id("jt808"))
    metrics.serve(settings.bridge_metrics_port)
    # the secret of the authentication codes is the broker account's password: both are ours, and neither is shown
    secret = (address.password or "").encode()
    server = jt808.Server(outlet.publish, secret, jt808.Limits(connections=settings.jt808_connections), metrics)
    try:
        listener = await asyncio.start_server(server.serve, settings.jt808_host, settings.jt808_port, backlog=1024)
    except OSError as error:
        raise Conflict(f"cannot listen on {settings.jt808_host}:{settings.jt808_port}: {error.strerror}") from error
    log.info("jt808_ready", host=settings.jt808_host, port=listener.sockets[0].getsockname()[1])
    async with listener:
        await _until_stopped(outlet.run())
        listener.close()
        await server.close()
    log.info("jt808_stopped")


async def _gtfs_rt(settings: Settings) -> None:
    feeds = gtfs_rt.parse(settings.gtfs_rt_feeds.get_secret_value())
    metrics, outlet = BridgeMetrics(), Outlet(broker.parse(settings.broker_url(ACCOUNT)), _client_id("gtfs-rt"))
    metrics.serve(settings.bridge_metrics_port)
    headers = {"user-agent": AGENT, "accept": "application/x-protobuf, application/octet-stream, */*"}
    async with httpx2.AsyncClient(timeout=gtfs_rt.TIMEOUT, headers=headers, follow_redirects=False) as client:
        pollers = [gtfs_rt.Poller(feed, client, outlet.publish, metrics) for feed in feeds]
        log.info("gtfs_rt_ready", feeds=[feed.name for feed in feeds], interval_s=settings.gtfs_rt_interval_s)
        await _until_stopped(outlet.run(), *(poller.run(settings.gtfs_rt_interval_s) for poller in pollers))
    log.info("gtfs_rt_stopped")


def _client_id(bridge: str) -> str:
    """Give a name of our own, so that several of a kind can run beside each other."""
    return f"citygrid-{bridge}-{secrets.token_hex(4)}"


async def _until_stopped(*work: Coroutine[object, object, None]) -> None:
    """Run until a signal comes, or one of `work` ends, which is only ever by failing."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    tasks = [asyncio.create_task(one, name=f"bridge-{number}") for number, one in enumerate(work)]
    tasks.append(asyncio.create_task(_wait(stopping), name="stopping"))
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def _wait(stopping: asyncio.Event) -> None:
    await stopping.wait()
