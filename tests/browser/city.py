"""A small living city for the console: the shared small city, its devices, and readings taken on the real journey."""

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, TypeVar

import psycopg

from alerts import rulebook
from devices import service
from devices.profile import shipped
from ingest import pipeline
from ingest.message import Batch, RawMessage
from ingest.validate import Tolerance
from runtime import carrier, ingestor
from tests import small_city
from wire import topics

T = TypeVar("T")

DISTRICT = "130203"
LEVEL = {"tilt_deg": 1.5, "water_m": 0.2, "ch4_pct_lel": 1.0, "battery_pct": 88.0}
MINUTES = 30
OUTLINES = """
UPDATE area SET geom = (SELECT ST_Multi(ST_Union(geom)) FROM unit_grid) WHERE level = 'district';
INSERT INTO street (street_id, name_zh, name_en, kind, geom) VALUES
    (1, '新华道', 'Xinhua Road', 'main', ST_GeomFromText('LINESTRING(118.18 39.639, 118.20 39.639)', 4326));
INSERT INTO city_fact (key, value) VALUES
    ('city', '{"name_zh": "唐山市", "name_en": "Tangshan", "synthetic": true}');
"""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work from a test in which Playwright's own loop is running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def now() -> datetime:
    return datetime.now(UTC)


def build(database: str) -> None:
    """Put the city and half an hour of quiet readings into a migrated, empty database."""
    small_city.build(database)
    with psycopg.connect(database) as conn:
        conn.execute(OUTLINES)
    run(_register(database))
    start = now() - timedelta(minutes=MINUTES)
    quiet = [
        message(f"MC-{number}", start + timedelta(minutes=minute), seq=minute, **LEVEL)
        for minute in range(MINUTES)
        for number in (1, 2, 3)
    ]
    take(database, quiet)
    bus(database, 118.185, 39.64)


def message(label: str, at: datetime, *, seq: int, kind: str = "manhole", **values: float) -> RawMessage:
    """A device's message as the broker gives it."""
    body = {"ts": int(at.timestamp() * 1000), "seq": seq, "origin": "simulated", "values": values}
    topic = topics.telemetry(DISTRICT, kind, label)
    return RawMessage(topic=topic, payload=json.dumps(body).encode(), packet_id=None, redelivered=False)


def take(database: str, messages: list[RawMessage]) -> ingestor.Carried:
    """Carry messages on the journey, through decoding, storage and the shipped rules."""
    return run(_carry(database, messages))


def sql(database: str, statement: LiteralString) -> None:
    """Change the city behind everybody's back."""
    with psycopg.connect(database) as conn:
        conn.execute(statement)


def tilt(database: str, number: int = 1, degrees: float = 37.4) -> None:
    """Displace cover `MC-<number>`: the shipped rule opens an incident at once."""
    at = now()
    carried = take(
        database, [message(f"MC-{number}", at, seq=int(at.timestamp()) % 2**30, **LEVEL | {"tilt_deg": degrees})]
    )
    assert carried.transitions > 0, carried.refusals


def bus(database: str, lon_deg: float, lat_deg: float) -> None:
    """Let the bus report a position."""
    at = now()
    values = {"lon_deg": lon_deg, "lat_deg": lat_deg, "speed_kmh": 30.0, "bearing_deg": 90.0, "off_route_m": 0.0}
    take(database, [message("BUS-1", at, seq=int(at.timestamp()) % 2**30, kind="bus", **values)])


async def _register(database: str) -> None:
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await service.publish_profiles(conn, shipped())
        rows = [*small_city.covers(5), small_city.bus()]
        _, findings = await service.register_many(conn, rows, shipped(), now=small_city.REGISTERED_AT, actor="test")
        assert not findings


async def _carry(database: str, messages: list[RawMessage]) -> ingestor.Carried:
    setup = carrier.Setup(
        writer_dsn=database,
        profiles=shipped(),
        rulebook=rulebook.load(rulebook.DEFAULT),
        limits=pipeline.Limits(
            payload_bytes=10_000, tolerance=Tolerance(behind_us=timedelta(days=365) // timedelta(microseconds=1))
        ),
    )
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        live = await carrier.load(conn, setup, None, now())
        carried = await ingestor.carry(Batch(messages=messages, connection=1, backlog=0), live, now())
        await ingestor.write_rest(live)
        return carried
