"""Silences through a real broker and a running ingest: held back, recorded, remembered, opened when they end."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import psycopg
import pytest

from alerts import silences
from alerts.silences import Wish
from devices import service
from devices.profile import shipped
from runtime import shard_keeper
from storage import leases
from tests import small_city
from tests.integration.test_journey import feed
from tests.running_ingest import Running, now, rows, until

pytestmark = pytest.mark.services

DISPLACED = 40.0
UPRIGHT = 1.0


@pytest.fixture
async def city(database: str) -> str:
    small_city.build(database)
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await service.publish_profiles(conn, shipped())
        await service.register_many(conn, small_city.covers(2), shipped(), now=small_city.REGISTERED_AT, actor="test")
    return database


Start = Callable[[], Awaitable[Running]]


@pytest.fixture
async def start(broker: str, city: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    monkeypatch.setattr(leases, "TTL_S", 1.5)
    monkeypatch.setattr(shard_keeper, "ROUND_S", 0.2)
    client_id = f"test-{uuid.uuid4().hex[:8]}"
    running: list[Running] = []

    async def begin() -> Running:
        one = Running(broker, city, client_id)
        running.append(one)
        await one.carrying()
        return one

    yield begin
    for one in running:
        await one.kill()


async def create(city: str) -> int:
    """Silence one device for two hours."""
    wish = Wish(
        matchers=['device="MC-1"'],
        starts_at=now() - timedelta(hours=1),
        ends_at=now() + timedelta(hours=1),
        author="Li",
        reason="works",
    )
    async with await psycopg.AsyncConnection.connect(city) as conn:
        return await silences.create(conn, wish, "Asia/Shanghai", now())


async def end(city: str, silence: int) -> None:
    async with await psycopg.AsyncConnection.connect(city) as conn:
        await silences.end(conn, silence, "Li", "done", now())


HELD = "SELECT count(*) FROM muted_case WHERE ended_at IS NULL"
OPEN = "SELECT count(*) FROM incident"


async def test_a_silence_made_while_running_holds_back_and_what_still_fires_opens_when_it_ends(
    city: str, broker: str, start: Start
) -> None:
    running = await start()
    silence = await create(city)
    running.keeper.read_silences()
    async with feed(broker) as gateway:
        await gateway.publish("MC-1", tilt_deg=DISPLACED)
        await gateway.publish("MC-2", tilt_deg=DISPLACED)
    await until(city, HELD, 1)
    await until(city, OPEN, 1)
    assert rows(city, "SELECT rule, muted_by, starts_with(reason, 'silenced by Li') FROM muted_case") == [
        ("CoverDisplaced", f"silence:{silence}", True)
    ]

    await end(city, silence)
    running.keeper.read_silences()

    await until(city, OPEN, 2)
    assert rows(city, "SELECT outcome FROM muted_case") == [("opened",)]


async def test_what_is_held_back_survives_a_kill(city: str, broker: str, start: Start) -> None:
    silence = await create(city)
    running = await start()
    async with feed(broker) as gateway:
        await gateway.publish("MC-1", tilt_deg=DISPLACED)
    await until(city, HELD, 1)
    await running.kill()
    await end(city, silence)

    await start()

    await until(city, OPEN, 1)


async def test_what_recovers_while_it_is_held_back_never_opens(city: str, broker: str, start: Start) -> None:
    silence = await create(city)
    running = await start()
    async with feed(broker) as gateway:
        await gateway.publish("MC-1", tilt_deg=DISPLACED)
        await until(city, HELD, 1)
        await gateway.publish("MC-1", tilt_deg=UPRIGHT)
        await until(city, HELD, 0)
        await end(city, silence)
        running.keeper.read_silences()
        await gateway.publish("MC-2", tilt_deg=DISPLACED)

    await until(city, OPEN, 1)
    assert rows(city, "SELECT outcome FROM muted_case") == [("recovered",)]
    assert rows(city, "SELECT d.label FROM incident JOIN device d USING (device_id)") == [("MC-2",)]
