"""The ingest process: builds the journey from the settings, keeps it fed and informed, ends it in order."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import psycopg
import structlog
from psycopg import sql

from alerts import rulebook
from core.errors import PlatformError
from devices import battery_watch
from ingest import lanes
from ingest.lanes import Shard
from ingest.pipeline import Limits
from ingest.source import Limits as SourceLimits
from ingest.validate import Tolerance
from runtime import broker_gauge, broker_watch, clock, rulebooks
from runtime.carrier import Setup
from runtime.identity_keeper import IdentityKeeper
from runtime.ingest_metrics import IngestMetrics
from runtime.ingest_report import Reporter
from runtime.settings import Settings
from runtime.shard_journey import Place
from runtime.shard_keeper import Identity, ShardKeeper
from storage import ingest_minutes, leases, retention, rollups, signals
from storage.pool import WRITER, connect
from wire import broker

log: structlog.stdlib.BoundLogger = structlog.get_logger()

ROLLUP_EVERY_S = 15.0
RETENTION_EVERY = timedelta(hours=1)
BATTERIES_EVERY = timedelta(hours=6)
"""Levels are of whole days."""
RECONNECT_S = 2.0


_CLOCK = clock.SteadyClock()


def now() -> datetime:
    """Give the time: this machine's, kept from jumping."""
    return _CLOCK.now()


def run_ingest(settings: Settings) -> None:
    """Run the ingest process until it is told to stop; raises `PlatformError` when it cannot start."""
    asyncio.run(_main(settings))


async def _main(settings: Settings) -> None:
    metrics = IngestMetrics()
    port = metrics.serve(settings.metrics_host, settings.metrics_port)
    place = Place(
        broker=broker.parse(settings.broker_url("ingest")),
        limits=SourceLimits(messages=settings.batch_messages, wait_s=settings.batch_wait_s),
        setup=_setup(settings),
        metrics=metrics,
        clock=now,
        client_id=settings.mqtt_client_id,
    )
    identity = Identity(
        process=f"{socket.gethostname()}:{os.getpid()}",
        setting=settings.shards.strip(),
        metrics_url=f"http://{_reachable(settings.metrics_host)}:{port}/metrics",
    )
    keeper = ShardKeeper(place, identity, await _shards(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, keeper.stop)
    log.info("ingest_started", process=identity.process, metrics=identity.metrics_url)
    helpers = [
        asyncio.create_task(follow_registry(settings, keeper), name="registry"),
        asyncio.create_task(_maintain(settings, keeper), name="maintenance"),
        asyncio.create_task(clock.keep(_CLOCK, settings.writer_dsn()), name="clock"),
        asyncio.create_task(broker_watch.keep(place.broker, settings.payload_limit_bytes), name="broker_watch"),
        asyncio.create_task(Reporter(place).run(keeper.journeys), name="report"),
        asyncio.create_task(
            IdentityKeeper(settings, place.setup.profiles, lambda: keeper.keeps_house and keeper.is_connected).run(),
            name="identities",
        ),
        asyncio.create_task(broker_gauge.keep(place.broker, metrics.broker_queued.set), name="broker_gauge"),
    ]
    journey = asyncio.create_task(_carry(settings, keeper), name="shards")
    done, _ = await asyncio.wait([journey, *helpers], return_when=asyncio.FIRST_COMPLETED)
    for task in (journey, *helpers):
        task.cancel()
    await asyncio.gather(journey, *helpers, return_exceptions=True)
    for task in done:
        if error := task.exception():
            raise error
    log.info("ingest_stopped")


async def _carry(settings: Settings, keeper: ShardKeeper) -> None:
    """See to it that rules are published, then keep shards; a database that is away is waited for."""
    while not keeper.is_stopping:
        try:
            async with await connect(settings.writer_dsn(), role=WRITER, name="ingest-rules") as conn:
                await rulebooks.ensure_published(conn, settings, now())
            break
        except (psycopg.OperationalError, OSError) as error:
            log.warning("rules_retry", reason=str(error).splitlines()[0], retry_s=RECONNECT_S)
            await asyncio.sleep(RECONNECT_S)
    await keeper.run()


def _reachable(host: str) -> str:
    """Give the name under which others find a server that listens on `host`."""
    return socket.gethostname() if host in {"0.0.0.0", "::"} else host  # noqa: S104  # compared, not bound


async def _shards(settings: Settings) -> tuple[Shard, ...]:
    """Give the city's division; raises `InvalidInput` when the setting and the city's districts do not fit."""
    if not settings.shards.strip():
        return lanes.shards("", ())
    async with await connect(settings.writer_dsn(), role=WRITER, name="ingest-leases") as conn:
        return lanes.shards(settings.shards, await leases.districts(conn))


def _setup(settings: Settings) -> Setup:
    return Setup(
        writer_dsn=settings.writer_dsn(),
        profiles=rulebooks.profiles(settings),
        rulebook=rulebook.load(rulebooks.source(settings), rulebooks.calendar(settings)),
        limits=Limits(
            payload_bytes=settings.payload_limit_bytes,
            tolerance=Tolerance(behind_us=settings.retention_days * 86_400_000_000),
        ),
    )


async def follow_registry(settings: Settings, keeper: ShardKeeper) -> None:
    """Tell the journeys what changed; after a lost connection they read everything again to be sure."""
    readers: Mapping[str, Callable[[], None]] = {
        signals.REGISTRY: keeper.read_registry,
        signals.SILENCES: keeper.read_silences,
        signals.CITY_TIME: keeper.read_city_time,
        signals.RULES: keeper.read_rules,
    }
    while True:
        try:
            conn = await connect(settings.writer_dsn(), role=WRITER, name="ingest-registry")
            async with conn:
                await conn.set_autocommit(True)
                for channel in readers:
                    await conn.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                async for heard in conn.notifies():
                    readers[heard.channel]()
        except (psycopg.Error, OSError) as error:
            log.warning("registry_listener_lost", reason=str(error).splitlines()[0], retry_s=RECONNECT_S)
        await asyncio.sleep(RECONNECT_S)
        for read in readers.values():
            read()


def _keep(settings: Settings) -> retention.Keep:
    """Give how long each class of data is kept; raises `InvalidInput` when that does not fit together."""
    return retention.Keep(
        readings=settings.retention_days,
        minutes=settings.retention_1m_days,
        fine=settings.retention_5m_days,
        hours=settings.retention_1h_days,
        days=settings.retention_1d_days,
        events=settings.retention_events_days,
        arrivals=settings.retention_arrivals_days,
        dead_letters=settings.retention_dead_letters_days,
    )


async def _maintain(settings: Settings, keeper: ShardKeeper) -> None:
    """Keep roll-ups and forecasts fresh and old readings out, in the process that carries the first shard only."""
    enforced_at = now() - RETENTION_EVERY
    batteries_at: datetime = now()
    device: int | None = 0
    """Whose battery was looked at last, by key; None = everybody's was."""
    while True:
        try:
            conn = await connect(settings.writer_dsn(), role=WRITER, name="ingest-maintenance")
            async with conn:
                while True:
                    if not keeper.keeps_house:
                        await asyncio.sleep(RECONNECT_S)
                        continue
                    while (await rollups.refresh(conn, now(), zone=settings.timezone)).more:
                        await conn.commit()
                    await conn.commit()
                    if now() - enforced_at >= RETENTION_EVERY:
                        await retention.enforce(conn, _keep(settings), now(), zone=settings.timezone)
                        await ingest_minutes.delete_before(conn, now() - timedelta(days=settings.retention_days))
                        await conn.commit()
                        enforced_at = now()
                    if device is None and now() - batteries_at >= BATTERIES_EVERY:
                        batteries_at, device = now(), 0
                    if device is not None:
                        device = await battery_watch.go_on(conn, device, now())
                        await conn.commit()
                    await asyncio.sleep(ROLLUP_EVERY_S)
        except (psycopg.Error, OSError, PlatformError) as error:
            log.warning("maintenance_retry", reason=str(error).splitlines()[0], retry_s=RECONNECT_S)
        await asyncio.sleep(RECONNECT_S)
