"""The ingest process: builds the journey from the settings, keeps it fed and informed, ends it in order."""

import asyncio
import signal
from datetime import datetime, timedelta

import psycopg
import structlog

from alerts import rulebook
from alerts.deadline import Calendar
from core.errors import PlatformError
from devices import profile
from ingest import lanes
from ingest.pipeline import Limits
from ingest.source import Limits as SourceLimits
from ingest.source import Source
from ingest.validate import Tolerance
from runtime import clock
from runtime.ingest_metrics import IngestMetrics
from runtime.ingestor import Ingestor, Setup
from runtime.settings import Settings
from storage import retention, rollups, signals
from storage.pool import WRITER, connect
from wire import broker

log: structlog.stdlib.BoundLogger = structlog.get_logger()

ROLLUP_EVERY_S = 15.0
RETENTION_EVERY = timedelta(hours=1)
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
    metrics.serve(settings.metrics_port)
    source = Source(
        broker.parse(settings.broker_url("ingest")),
        lanes.queues(lanes.CITY),
        SourceLimits(messages=settings.batch_messages, wait_s=settings.batch_wait_s),
    )
    ingestor = Ingestor(source, _setup(settings), now, metrics)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ingestor.stop)
    helpers = [
        asyncio.create_task(source.keep_connected(), name="broker"),
        asyncio.create_task(_follow_registry(settings, ingestor), name="registry"),
        asyncio.create_task(_maintain(settings), name="maintenance"),
        asyncio.create_task(clock.keep(_CLOCK, settings.writer_dsn()), name="clock"),
    ]
    journey = asyncio.create_task(ingestor.run(), name="journey")
    done, _ = await asyncio.wait([journey, *helpers], return_when=asyncio.FIRST_COMPLETED)
    source.close()
    await asyncio.sleep(0)  # the goodbye and the last acknowledgements leave
    for task in (journey, *helpers):
        task.cancel()
    await asyncio.gather(journey, *helpers, return_exceptions=True)
    for task in done:
        if error := task.exception():
            raise error
    log.info("ingest_stopped")


def _setup(settings: Settings) -> Setup:
    profiles = dict(profile.shipped())
    if settings.profiles_dir is not None:
        profiles |= profile.load(settings.profiles_dir)
    rules = settings.rules_dir or rulebook.DEFAULT
    return Setup(
        writer_dsn=settings.writer_dsn(),
        profiles=profiles,
        rulebook=rulebook.load(rules, Calendar(timezone=settings.timezone)),
        limits=Limits(
            payload_bytes=settings.payload_limit_bytes,
            tolerance=Tolerance(behind_us=settings.retention_days * 86_400_000_000),
        ),
    )


async def _follow_registry(settings: Settings, ingestor: Ingestor) -> None:
    """Tell the journey when devices change; after a lost connection it reads the registry again to be sure."""
    while True:
        try:
            conn = await connect(settings.writer_dsn(), role=WRITER, name="ingest-registry")
            async with conn:
                await conn.set_autocommit(True)
                await conn.execute(f"LISTEN {signals.REGISTRY}")  # a constant of ours
                async for _ in conn.notifies():
                    ingestor.registry_changed.set()
        except (psycopg.Error, OSError) as error:
            log.warning("registry_listener_lost", reason=str(error).splitlines()[0], retry_s=RECONNECT_S)
        await asyncio.sleep(RECONNECT_S)
        ingestor.registry_changed.set()


async def _maintain(settings: Settings) -> None:
    """Keep roll-ups fresh and old readings out."""
    enforced_at = now() - RETENTION_EVERY
    while True:
        try:
            conn = await connect(settings.writer_dsn(), role=WRITER, name="ingest-maintenance")
            async with conn:
                while True:
                    while (await rollups.refresh(conn, now())).more:
                        await conn.commit()
                    await conn.commit()
                    if now() - enforced_at >= RETENTION_EVERY:
                        await retention.enforce(conn, settings.retention_days, now())
                        await conn.commit()
                        enforced_at = now()
                    await asyncio.sleep(ROLLUP_EVERY_S)
        except (psycopg.Error, OSError, PlatformError) as error:
            log.warning("maintenance_retry", reason=str(error).splitlines()[0], retry_s=RECONNECT_S)
        await asyncio.sleep(RECONNECT_S)
