"""Rules are swapped between two batches: what stays remembers, what goes recovers, shadows tell nobody."""

import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiomqtt
import psycopg
import pytest
from psycopg import AsyncConnection

from alerts import rulebook, versions
from alerts.versions import Mode, Publication
from devices import service
from devices.profile import shipped
from ingest.message import Batch, RawMessage
from runtime import carrier, ingestor, rules_at_work
from runtime.ingestor import Live
from tests import recorded_stretch, small_city
from tests.running_ingest import Running, rows, until
from wire import broker as broker_address

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
RULE = """
      - alert: {name}
        expr: {expr}
        for: {lasts}
        {mode}
        labels: {{severity: critical}}
        scope: {{profile: manhole_cover}}
        raises: {{deadline: 1 hour, on_recovery: close}}
        annotations: {{summary: "{name}", summary_zh: "{name}"}}
"""
TILTED = RULE.format(name="Tilted", expr="tilt_deg > 15", lasts="20s", mode="")
FLOODED = RULE.format(name="Flooded", expr="water_m > 2", lasts="0s", mode="")
TOUCHY = RULE.format(name="Touchy", expr="tilt_deg > 5", lasts="0s", mode="mode: shadow")


def texts(*rules: str) -> dict[str, str]:
    return {"covers.yaml": "groups:\n  - name: covers\n    rules:\n" + "".join(rules)}


@pytest.fixture
async def city(database: str) -> str:
    small_city.build(database)
    async with await AsyncConnection.connect(database) as conn:
        await service.publish_profiles(conn, shipped())
        await service.register_many(
            conn, small_city.covers(3, interval_s=900), shipped(), now=small_city.REGISTERED_AT, actor="test"
        )
    return database


async def publish(city: str, *rules: str, mode: Mode = "live") -> int:
    async with await AsyncConnection.connect(city) as conn:
        publication = Publication(texts=texts(*rules), actor="wang", reason="a test", mode=mode)
        return (await versions.publish(conn, publication, START)).version


class Town:
    """The small city at work; seconds count from the start."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.seq = 0

    async def report(self, second: float, label: str = "MC-1", **values: float) -> None:
        self.seq += 1
        at = START + timedelta(seconds=second)
        body = {"ts": int(at.timestamp() * 1000), "seq": self.seq, "values": values}
        message = RawMessage(
            f"citygrid/v1/130203/manhole/{label}/telemetry", json.dumps(body).encode(), None, redelivered=False
        )
        await ingestor.carry(Batch(messages=[message], connection=1, backlog=0), self.live, at)

    async def take_up(self, second: float) -> None:
        wanted = await rules_at_work.published(self.live.conn, rulebook.parse(texts(TILTED)))
        await rules_at_work.swap(self.live, wanted, START + timedelta(seconds=second))


@asynccontextmanager
async def town(city: str, second: float = 0) -> AsyncGenerator[Town]:
    setup = recorded_stretch.setup(city, rulebook.parse(texts(TILTED)))
    async with await AsyncConnection.connect(city, autocommit=True) as conn:
        yield Town(await carrier.load(conn, setup, None, START + timedelta(seconds=second)))


def incidents(city: str) -> list[tuple[str, str | None, bool]]:
    return rows(city, "SELECT rule, outcome, recovered_at IS NOT NULL FROM incident ORDER BY incident_id")


def shadowed(city: str) -> list[tuple[int, str, str, bool]]:
    return rows(city, "SELECT version, rule, cause, recovered_at IS NOT NULL FROM shadow_incident ORDER BY shadow_id")


async def test_a_rule_of_the_same_name_keeps_its_pending_phase_over_a_swap(city: str) -> None:
    await publish(city, TILTED)
    async with town(city) as at_work:
        await at_work.report(0, tilt_deg=30)
        await publish(city, TILTED, FLOODED)
        await at_work.take_up(5)
        await at_work.report(15, tilt_deg=30)
        assert incidents(city) == []
        await at_work.report(21, tilt_deg=30, water_m=3)

    assert sorted(incidents(city)) == [("Flooded", None, False), ("Tilted", None, False)]


async def test_the_evidence_names_the_version_that_decided(city: str) -> None:
    await publish(city, TILTED)
    await publish(city, TILTED, FLOODED)
    async with town(city) as at_work:
        await at_work.report(0, water_m=3)

    assert rows(city, "SELECT evidence -> 'rules_version' FROM incident") == [(2,)]


async def test_cases_of_a_withdrawn_rule_recover_and_say_why(city: str) -> None:
    await publish(city, TILTED, FLOODED)
    async with town(city) as at_work:
        await at_work.report(0, water_m=3)
        await publish(city, TILTED)
        await at_work.take_up(5)
        await at_work.report(6, water_m=3)

    assert incidents(city) == [("Flooded", "recovered", True)]
    reasons = rows(city, "SELECT reason FROM incident_event WHERE kind IN ('recovered', 'cleared', 'closed')")
    assert ("rule withdrawn",) in reasons
    assert rows(city, "SELECT count(*) FROM rule_state WHERE device_id > 0") == [(0,)]


async def test_a_rule_withdrawn_while_nobody_was_there_recovers_at_the_start(city: str) -> None:
    await publish(city, TILTED, FLOODED)
    async with town(city) as at_work:
        await at_work.report(0, water_m=3)
    await publish(city, TILTED)
    async with town(city, second=60):
        pass

    assert incidents(city) == [("Flooded", "recovered", True)]
    assert rows(city, "SELECT count(*) FROM rule_state WHERE device_id > 0") == [(0,)]


async def test_a_shadow_raises_beside_the_live_rules_and_tells_nobody(city: str) -> None:
    await publish(city, TILTED)
    version = await publish(city, TILTED, FLOODED, mode="shadow")
    async with town(city) as at_work:
        await at_work.report(0, water_m=3)
        await at_work.report(5, water_m=0)

    assert incidents(city) == []
    assert shadowed(city) == [(version, "Flooded", "Flooded/component:1", True)]
    assert rows(city, "SELECT count(*) FROM incident_event") == rows(city, "SELECT count(*) FROM outbox") == [(0,)]


async def test_a_rule_in_shadow_of_the_live_book_tells_nobody(city: str) -> None:
    version = await publish(city, TILTED, TOUCHY)
    async with town(city) as at_work:
        await at_work.report(0, tilt_deg=8)

    assert incidents(city) == []
    assert shadowed(city) == [(version, "Touchy", "Touchy/component:1", False)]


async def test_a_shadow_goes_on_after_a_crash_where_it_stood(city: str) -> None:
    await publish(city, FLOODED)
    await publish(city, TILTED, mode="shadow")
    async with town(city) as at_work:
        await at_work.report(0, tilt_deg=30)
    async with town(city, second=10) as again:
        await again.report(21, tilt_deg=30)

    assert [rule for _, rule, _, _ in shadowed(city)] == ["Tilted"]


async def test_ending_a_shadow_frees_its_memory_and_keeps_its_report(city: str) -> None:
    await publish(city, TILTED)
    version = await publish(city, FLOODED, mode="shadow")
    async with town(city) as at_work:
        await at_work.report(0, water_m=3)
        assert rows(city, "SELECT count(*) > 0 FROM rule_firing") == [(True,)]
        async with await AsyncConnection.connect(city) as conn:
            await versions.retire_shadow(conn, version, "wang", "seen enough", START)
        await at_work.take_up(5)
        assert at_work.live.shadows == []

    left = "SELECT (SELECT count(*) FROM rule_state WHERE rule ~ '~') + (SELECT count(*) FROM rule_firing)"
    assert rows(city, f"{left} + (SELECT count(*) FROM rule_case)") == [(0,)]
    assert len(shadowed(city)) == 1


async def test_a_promoted_shadow_opens_incidents_for_what_still_holds(city: str) -> None:
    await publish(city, TILTED)
    version = await publish(city, FLOODED, mode="shadow")
    async with town(city) as at_work:
        await at_work.report(0, water_m=3)
        async with await AsyncConnection.connect(city) as conn:
            await versions.promote(conn, version, "wang", "it is right", START)
        await at_work.take_up(5)
        await at_work.report(10, water_m=3)

    assert incidents(city) == [("Flooded", None, False)]


async def test_a_version_this_release_cannot_read_is_named(city: str) -> None:
    with psycopg.connect(city) as conn:
        conn.execute(
            "INSERT INTO rulebook_version VALUES (1, 'x', 'live', now(), NULL, 'a', 'b', %s)",
            (json.dumps({"old.yaml": "groups: {}"}),),
        )

    with pytest.raises(Exception, match=r"version 1 of the rules .* cannot be read"):
        async with town(city):
            pass


async def test_a_running_ingest_takes_up_what_is_published_and_loses_no_reading(city: str, broker: str) -> None:
    await publish(city, TILTED)
    client_id = f"test-{uuid.uuid4().hex[:8]}"
    running = Running(broker, city, client_id)
    await running.carrying()
    address = broker_address.parse(broker)
    async with aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as gateway:
        for seq in range(200):
            if seq == 100:
                await publish(city, TILTED, FLOODED)
                running.keeper.read_rules()
            body = {"ts": int(datetime.now(UTC).timestamp() * 1000), "seq": seq, "values": {"water_m": 3.0}}
            await gateway.publish("citygrid/v1/130203/manhole/MC-1/telemetry", json.dumps(body).encode(), qos=1)

    await until(city, "SELECT count(*) FROM reading", 200)
    await until(city, "SELECT count(*) FROM incident WHERE rule = 'Flooded'", 1)
    await running.stop()
