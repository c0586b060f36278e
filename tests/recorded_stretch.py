"""A stretch of the town's life on a virtual clock, carried into a database as ingest does, with its faults labelled."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from psycopg import AsyncConnection

from alerts.rule import Rulebook
from devices.profile import shipped
from ingest.message import Batch, RawMessage
from ingest.pipeline import Limits
from ingest.validate import Tolerance
from runtime import carrier, city, ingestor
from runtime.carrier import Setup
from simulators import launch, scenario
from simulators.feed import Feed
from simulators.scenario import Plan
from tests.e2e import town

START = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
"""Noon in the town: lamps are off."""
BATCH_S = 0.5
SETTLES_S = 10.0
"""The last fault must be found so long before the end."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was played."""

    start: datetime
    end: datetime
    faults: Path
    """The ledger of faults, one JSON document a line."""


async def record(dsn: str, rulebook: Rulebook, folder: Path, *, seconds: float = 150.0) -> Stretch:
    """Load the town and let it live for a while, with every kind of fault the demo knows."""
    town.write(folder / "city")
    async with await AsyncConnection.connect(dsn, autocommit=True) as conn:
        await city.load_city(conn, folder / "city", now=START - timedelta(days=1), actor="test")
        live = await carrier.load(conn, setup(dsn, rulebook), None, START)
        played = launch.load_city(folder / "city" / "devices.csv", shipped())
        feed = _feed(played, seconds - SETTLES_S)
        faults = folder / "faults.jsonl"
        with faults.open("w", encoding="utf-8") as ledger:
            while feed.elapsed_s < seconds:
                messages: list[RawMessage] = []
                upto_s = feed.elapsed_s + BATCH_S
                while feed.elapsed_s < upto_s:
                    tick = feed.advance()
                    messages += [
                        RawMessage(it.topic, it.payload, None, redelivered=False)
                        for it in (*tick.messages, *tick.released)
                    ]
                    for fault in (it for it in tick.started if it.stands_for_all):
                        label = scenario.label(fault, played.roster, round(START.timestamp() * 1000))
                        ledger.write(json.dumps(label) + "\n")
                now = START + timedelta(seconds=feed.elapsed_s + 0.05)
                await ingestor.carry(Batch(messages=messages, connection=1, backlog=0), live, now)
        await ingestor.write_rest(live)
    return Stretch(START, START + timedelta(seconds=seconds + 1), faults)


def setup(dsn: str, rulebook: Rulebook) -> Setup:
    """Give what an ingest of the town needs."""
    return Setup(
        writer_dsn=dsn,
        profiles=shipped(),
        rulebook=rulebook,
        limits=Limits(
            payload_bytes=100_000, tolerance=Tolerance(behind_us=timedelta(days=365) // timedelta(microseconds=1))
        ),
    )


def _feed(played: launch.City, last_fault_s: float) -> Feed:
    plan = Plan(seed=11, start_epoch_s=START.timestamp(), per_minute=12, until_s=last_fault_s)
    return Feed(
        launch.make_setup(
            played,
            scenario.named("demo"),
            plan,
            zone="Asia/Shanghai",
            rate_scale=2.0,
            payload_limit_bytes=100_000,
        )
    )
