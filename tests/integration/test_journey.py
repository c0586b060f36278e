"""The journey through a real broker and database: readings stored once, refused with reasons, turned to incidents."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiomqtt
import psycopg
import pytest

from devices import service
from devices.profile import shipped
from runtime import shard_keeper
from storage import leases
from tests import small_city
from tests.running_ingest import DEADLINE_S, Running, now, rows, until
from wire import broker as broker_address


@pytest.fixture
async def city(database: str) -> str:
    small_city.build(database)
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await service.publish_profiles(conn, shipped())
        registered, findings = await service.register_many(
            conn, [*small_city.covers(5), small_city.bus()], shipped(), now=small_city.REGISTERED_AT, actor="test"
        )
    assert (registered, findings) == (6, [])
    return database


class Feed:
    """A gateway that publishes under a district of its own, so that tests do not hear each other."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.seq = 0

    async def publish(self, label: str, kind: str = "manhole", **values: float) -> None:
        self.seq += 1
        body = {"ts": int(now().timestamp() * 1000), "seq": self.seq, "values": values}
        await self.raw(f"citygrid/v1/130203/{kind}/{label}/telemetry", json.dumps(body).encode())

    async def raw(self, topic: str, payload: bytes) -> None:
        await self.client.publish(topic, payload, qos=1)


@asynccontextmanager
async def feed(url: str) -> AsyncIterator[Feed]:
    address = broker_address.parse(url)
    async with aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as client:
        yield Feed(client)


Start = Callable[[], Awaitable[Running]]


@pytest.fixture
def client_id() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture(autouse=True)
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "TTL_S", 1.5)
    monkeypatch.setattr(shard_keeper, "ROUND_S", 0.2)


@pytest.fixture
async def start(broker: str, city: str, client_id: str) -> AsyncIterator[Start]:
    running: list[Running] = []

    async def begin() -> Running:
        one = Running(broker, city, client_id)
        running.append(one)
        await one.carrying()
        return one

    yield begin
    for one in running:
        await one.kill()


async def test_readings_are_stored_with_device_grid_and_channels(city: str, broker: str, start: Start) -> None:
    await start()
    async with feed(broker) as gateway:
        await gateway.publish("MC-1", tilt_deg=2.5, water_m=0.3)
        await gateway.publish("BUS-1", kind="bus", lon_deg=118.1975, lat_deg=39.64, speed_kmh=30)

    await until(city, "SELECT count(*) FROM reading", 2)
    stored = rows(
        city,
        'SELECT d.label, r.unit_grid_id, r."values"[1:3]'
        " FROM reading r JOIN device d USING (device_id) ORDER BY d.label",
    )
    assert stored == [("BUS-1", 4, [118.1975, 39.64, 30.0]), ("MC-1", 2, [2.5, 0.3, None])]
    await until(city, "SELECT count(*) FROM device_state", 2)


async def test_bad_messages_become_dead_letters_and_the_stream_goes_on(city: str, broker: str, start: Start) -> None:
    await start()
    async with feed(broker) as gateway:
        await gateway.raw("citygrid/v1/130203/manhole/MC-1/telemetry", b"{nonsense")
        await gateway.raw("citygrid/v1/130203/manhole/MC-1/telemetry", b"x" * 20_000)
        await gateway.publish("MC-99", tilt_deg=1)
        await gateway.publish("MC-2", tilt_deg=400)
        await gateway.publish("MC-3", tilt_deg=1)

    await until(city, "SELECT count(*) FROM reading", 1)
    letters = rows(city, "SELECT reason, seen, length(payload), truncated FROM dead_letter ORDER BY reason")
    assert [(reason, seen) for reason, seen, _, _ in letters] == [
        ("impossible", 1),
        ("malformed", 1),
        ("oversized", 1),
        ("unknown_device", 1),
    ]


async def test_the_lanes_are_carried_alarm_first_and_backlog_last(city: str, broker: str, start: Start) -> None:
    first = await start()
    await first.stop()
    async with feed(broker) as gateway:
        sent_ms = int(now().timestamp() * 1000)
        for lane, age_s in (("backlog", 60), ("telemetry", 5), ("alarm", 0)):
            body = {"ts": sent_ms - age_s * 1000, "seq": 1, "values": {"tilt_deg": 1.0}}
            await gateway.raw(f"citygrid/v1/130203/manhole/MC-1/{lane}", json.dumps(body).encode())
    again = await start()

    await until(city, "SELECT count(*) FROM reading", 3)
    in_order = rows(city, "SELECT quality & 1 FROM reading ORDER BY ts DESC")
    assert in_order == [(0,), (1,), (1,)], "the alarm came first, so the others are late"
    assert again.keeper.journeys["city"].carrier.tally.by_lane == {"alarm": 1, "live": 1, "backlog": 1}


async def test_a_displaced_cover_becomes_one_incident_and_resolves_on_recovery(
    city: str, broker: str, start: Start
) -> None:
    await start()
    async with feed(broker) as gateway:
        for tilt in (2, 40, 41, 42):
            await gateway.publish("MC-1", tilt_deg=tilt)
        await until(city, "SELECT count(*) FROM incident WHERE is_open AND recovered_at IS NULL", 1)
        await gateway.publish("MC-1", tilt_deg=1)
        await until(city, "SELECT count(*) FROM incident WHERE recovered_at IS NOT NULL", 1)

    found = rows(
        city,
        "SELECT i.rule, i.severity, u.code, p.code, c.code, x.name_zh, i.deadline > i.opened_at, ST_X(i.geom)"
        " FROM incident i JOIN unit_grid u USING (unit_grid_id)"
        " JOIN patrol_grid p ON p.patrol_grid_id = i.patrol_grid_id"
        " JOIN component c USING (component_id) JOIN department x USING (department_id)",
    )
    assert found == [
        (
            "CoverDisplaced",
            "critical",
            "130203001001002",
            "P130203-001",
            "1302030102000001",
            "排水管理处",
            True,
            pytest.approx(118.1875),
        )
    ]


async def test_an_ingest_torn_down_in_mid_flood_loses_and_doubles_nothing(city: str, broker: str, start: Start) -> None:
    first = await start()
    async with feed(broker) as gateway:
        flood = asyncio.gather(
            *(gateway.publish(f"MC-{1 + n % 5}", tilt_deg=50 if n % 7 == 0 else 1) for n in range(1500))
        )
        for _ in range(4):
            await asyncio.sleep(0.05)
            await first.kill()
            first = await start()
        await flood

    await until(city, "SELECT count(*) FROM reading", 1500)
    await until(city, "SELECT count(DISTINCT seq) FROM reading", 1500)
    twice = rows(city, "SELECT cause FROM incident WHERE is_open GROUP BY cause HAVING count(*) > 1")
    assert twice == []


async def test_a_database_that_goes_away_only_delays(city: str, broker: str, start: Start) -> None:
    running = await start()
    async with feed(broker) as gateway:
        await gateway.publish("MC-1", tilt_deg=1)
        await until(city, "SELECT count(*) FROM reading", 1)
        with psycopg.connect(city, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'citygrid-ingest'"
            )
        await gateway.publish("MC-1", tilt_deg=40)

    await until(city, "SELECT count(*) FROM reading", 2)
    await until(city, "SELECT count(*) FROM incident", 1)
    assert not running.task.done()


async def test_a_second_ingest_stands_by_and_takes_over_from_one_that_ends(
    city: str, broker: str, start: Start, client_id: str
) -> None:
    first = await start()
    second = Running(broker, city, client_id)
    await until(city, "SELECT count(*) FROM ingest_process", 2)
    assert not second.carries

    await first.stop()
    await until(city, f"SELECT count(*) FROM shard_lease WHERE process = '{second.process}' AND epoch = 2", 1)
    async with feed(broker) as gateway:
        await gateway.publish("MC-1", tilt_deg=1)
    await until(city, "SELECT count(*) FROM reading", 1)
    await second.stop()
    assert rows(city, "SELECT count(*) FROM ingest_process") == [(0,)]


async def test_a_lease_lost_while_a_batch_is_carried_stores_nothing_of_it(city: str, broker: str, start: Start) -> None:
    running = await start()
    with psycopg.connect(city, autocommit=True) as conn:
        conn.execute("UPDATE shard_lease SET epoch = epoch + 1, process = 'somebody else', expires_at = now() + '1 h'")
    async with feed(broker) as gateway:
        await gateway.publish("MC-1", tilt_deg=1)

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*running.keeper._tasks.values(), return_exceptions=True)
    assert rows(city, "SELECT count(*) FROM reading") == [(0,)]
    await until(city, "SELECT count(*) FROM shard_lease WHERE process = 'somebody else'", 1)


async def test_a_device_registered_while_running_is_known_after_a_signal(city: str, broker: str, start: Start) -> None:
    running = await start()
    async with await psycopg.AsyncConnection.connect(city) as conn:
        await service.register_many(conn, small_city.covers(1, first=9), shipped(), now=now(), actor="test")
    running.keeper.read_registry()
    async with feed(broker) as gateway:
        await gateway.publish("MC-9", tilt_deg=1)

    await until(city, "SELECT count(*) FROM reading", 1)


async def test_stopping_in_order_acknowledges_what_was_stored(city: str, broker: str, start: Start) -> None:
    running = await start()
    async with feed(broker) as gateway:
        await gateway.publish("MC-1", tilt_deg=1)
    await until(city, "SELECT count(*) FROM reading", 1)
    await running.stop()

    again = await start()
    async with feed(broker) as gateway:
        await gateway.publish("MC-1", tilt_deg=1)
    await until(city, "SELECT count(*) FROM reading", 2)
    assert again.metrics.repeated._value.get() == 0
