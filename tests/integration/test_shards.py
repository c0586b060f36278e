"""Two real ingest processes share a city; one is killed in the middle of a flood, and the other carries on."""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import psycopg
import pytest

from devices import service
from devices.model import Registration
from devices.profile import shipped
from tests import small_city
from tests.conftest import Cluster, _address, create_database, drop_database
from wire import broker as broker_address

DISTRICTS = ("130203", "130204")
EACH = 20
MESSAGES = 6000
RATE = 1500
DEADLINE_S = 40
TAKEOVER_S = 10
SECOND_DISTRICT = """
INSERT INTO area (area_code, level, parent_code, name_zh, name_en) VALUES
    ('130204', 'district', '130200', '古冶区', 'Guye District');
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, owner_dept_id, unit_grid_id,
                       data_source, geom)
SELECT '1302040102' || lpad(n::text, 6, '0'), 'test', '0102', '130204', '污水井盖', 'intact', 1, 1 + n % 4, 'test',
       ST_SetSRID(ST_MakePoint(118.1825 + 0.005 * (n % 4), 39.64), 4326)
FROM generate_series(1, 40) AS n;
"""
SHARDS = "SELECT shard, process, epoch FROM shard_lease WHERE expires_at > clock_timestamp()"
STORED = "SELECT count(*), count(DISTINCT (device_id, seq)) FROM reading"
INCIDENTS = """
SELECT d.label, i.rule, i.fired_ts, i.stage, array_agg(e.kind ORDER BY e.event_id)
FROM incident i JOIN device d USING (device_id) JOIN incident_event e USING (incident_id)
GROUP BY i.incident_id, d.label ORDER BY d.label, i.fired_ts
"""
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Town:
    """A database with two districts; labels of its own, because tests share a broker."""

    database: str
    broker: str
    prefix: str

    def rows(self, query: str) -> Rows:
        with psycopg.connect(self.database) as conn:
            return conn.execute(query).fetchall()

    def labels(self, district: str) -> list[str]:
        return [f"{self.prefix}-{district}-{number}" for number in range(EACH)]

    async def until(self, query: str, is_there: Callable[[Rows], bool], within_s: float = DEADLINE_S) -> Rows:
        found: Rows = []
        try:
            async with asyncio.timeout(within_s):
                while not is_there(found := self.rows(query)):
                    await asyncio.to_thread(time.sleep, 0.1)
        except TimeoutError:
            pytest.fail(f"after {within_s} s {query} gives {found}")
        return found


@pytest.fixture
def make_town(cluster: Cluster, template_database: str) -> Iterator[Callable[[str], Town]]:
    names: list[str] = []

    def make(prefix: str) -> Town:
        names.append(create_database(cluster, template_database))
        town = Town(_address(cluster, names[-1]), cluster.mqtt_url, prefix)
        small_city.build(town.database)
        with psycopg.connect(town.database) as conn:
            conn.execute(SECOND_DISTRICT)
        asyncio.run(_register(town))
        return town

    yield make
    for name in names:
        drop_database(cluster, name)


async def _register(town: Town) -> None:
    rows = [
        Registration(
            label=label,
            profile="manhole_cover",
            component_code=f"{code}0102{number:06d}",
            district_code=code,
            interval_s=3600,
        )
        for code in DISTRICTS
        for number, label in enumerate(town.labels(code), start=1)
    ]
    async with await psycopg.AsyncConnection.connect(town.database) as conn:
        await service.publish_profiles(conn, shipped())
        _, findings = await service.register_many(conn, rows, shipped(), now=small_city.REGISTERED_AT, actor="test")
    assert findings == []


class Processes:
    """Ingest processes as an installation runs them, with client ids of their own."""

    def __init__(self, folder: Path) -> None:
        self.client_id = f"test-{uuid.uuid4().hex[:8]}"
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, town: Town, shards: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "CITYGRID_DATABASE_URL": town.database,
            "CITYGRID_MQTT_URL": town.broker,
            "CITYGRID_MQTT_CLIENT_ID": self.client_id,
            "CITYGRID_SHARDS": shards,
            "CITYGRID_LOG_FORMAT": "json",
            "CITYGRID_BATCH_MESSAGES": "200",
        }
        with (self._folder / f"ingest-{len(self._running)}.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "cli.main", "run", "ingest"], env=environment, stderr=log)
        self._running.append(process)
        return process

    def log(self, number: int) -> str:
        return (self._folder / f"ingest-{number}.log").read_text(encoding="utf-8")

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    running = Processes(tmp_path)
    yield running
    running.end()


def pid_of(process: str) -> int:
    return int(process.rsplit(":", 1)[1])


@asynccontextmanager
async def client(url: str) -> AsyncIterator[aiomqtt.Client]:
    address = broker_address.parse(url)
    async with aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        protocol=aiomqtt.ProtocolVersion.V5,
        max_inflight_messages=500,
    ) as connected:
        yield connected


def flood(town: Town, start_ms: int) -> list[tuple[str, bytes]]:
    """Messages of both districts in turn: covers that tilt away and come back, each at its own time."""
    found: list[tuple[str, bytes]] = []
    for number in range(MESSAGES):
        district = DISTRICTS[number % 2]
        turn = number // 2
        label = town.labels(district)[turn % EACH]
        tilted = (turn // EACH + turn % EACH) % 20 < 6
        body = {"ts": start_ms + number, "seq": number, "values": {"tilt_deg": 45.0 if tilted else 1.0}}
        found.append((f"citygrid/v1/{district}/manhole/{label}/telemetry", json.dumps(body).encode()))
    return found


async def publish(town: Town, messages: list[tuple[str, bytes]], rate: float) -> None:
    started = time.monotonic()
    async with client(town.broker) as connected:
        for first in range(0, len(messages), 50):
            await asyncio.gather(
                *(connected.publish(topic, payload, qos=1) for topic, payload in messages[first : first + 50])
            )
            await asyncio.sleep(max(started + first / rate - time.monotonic(), 0))


def is_shared(rows: Rows) -> bool:
    """Three shards, held by two processes."""
    return len(rows) == 3 and len({process for _, process, _ in rows}) == 2


async def carried(town: Town, processes: Processes, messages: list[tuple[str, bytes]]) -> Rows:
    """Carry the messages undisturbed, by one process; give the incidents."""
    process = processes.start(town, "")
    await town.until(SHARDS, lambda rows: len(rows) == 1)
    await publish(town, messages, rate=100_000)
    await town.until(STORED, lambda rows: rows[0][0] >= MESSAGES)
    process.terminate()
    process.wait(timeout=DEADLINE_S)
    return town.rows(INCIDENTS)


def test_a_killed_process_is_replaced_within_ten_seconds_and_nothing_is_lost_or_doubled(
    make_town: Callable[[str], Town], processes: Processes
) -> None:
    prefix = uuid.uuid4().hex[:6]
    town, calm = make_town(prefix), make_town(prefix)
    messages = flood(town, round(time.time() * 1000) - MESSAGES)

    async def disturbed() -> float:
        first, second = processes.start(town, "districts"), processes.start(town, "districts")
        shared = await town.until(SHARDS, is_shared)
        owner = {shard: process for shard, process, _ in shared}
        victim = next(p for p in (first, second) if p.pid == pid_of(owner["130203"]))
        sending = asyncio.create_task(publish(town, messages, RATE))
        await town.until(STORED, lambda rows: rows[0][0] > MESSAGES // 4)
        victim.kill()
        victim.wait()
        killed = time.monotonic()
        survivor = (second if victim is first else first).pid
        await town.until(
            SHARDS, lambda rows: len(rows) == 3 and {pid_of(process) for _, process, _ in rows} == {survivor}
        )
        took_s = time.monotonic() - killed
        await sending
        await town.until(STORED, lambda rows: rows[0][0] >= MESSAGES)
        return took_s

    took_s = asyncio.run(disturbed())
    processes.end()

    assert town.rows(STORED) == [(MESSAGES, MESSAGES)]
    assert took_s < TAKEOVER_S, "a lease lasts 5 s"
    undisturbed = Processes(processes._folder / "..")
    try:
        expected = asyncio.run(carried(calm, undisturbed, messages))
    finally:
        undisturbed.end()
    assert len(expected) > EACH
    assert town.rows(INCIDENTS) == expected


def test_a_city_that_is_divided_anew_loses_nothing_that_waited_in_the_old_queues(
    make_town: Callable[[str], Town], processes: Processes
) -> None:
    town = make_town(uuid.uuid4().hex[:6])
    messages = flood(town, round(time.time() * 1000) - MESSAGES)

    async def divided() -> Rows:
        whole = processes.start(town, "")
        await town.until(SHARDS, lambda rows: len(rows) == 1)
        await publish(town, messages[:1000], rate=100_000)
        whole.kill()  # so that its queue holds what it had not acknowledged
        whole.wait()
        await publish(town, messages[1000:3000], rate=100_000)
        processes.start(town, "districts")
        held = await town.until(SHARDS, lambda rows: {row[0] for row in rows} == {"130203", "130204", "foreign"})
        await publish(town, messages[3000:], rate=100_000)
        await town.until(STORED, lambda rows: rows[0][0] >= MESSAGES)
        return held

    asyncio.run(divided())

    assert town.rows(STORED) == [(MESSAGES, MESSAGES)]
    assert town.rows("SELECT count(*) FROM shard_lease WHERE shard = 'city'") == [(0,)]


def test_a_device_of_another_shard_is_refused_and_the_registry_moves_it(
    make_town: Callable[[str], Town], processes: Processes
) -> None:
    town = make_town(uuid.uuid4().hex[:6])
    label = town.labels("130203")[0]

    async def astray() -> None:
        processes.start(town, "districts")
        await town.until(SHARDS, lambda rows: len(rows) == 3)
        await town.until(SHARDS, lambda _: processes.log(0).count("broker_connected") >= 6)
        body = json.dumps({"ts": round(time.time() * 1000), "seq": 1, "values": {"tilt_deg": 1.0}}).encode()
        async with client(town.broker) as connected:
            await connected.publish(f"citygrid/v1/130204/manhole/{label}/telemetry", body, qos=1)
        await town.until(f"SELECT count(*) FROM dead_letter WHERE topic LIKE '%{label}%'", lambda rows: rows[0][0] == 1)

    asyncio.run(astray())

    assert town.rows(f"SELECT reason FROM dead_letter WHERE topic LIKE '%{label}%'") == [("unknown_device",)]
    assert town.rows("SELECT count(*) FROM reading") == [(0,)]
