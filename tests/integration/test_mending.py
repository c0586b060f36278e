"""From the bridges' bytes to readings, and dead letters tried again by a running ingest: each stored exactly once."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

from devices import service
from devices.model import Registration
from devices.profile import shipped
from runtime import letters, shard_keeper
from runtime.bridges import jt808
from runtime.bridges.metrics import BridgeMetrics
from runtime.bridges.outlet import Outlet
from storage import dead_letters, leases
from tests import small_city, terminal
from tests.running_ingest import Running, now, rows, until
from wire import broker as broker_address
from wire import gtfs_rt
from wire import jt808 as jt808_format
from wire.jt808_frames import MessageId, Result

CHINA = timezone(timedelta(hours=8))
READINGS = "SELECT count(*) FROM reading"
OF_TOPIC = "FROM dead_letter WHERE topic LIKE '%{}%'"
LETTERS = f"SELECT count(*) {OF_TOPIC}"
WAITING = "SELECT count(*) FROM dead_letter WHERE waiting_since IS NOT NULL"

Start = Callable[[], Awaitable[Running]]


@pytest.fixture
def mark() -> str:
    """Digits that no other test's devices have: the broker is shared."""
    return "1" + str(uuid.uuid4().int)[:10]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "TTL_S", 1.5)
    monkeypatch.setattr(shard_keeper, "ROUND_S", 0.2)
    monkeypatch.setattr(letters, "EVERY", timedelta(milliseconds=50))
    monkeypatch.setattr(dead_letters, "GRACE_S", 0.0)


@pytest.fixture
async def city(database: str) -> str:
    small_city.build(database)
    await register(database)
    return database


async def register(database: str, *devices: Registration) -> None:
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await service.publish_profiles(conn, shipped())
        _, findings = await service.register_many(conn, devices, shipped(), now=small_city.REGISTERED_AT, actor="test")
    assert findings == []


@pytest.fixture
async def start(broker: str, city: str) -> AsyncIterator[Start]:
    running: list[Running] = []
    client_id = f"test-{uuid.uuid4().hex[:8]}"

    async def begin() -> Running:
        one = Running(broker, city, client_id)
        running.append(one)
        await one.carrying()
        return one

    yield begin
    for one in running:
        await one.kill()


@pytest.fixture
async def outlet(broker: str) -> AsyncIterator[Outlet]:
    outlet = Outlet(broker_address.parse(broker), f"test-{uuid.uuid4().hex[:8]}")
    task = asyncio.create_task(outlet.run())
    yield outlet
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def know_anew(running: Running) -> None:
    """Tell ingest that the registry changed, as its listener would."""
    running.keeper.journeys["city"].carrier.registry_changed.set()


async def ask(database: str, **given: Any) -> dead_letters.Asked:
    async with await psycopg.AsyncConnection.connect(database) as conn:
        return await dead_letters.ask(conn, given, limit=10_000, now=now())


def values(database: str, label: str) -> list[tuple[datetime, int, Mapping[str, float]]]:
    """Time, grid and measured channels of a device's readings."""
    found = rows(
        database,
        'SELECT r.ts, r.unit_grid_id, p.channel, r."values"[p.position] FROM reading r JOIN device d USING (device_id)'
        f" JOIN profile_channel p USING (profile) WHERE d.label = '{label}' ORDER BY r.ts, p.position",
    )
    readings: dict[tuple[datetime, int], dict[str, float]] = {}
    for ts, grid, channel, value in found:
        if value is not None:
            readings.setdefault((ts.astimezone(UTC), grid), {})[channel] = round(value, 4)
    return [(*key, measured) for key, measured in readings.items()]


async def test_a_terminals_report_becomes_a_reading_in_utc_with_its_grid(
    city: str, start: Start, outlet: Outlet, mark: str
) -> None:
    await register(city, replace(small_city.bus("BUS-7"), format="jt808", address=mark))
    await start()
    at = now().replace(microsecond=0)
    stamp = at.astimezone(CHINA).strftime("%y%m%d%H%M%S")
    bridge = jt808.Server(outlet.publish, b"", jt808.Limits(connections=1), BridgeMetrics())
    async with await asyncio.start_server(bridge.serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        async with terminal.connected(port, mark, version=1) as bus:
            await bus.sign_on()
            exchanged = terminal.report(lat=118.1975, lon=39.64, time=stamp)
            reports = [terminal.report(time=stamp, alarms=2), terminal.report(time=stamp, alarms=2), exchanged]
            answers = [await bus.ask(MessageId.LOCATION, report) for report in reports]
        await bridge.close()

    assert answers == [Result.DONE] * 3
    await until(city, LETTERS.format(mark), 1)
    expected = {"lon_deg": 118.1975, "lat_deg": 39.64, "speed_kmh": 36.5, "bearing_deg": 90.0}
    assert values(city, "BUS-7") == [(at, 4, expected)]
    assert rows(city, "SELECT kind, ts, unit_grid_id > 0 FROM event") == [("overspeed", at, True)]
    assert rows(city, f"SELECT reason, detail FROM dead_letter WHERE topic = 'jt808/{mark}'") == [
        ("malformed", f"{mark}: latitude 118.1975 and longitude 39.64 are exchanged")
    ]


async def test_a_feeds_vehicles_become_readings_once_however_often_it_is_polled(
    city: str, start: Start, outlet: Outlet, mark: str
) -> None:
    await register(city, replace(small_city.bus("BUS-8"), format="gtfs_rt", address=f"bus {mark}"))
    await start()
    at = int(now().timestamp())
    old, fresh = (terminal.feed(ts, **{f"bus {mark}": (39.64, 118.1975)}) for ts in (at - 15, at))
    for feed in (old, old, fresh, old):
        await outlet.publish(f"gtfs-rt/{mark}", gtfs_rt.vehicles_one_by_one(feed))

    await until(city, READINGS, 2)
    place = {"lon_deg": 118.1975, "lat_deg": 39.64, "speed_kmh": 36.0}
    assert values(city, "BUS-8") == [(datetime.fromtimestamp(ts, UTC), 4, place) for ts in (at - 15, at)]


async def test_letters_of_an_unknown_device_are_stored_after_it_was_registered(
    city: str, start: Start, outlet: Outlet, mark: str
) -> None:
    running = await start()
    topic = f"citygrid/v1/130203/manhole/MC-{mark}/telemetry"
    await outlet.publish(topic, [reading(tilt_deg=40, seq=seq) for seq in range(5)] + [b"{nonsense"])
    await until(city, LETTERS.format(mark), 6)

    await ask(city, topic=f"%{mark}%")
    await until(city, WAITING, 0)
    assert rows(city, f"SELECT count(*), count(tried_at), max(seen) {OF_TOPIC.format(mark)}") == [(6, 6, 1)]

    await register(city, replace(small_city.covers(1)[0], label=f"MC-{mark}"))
    know_anew(running)
    asked = await ask(city, topic=f"%{mark}%")
    await until(city, READINGS, 5)
    await until(city, LETTERS.format(mark), 1)

    assert (len(asked.digests), asked.truncated) == (6, 0)
    assert rows(city, f"SELECT reason, waiting_since {OF_TOPIC.format(mark)}") == [("malformed", None)]
    await until(city, "SELECT count(*) FROM incident WHERE is_open", 1)


async def test_the_mended_item_of_a_batch_is_stored_and_its_neighbours_only_once(
    city: str, start: Start, outlet: Outlet, mark: str
) -> None:
    await register(city, replace(small_city.covers(1)[0], label=f"A{mark}"))
    running = await start()
    items = [{"device": f"{name}{mark}", **json.loads(reading(tilt_deg=1))} for name in "AB"]
    await outlet.publish(f"citygrid/v1/130203/gateway/G-{mark}/telemetry", [json.dumps(items).encode()])
    await until(city, READINGS, 1)

    await register(city, replace(small_city.covers(1, first=2)[0], label=f"B{mark}"))
    know_anew(running)
    await ask(city, topic=f"%{mark}%", reason="unknown_device")
    await until(city, READINGS, 2)

    assert rows(city, LETTERS.format(mark)) == [(0,)]
    assert rows(city, "SELECT count(DISTINCT device_id), count(*) FROM reading") == [(2, 2)]


async def test_an_ingest_torn_down_among_letters_stores_each_exactly_once(
    city: str, start: Start, outlet: Outlet, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "AT_ONCE", 7)
    running = await start()
    topic = f"citygrid/v1/130203/manhole/MC-{mark}/telemetry"
    await outlet.publish(topic, [reading(tilt_deg=1, seq=seq) for seq in range(300)])
    await until(city, LETTERS.format(mark), 300)
    await register(city, replace(small_city.covers(1)[0], label=f"MC-{mark}"))

    await ask(city, topic=f"%{mark}%")
    for _ in range(3):
        await running.kill()
        running = await start()

    await until(city, LETTERS.format(mark), 0)
    assert rows(city, "SELECT count(*), count(DISTINCT seq) FROM reading") == [(300, 300)]


def reading(seq: int = 0, **channels: float) -> bytes:
    return json.dumps({"ts": int(now().timestamp() * 1000), "seq": seq, "values": channels}).encode()


def test_the_topic_of_a_terminal_is_one_that_ingest_reads() -> None:
    assert jt808_format.TOPIC.format(phone="1").replace("1", "+") == jt808_format.FILTER
