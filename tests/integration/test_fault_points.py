"""Kill -9 at every step of the journey: the incidents are those of a run that nobody disturbed."""

import asyncio
import json
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import AsyncConnection, conninfo

from devices import service
from devices.profile import shipped
from tests import small_city
from tests.conftest import Cluster, create_database, drop_database
from tests.dying_journey import BEFORE_ACKNOWLEDGING, NEVER, Delivery, Stream, run

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
RULES = """
groups:
  - name: covers
    rules:
      - alert: CoverDisplaced
        expr: tilt_deg > 15
        clear: tilt_deg < 10
        scope: {profile: manhole_cover}
        labels: {severity: critical}
        raises: {deadline: 2 urgent_hour}
        annotations: {summary: "tilted by {{ $value }}", summary_zh: "倾角 {{ $value }}"}
      - alert: WaterHigh
        expr: water_m > 1.5
        for: 8s
        scope: {profile: manhole_cover}
        labels: {severity: major}
        raises: {deadline: 2 urgent_hour}
        annotations: {summary: "water {{ $value }} m", summary_zh: "水深 {{ $value }} 米"}
      - alert: CoverSilent
        absent_for: 12s
        scope: {profile: manhole_cover}
        labels: {severity: minor}
        raises: {deadline: 2 work_day}
        annotations: {summary: silent, summary_zh: 失联}
  - name: together
    rules:
      - alert: WaterTogether
        expr: water_m > 1.2
        scope: {profile: manhole_cover}
        together: {in: patrol_grid, at_least: 2, within: 10s}
        labels: {severity: critical}
        raises: {deadline: 2 urgent_hour, files: by_itself, on_recovery: close}
        annotations: {summary: "flood {{ $value }} m", summary_zh: "内涝 {{ $value }} 米"}
  - name: in_order
    query_offset: 6s
    rules:
      - alert: WaterMeanHigh
        expr: avg_over_time(water_m[12s]) > 1
        scope: {profile: manhole_cover}
        labels: {severity: minor}
        raises: {deadline: 2 urgent_hour, on_recovery: close}
        annotations: {summary: "mean {{ $value }} m", summary_zh: "均值 {{ $value }} 米"}
inhibit_rules:
  - source_matchers: ['alertname="CoverDisplaced"']
    target_matchers: ['alertname="WaterMeanHigh"']
    equal: [patrol_grid]
"""
TICKS = 12
LAPS = 12
"""So many laps has a delivery at least; after the last one only the acknowledgement is left."""

FACTS = {
    "incidents": "SELECT cause, rule, severity, stage, fired_ts, title_en, evidence ->> 'comparison',"
    " evidence ->> 'value', evidence ->> 'since_ms' FROM incident ORDER BY cause, fired_ts",
    "history": "SELECT i.cause, e.kind, e.from_stage, e.to_stage, e.actor, e.reason FROM incident_event e"
    " JOIN incident i USING (incident_id) ORDER BY i.cause, i.fired_ts, e.event_id",
    "notices": "SELECT i.cause, e.kind, count(*) FROM outbox o JOIN incident_event e USING (event_id)"
    " JOIN incident i USING (incident_id) GROUP BY i.cause, i.fired_ts, e.kind ORDER BY 1, 2",
    "members": "SELECT i.cause, m.device_id FROM incident_member m JOIN incident i USING (incident_id) ORDER BY 1, 2",
    "memory": "SELECT rule, device_id, state FROM rule_state WHERE device_id > 0 ORDER BY 1, 2",
    "readings": 'SELECT device_id, ts, seq, "values" FROM reading ORDER BY 1, 2, 3',
    "dead letters": "SELECT reason, detail FROM dead_letter ORDER BY 1, 2",
}


def deliveries() -> tuple[Delivery, ...]:
    """Half a minute of five covers: displaced and put back, flooded and drained, one falls silent; and garbage."""
    found: list[Delivery] = []
    for tick in range(TICKS):
        ts = START + timedelta(seconds=4 * tick)
        messages: list[tuple[str, bytes]] = []
        for number in range(1, 6):
            if number == 5 and 2 <= tick < 8:
                continue
            tilt = 30.0 if (number == 1 and 2 <= tick < 6) or (number == 2 and tick in {3, 5}) else 1.0
            water = 2.0 if (number == 3 and tick >= 3) or (number == 4 and tick in {2, 4}) else 0.1
            messages.append(message(number, ts, tick, tilt_deg=tilt, water_m=water))
        messages.append(("citygrid/v1/130203/manhole/MC-1/telemetry", b"{nonsense %d" % tick))
        found.append(Delivery(at=ts + timedelta(seconds=1), messages=tuple(messages)))
    return tuple(found)


def message(number: int, ts: datetime, seq: int, **values: float) -> tuple[str, bytes]:
    body = {"ts": int(ts.timestamp() * 1000), "seq": seq, "values": values}
    return f"citygrid/v1/130203/manhole/MC-{number}/telemetry", json.dumps(body).encode()


Facts = dict[str, list[tuple[object, ...]]]


def differences(found: Facts, expected: Facts) -> list[tuple[str, str, tuple[object, ...]]]:
    """Give the rows that only one of two runs left behind."""
    missing = [(name, "missing", row) for name, rows in expected.items() for row in rows if row not in found[name]]
    added = [(name, "added", row) for name, rows in found.items() for row in rows if row not in expected[name]]
    return missing + added


Laps = Callable[[int, int], int]
Play = Callable[..., Facts]


def undisturbed(_number: int, _attempt: int) -> int:
    return NEVER


def facts(database: str) -> Facts:
    with psycopg.connect(database) as conn:
        return {name: conn.execute(query.encode()).fetchall() for name, query in FACTS.items()}


async def register(address: str) -> None:
    small_city.build(address)
    async with await AsyncConnection.connect(address) as conn:
        await service.publish_profiles(conn, shipped())
        await service.register_many(conn, small_city.covers(5), shipped(), now=START, actor="test")


@pytest.fixture
def play(cluster: Cluster, template_database: str, tmp_path: Path) -> Play:
    """Carry deliveries through a city of their own and give what is then in the database, but the times of arrival."""

    def once(given: Iterable[Delivery], lap_of: Laps = undisturbed, kills: int = 0) -> Facts:
        name = create_database(cluster, template_database)
        address = conninfo.make_conninfo(cluster.database_url, dbname=name)
        try:
            asyncio.run(register(address))
            stream = Stream(database=address, rules=RULES, deliveries=tuple(given), acknowledged=tmp_path / name)
            assert run(stream, lap_of) == kills
            return facts(address)
        finally:
            drop_database(cluster, name)

    return once


def test_the_undisturbed_run_has_something_of_everything(play: Play) -> None:
    found = play(deliveries())

    assert {row[1] for row in found["incidents"]} == {
        "CoverDisplaced", "WaterHigh", "CoverSilent", "WaterTogether", "WaterMeanHigh",
    }  # fmt: skip
    assert {row[1] for row in found["history"]} >= {"opened"}
    assert len(found["readings"]) == TICKS * 5 - 6
    assert found["dead letters"]


@pytest.mark.parametrize("shift", [0, 5, 9])
def test_killed_at_every_step_of_the_journey_nothing_differs(play: Play, shift: int) -> None:
    expected = play(deliveries())

    def lap_of(number: int, attempt: int) -> int:
        return NEVER if attempt else (number + shift) % (LAPS + 1) or BEFORE_ACKNOWLEDGING

    assert differences(play(deliveries(), lap_of, kills=TICKS), expected) == []


def test_killed_again_and_again_at_random_steps(play: Play) -> None:
    expected = play(deliveries())
    rng = random.Random(7)
    plan = {number: [rng.randint(1, LAPS) for _ in range(rng.randint(0, 3))] for number in range(TICKS)}

    def lap_of(number: int, attempt: int) -> int:
        return plan[number][attempt] if attempt < len(plan[number]) else NEVER

    assert differences(play(deliveries(), lap_of, kills=sum(map(len, plan.values()))), expected) == []


def test_every_batch_delivered_twice_is_as_once(play: Play) -> None:
    once = play(deliveries())

    twice = play([again for one in deliveries() for again in (one, one)])

    assert differences(twice, once) == []
