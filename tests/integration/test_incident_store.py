"""Transitions written to the real database: incidents, history, notices, memory."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from psycopg import AsyncConnection

from alerts import engine, fan_in, incident_sql, memory_store, rulebook, service, store
from alerts.engine import Step
from alerts.incident import Action, Role
from alerts.limits import CityTime
from alerts.memory import RuleState
from alerts.moves import Given
from alerts.rule import Rulebook
from alerts.service import Order
from core.fleet import Fleet
from core.frame import Frame
from core.origin import Origin
from ingest.latest import Unwritten
from storage import device_state, readings
from tests import builders

pytestmark = pytest.mark.services

CHANNELS = ("tilt_deg", "water_m")
BOOK = """
groups:
  - name: test
    rules:
      - alert: Tilted
        expr: tilt_deg > 15
        clear: tilt_deg < 10
        for: 20s
        scope: {profile: manhole_cover}
        labels: {severity: critical, team: covers}
        raises: {deadline: 2 urgent_hour, on_recovery: close, department: {zh: 值班中心, en: Duty centre}}
        annotations: {summary: "{{ $labels.device }} tilts {{ $value }}", summary_zh: "倾角 {{ $value }}"}
      - alert: Rising
        expr: change_per_second(water_m) > 0.01
        scope: {profile: manhole_cover}
        labels: {severity: major}
        raises: {deadline: 4 urgent_hour}
        annotations: {summary: rising, summary_zh: 上涨}
      - alert: Silent
        absent_for: 3 intervals
        scope: {profile: manhole_cover}
        labels: {severity: minor}
        raises: {deadline: 1 work_day}
        annotations: {summary: silent, summary_zh: 失联}
"""
START = datetime.fromtimestamp(builders.START_US / 1e6, UTC)


async def plain_city(_: AsyncConnection) -> CityTime:
    return CityTime()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Journey:
    """Readings through storage, rules and incidents, as the ingest process does it; may be killed at any moment."""

    def __init__(self, conn: AsyncConnection, fleet: Fleet, book: Rulebook) -> None:
        self.conn = conn
        self.fleet = fleet
        self.book = book
        self.state: RuleState = engine.initial(book, fleet)
        self.cases = fan_in.Cases()

    async def restart(self) -> None:
        self.state = await memory_store.load_state(self.conn, self.book, self.fleet)
        await self.conn.commit()

    async def receive(self, seconds: float, rows: list[tuple[int, float, Mapping[str, float]]]) -> Step:
        frames = [builders.frame("manhole_cover", rows, channels=CHANNELS)] if rows else []
        return await self.take(seconds, frames)

    async def take(self, seconds: float, frames: list[Frame]) -> Step:
        received_us = builders.START_US + round(seconds * 1e6)
        fresh = await readings.insert_new(self.conn, frames, self.fleet, received_us)
        unwritten = Unwritten(kept_us=0)
        unwritten.note(fresh, received_us)
        for newest in unwritten.rest():
            await device_state.keep(self.conn, newest.frame, self.fleet, newest.received_us)
        step = engine.step(self.state, fresh, self.book, self.fleet, at(seconds))
        await self.record(step, seconds)
        await self.conn.commit()
        engine.commit(self.state, step)
        return step

    async def record(self, step: Step, seconds: float) -> int:
        decided = fan_in.decide(self.cases, step, self.book, self.fleet, at(seconds))
        events = await store.record(self.conn, decided, self.fleet, at(seconds), CityTime())
        await memory_store.keep(self.conn, step.changes, self.fleet)
        fan_in.commit(self.cases, decided)
        return events

    async def fetch(self, query: str) -> list[tuple[object, ...]]:
        rows = await (await self.conn.execute(query.encode())).fetchall()
        await self.conn.commit()
        return rows


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database) as connection:
        await connection.execute("SET timezone = 'UTC'")
        await readings.prepare(connection)
        await seed(connection)
        await connection.commit()
        yield connection


@pytest.fixture
async def journey(conn: AsyncConnection) -> Journey:
    made = Journey(conn, builders.fleet(count=3), rulebook.parse({"test.yaml": BOOK}))
    await made.receive(0, [(slot, 0, {"tilt_deg": 1, "water_m": 0.1}) for slot in range(3)])
    return made


async def seed(conn: AsyncConnection) -> None:
    """One district with a unit grid in a patrol grid; a manhole of two departments with device 1; devices 2 and 3."""
    await conn.execute(
        """
        INSERT INTO area VALUES ('130200', 'city', NULL, '唐山市', 'Tangshan'),
            ('130202', 'district', '130200', '路南区', 'Lunan'), ('130202001', 'street', '130202', '街', 'street'),
            ('130202001001', 'community', '130202001', '社区', 'community');
        INSERT INTO patrol_grid (patrol_grid_id, code, district_code, name_zh, name_en, team, geom)
        VALUES (7, 'P7', '130202', '网格', 'grid', 'team',
            ST_Multi(ST_MakeEnvelope(118.1, 39.6, 118.2, 39.7, 4326)));
        INSERT INTO unit_grid (unit_grid_id, code, community_code, patrol_grid_id, area_m2, geom)
        VALUES (5, '130202001001001', '130202001001', 7, 10000, ST_MakeEnvelope(118.1, 39.6, 118.2, 39.7, 4326));
        INSERT INTO component_class VALUES
            ('cat', '0101', '公用设施', 'utilities', '上水井盖', 'cover', 'point', 's', 'd', 'd', 'test', 'test');
        INSERT INTO department (name_zh, name_en) VALUES ('权属', 'owner'), ('养护', 'maintainer');
        INSERT INTO component (component_id, code, catalogue_id, class_code, district_code, name, state,
            owner_dept_id, maintainer_dept_id, unit_grid_id, data_source, geom)
        VALUES (9, '1302020101000001', 'cat', '0101', '130202', '井盖', 'intact', 1, 2, 5, 'test',
            ST_SetSRID(ST_MakePoint(118.15, 39.65), 4326));
        INSERT INTO device (device_id, label, profile, component_id, district_code, unit_grid_id, state, interval_s,
            registered_at, registered_by, geom)
        SELECT n, 'dev-' || n, 'manhole_cover', CASE n WHEN 1 THEN 9 END, '130202', 5, 'in_service', 10,
            now(), 'test', ST_SetSRID(ST_MakePoint(118.11, 39.61), 4326)
        FROM generate_series(1, 3) n;
        INSERT INTO profile_channel VALUES
            ('manhole_cover', 1, 'tilt_deg', 'deg', '倾角', 'tilt'),
            ('manhole_cover', 2, 'water_m', 'm', '水位', 'level');
        """
    )


async def test_an_incident_carries_place_owner_deadline_and_the_readings_that_prove_it(journey: Journey) -> None:
    await journey.receive(10, [(0, 10, {"tilt_deg": 20})])
    await journey.receive(30, [(0, 30, {"tilt_deg": 31})])

    rows = await journey.fetch(
        """
        SELECT cause, rule, severity, title_zh, title_en, stage, component_id, device_id, unit_grid_id, patrol_grid_id,
            district_code, department_id, origin, fired_ts, opened_at, deadline, evidence, ST_AsText(geom)
        FROM incident
        """
    )

    start_ms = builders.START_US // 1000
    evidence = {
        "channel": "tilt_deg",
        "comparison": "tilt_deg > 15",
        "threshold": 15,
        "value": 31,
        "unit": "deg",
        "for_s": 20,
        "rules_version": None,
        "parts": [],
        "labels": {"severity": "critical", "team": "covers"},
        "since_ms": start_ms + 10_000,
        "readings": [[start_ms, 1], [start_ms + 10_000, 20], [start_ms + 30_000, 31]],
    }
    what = ("Tilted/device:1", "Tilted", "critical", "倾角 31", "dev-1 tilts 31", "reported")
    where = (9, 1, 5, 7, "130202", 2, 0)
    when = (at(30), at(30), at(30 + 1800))  # due: the acceptor's half hour
    assert rows == [(*what, *where, *when, evidence, "POINT(118.15 39.65)")]


async def test_a_device_on_no_component_gives_its_own_place_and_the_department_the_rule_names(journey: Journey) -> None:
    await journey.receive(10, [(1, 10, {"tilt_deg": 20})])
    await journey.receive(30, [(1, 30, {"tilt_deg": 31})])

    rows = await journey.fetch(
        "SELECT d.name_zh, ST_AsText(geom), component_id FROM incident JOIN department d USING (department_id)"
    )

    assert rows == [("值班中心", "POINT(118.11 39.61)", None)]


async def test_a_vehicles_incident_is_where_it_was_and_its_silence_where_it_was_last(conn: AsyncConnection) -> None:
    await conn.execute(
        """
        INSERT INTO device (device_id, label, profile, district_code, state, interval_s,
            registered_at, registered_by, geom)
        VALUES (7, 'bus-7', 'bus', '130202', 'in_service', 10, now(), 'test', ST_SetSRID(ST_MakePoint(1, 1), 4326));
        INSERT INTO profile_channel VALUES ('bus', 1, 'lon_deg', 'deg', '经', 'lon'),
            ('bus', 2, 'lat_deg', 'deg', '纬', 'lat'), ('bus', 3, 'tilt_deg', 'deg', '倾', 'tilt');
        """
    )
    book = rulebook.parse({"test.yaml": BOOK.replace("profile: manhole_cover", "profile: bus")})
    bus = Journey(conn, builders.fleet("bus", first_id=7), book)
    channels = ("lon_deg", "lat_deg", "tilt_deg")
    for seconds, lon_deg, grid in ((0, 118.12, 5), (20, 118.13, 5), (25, 118.3, 0)):
        values = {"lon_deg": lon_deg, "lat_deg": 39.65, "tilt_deg": 20 if seconds < 25 else 1}
        frame = builders.frame("bus", [(0, seconds, values)], channels=channels)
        await bus.take(seconds, [replace(frame, unit_grid_id=np.array([grid], dtype=np.int32))])
        for second in range(seconds + 4, seconds + 20, 4):
            if seconds == 0:
                await bus.take(second, [])
    for second in range(29, 60, 4):
        await bus.take(second, [])

    rows = await bus.fetch(
        "SELECT rule, ST_AsText(geom), unit_grid_id, patrol_grid_id, district_code, stage FROM incident ORDER BY 1 DESC"
    )

    assert rows == [
        ("Tilted", "POINT(118.13 39.65)", 5, 7, "130202", "closed"),
        ("Silent", "POINT(118.3 39.65)", None, None, "130202", "reported"),
    ]


async def test_recovery_resolves_the_incident_and_both_are_in_the_history(journey: Journey) -> None:
    for seconds, tilt in ((10, 20), (30, 31), (40, 5)):
        await journey.receive(seconds, [(0, seconds, {"tilt_deg": tilt})])

    incidents = await journey.fetch("SELECT outcome, recovered_at FROM incident")
    events = await journey.fetch(
        "SELECT kind, from_stage, to_stage, reason, at, actor FROM incident_event ORDER BY event_id"
    )

    assert incidents == [("recovered", at(40))]
    assert events == [
        ("opened", None, "reported", "tilt_deg > 15", at(30), "rule Tilted"),
        ("recovered", "reported", "closed", "tilt_deg < 10", at(40), "rule Tilted"),
    ]


async def test_recovery_resolves_an_incident_people_already_work_on(journey: Journey) -> None:
    await journey.receive(30, [(0, 10, {"tilt_deg": 20}), (0, 30, {"tilt_deg": 20})])
    await journey.conn.execute("UPDATE incident SET stage = 'dispatched'")

    await journey.receive(40, [(0, 40, {"tilt_deg": 5})])

    assert await journey.fetch("SELECT stage FROM incident") == [("closed",)]
    assert await journey.fetch("SELECT from_stage FROM incident_event WHERE kind = 'recovered'") == [("dispatched",)]


async def test_a_cause_that_fires_recovers_and_fires_in_one_batch_gives_two_incidents(journey: Journey) -> None:
    tilts = ((10, 20), (30, 20), (40, 5), (50, 20), (70, 20))

    await journey.receive(80, [(0, seconds, {"tilt_deg": tilt}) for seconds, tilt in tilts])

    rows = await journey.fetch("SELECT stage, fired_ts FROM incident ORDER BY incident_id")
    assert rows == [("closed", at(30)), ("reported", at(70))]


async def test_a_person_closing_a_firing_incident_gets_no_new_one_until_it_recovered_and_fired_again(
    journey: Journey,
) -> None:
    await journey.receive(30, [(0, 10, {"tilt_deg": 20}), (0, 30, {"tilt_deg": 20})])
    order = Order(incident_id=1, action=Action.REJECT, role=Role.ACCEPTOR, given=Given(actor="王", reason="seen"))
    await service.act(journey.conn, order, plain_city, at(31))

    await journey.receive(60, [(0, 40, {"tilt_deg": 20}), (0, 60, {"tilt_deg": 20})])
    still_firing = await journey.fetch("SELECT stage FROM incident")
    await journey.receive(70, [(0, 70, {"tilt_deg": 5})])
    recovered = await journey.fetch("SELECT stage FROM incident")
    await journey.receive(100, [(0, 80, {"tilt_deg": 20}), (0, 100, {"tilt_deg": 20})])
    again = await journey.fetch("SELECT stage FROM incident ORDER BY incident_id")

    assert still_firing == recovered == [("rejected",)]
    assert again == [("rejected",), ("reported",)]


async def test_a_step_recorded_twice_opens_no_second_incident(journey: Journey) -> None:
    frames = [builders.frame("manhole_cover", [(0, 10, {"tilt_deg": 20}), (0, 30, {"tilt_deg": 20})])]
    step = engine.step(journey.state, frames, journey.book, journey.fleet, at(30))

    assert (await journey.record(step, 30), await journey.record(step, 31)) == (1, 0)
    assert await journey.fetch("SELECT count(*) FROM incident") == [(1,)]


async def test_redelivered_readings_change_nothing(journey: Journey) -> None:
    rows = [(0, 10, {"tilt_deg": 20}), (0, 30, {"tilt_deg": 20}), (1, 30, {"tilt_deg": 20})]
    await journey.receive(30, rows)
    before = await journey.fetch("SELECT * FROM rule_state WHERE left(rule, 1) <> '@' ORDER BY rule, device_id")

    step = await journey.receive(31, rows)

    assert step.transitions == ()
    assert await journey.fetch("SELECT * FROM rule_state WHERE left(rule, 1) <> '@' ORDER BY rule, device_id") == before
    assert await journey.fetch("SELECT count(*) FROM incident") == [(1,)]


@pytest.mark.parametrize("origin", [Origin.SIMULATED, Origin.REPLAYED])
async def test_a_simulated_or_replayed_reading_raises_an_incident_but_no_notice(
    journey: Journey, origin: Origin
) -> None:
    rows = [(0, 10, {"tilt_deg": 20.0}), (0, 30, {"tilt_deg": 20.0})]

    await journey.take(30, [builders.frame("manhole_cover", rows, channels=CHANNELS, origin=origin)])

    assert await journey.fetch("SELECT origin FROM incident") == [(int(origin),)]
    assert await journey.fetch("SELECT count(*) FROM outbox") == [(0,)]


async def test_a_live_incident_writes_one_notice_for_each_transition(journey: Journey) -> None:
    for seconds, tilt in ((10, 20), (30, 31), (40, 5)):
        await journey.receive(seconds, [(0, seconds, {"tilt_deg": tilt})])

    rows = await journey.fetch("SELECT kind FROM outbox JOIN incident_event USING (event_id) ORDER BY notice_id")

    assert rows == [("opened",), ("recovered",)]


async def test_each_event_is_announced_by_its_number_when_the_transaction_commits(
    journey: Journey, database: str
) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as listener:
        await listener.execute("LISTEN citygrid_incident")
        await journey.receive(30, [(0, 10, {"tilt_deg": 20}), (0, 30, {"tilt_deg": 20})])
        heard = [note.payload async for note in listener.notifies(timeout=5, stop_after=1)]

    events = await journey.fetch("SELECT event_id::text FROM incident_event")
    assert [(payload,) for payload in heard] == events


async def test_a_restart_between_any_two_batches_changes_no_transition(conn: AsyncConnection) -> None:
    book = rulebook.parse({"test.yaml": BOOK})
    batches = [
        (0, [(slot, 0, {"tilt_deg": 1, "water_m": 0.1}) for slot in range(3)]),
        (4, [(0, 4, {"tilt_deg": 20, "water_m": 0.1}), (1, 4, {"water_m": 0.1})]),
        (8, [(1, 8, {"water_m": 0.5})]),
        (12, []),
        (16, [(0, 14, {"tilt_deg": 12}), (0, 16, {"tilt_deg": 16}), (1, 16, {"water_m": 0.4})]),
        (20, [(0, 20, {"tilt_deg": 16})]),
        (24, [(0, 24, {"tilt_deg": 16}), (1, 24, {})]),
        (28, [(0, 28, {"tilt_deg": 16})]),
        (31, []),
        (36, [(2, 35, {"tilt_deg": 1}), (0, 36, {"tilt_deg": 20})]),
        (40, [(0, 40, {"tilt_deg": 3})]),
    ]

    expected = []
    seen = []
    uninterrupted = engine.initial(book, builders.fleet(count=3))
    crashing = Journey(conn, builders.fleet(count=3), book)
    for seconds, rows in batches:
        frames = [builders.frame("manhole_cover", rows, channels=CHANNELS)] if rows else []
        step = engine.step(uninterrupted, frames, book, crashing.fleet, at(seconds))
        engine.commit(uninterrupted, step)
        expected.extend(step.transitions)
        await crashing.restart()
        seen.extend((await crashing.receive(seconds, rows)).transitions)

    assert [repr(transition) for transition in seen] == [repr(transition) for transition in expected]
    kinds = [(t.rule.name, t.kind.value, t.slot, (t.ts_us - builders.START_US) / 1e6) for t in seen]
    assert kinds == [
        ("Rising", "fired", 1, 8),
        ("Rising", "recovered", 1, 16),
        ("Silent", "fired", 2, 30),
        ("Silent", "recovered", 2, 35),
        ("Tilted", "fired", 0, 36),
        ("Tilted", "recovered", 0, 40),
    ]


async def test_loaded_memory_equals_the_memory_that_was_lost(journey: Journey) -> None:
    await journey.receive(30, [(0, 10, {"tilt_deg": 20}), (0, 30, {"tilt_deg": 20}), (1, 29, {"tilt_deg": 20})])
    lost = journey.state

    await journey.restart()

    for now, before in zip(journey.state.tables(), lost.tables(), strict=True):
        for name in ("ts_us", "heard_us", "origin", "values", "phase", "since_us"):
            np.testing.assert_array_equal(getattr(now, name), getattr(before, name))
    assert journey.state.outages == lost.outages
    assert journey.state.watched_until_us == lost.watched_until_us


async def test_history_numbers_become_visible_in_their_order(journey: Journey, database: str) -> None:
    async with await AsyncConnection.connect(database) as other:
        await other.execute("SET lock_timeout = '200ms'")
        frames = [builders.frame("manhole_cover", [(0, 10, {"tilt_deg": 20}), (0, 30, {"tilt_deg": 20})])]
        step = engine.step(journey.state, frames, journey.book, journey.fleet, at(30))
        await journey.record(step, 30)

        with pytest.raises(Exception, match="lock timeout"):
            await other.execute(incident_sql.LOCK_HISTORY)
