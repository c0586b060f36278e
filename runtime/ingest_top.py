"""Looks at all ingest processes of a city: the lease rows say who they are, their metrics what they do."""

import asyncio
import time

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from core.errors import Unavailable
from runtime.settings import Settings
from runtime.top_numbers import Labels, Look, Process, Samples
from storage import leases
from storage.pool import READER, connect

ANSWER_S = 2.0


async def look(settings: Settings) -> Look:
    """Look once; raises `Unavailable` when no ingest process runs."""
    async with await connect(settings.reader_dsn(), role=READER, name="top") as conn:
        living = await leases.processes(conn)
        rows = await leases.leases(conn)
    if not living:
        raise Unavailable("no ingest process runs on this database: start one with `citygrid run ingest`")
    async with httpx2.AsyncClient(timeout=ANSWER_S) as client:
        answers = await asyncio.gather(*(_scrape(client, process.metrics_url) for process in living))
    return Look(
        at_s=time.monotonic(),
        processes=tuple(
            Process(
                process=process.process,
                shards=tuple(row.shard for row in rows if row.is_held and row.process == process.process),
                metrics_url=process.metrics_url,
                age_s=process.age_s,
                samples=samples,
            )
            for process, samples in zip(living, answers, strict=True)
        ),
        shards=tuple((row.shard, row.process if row.is_held else None, row.epoch) for row in rows),
    )


async def _scrape(client: httpx2.AsyncClient, url: str) -> Samples:
    """Give what a process publishes; nothing when it does not answer."""
    try:
        text = (await client.get(url)).text
    except (httpx2.HTTPError, OSError):
        return {}
    found: dict[tuple[str, Labels], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not sample.name.endswith("_bucket"):
                found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found
