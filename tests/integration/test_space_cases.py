"""Space through the real journey and database: floods on grids, circuits on cabinets, buses off their routes."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection

from alerts import rulebook
from devices import service
from devices.model import Registration
from devices.profile import shipped
from ingest import pipeline
from ingest.message import Batch, RawMessage
from ingest.validate import Tolerance
from runtime.carrier import Setup, load
from runtime.ingestor import Live, carry
from tests import small_city

pytestmark = pytest.mark.services

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
LIMITS = pipeline.Limits(payload_bytes=16_384, tolerance=Tolerance(behind_us=365 * 86_400_000_000))
RULES = """
groups:
  - name: water
    rules:
      - alert: WaterHigh
        expr: water_m > 1.5
        scope: {profile: manhole_cover}
        labels: {severity: major}
        raises: {deadline: 2 urgent_hour, on_recovery: close}
        annotations: {summary: "water {{ $value }} m", summary_zh: "水深 {{ $value }} 米"}
      - alert: Flood
        expr: water_m > 1.5
        scope: {profile: manhole_cover}
        together: {in: patrol_grid, at_least: 3, replaces: WaterHigh}
        labels: {severity: critical}
        raises: {deadline: 2 urgent_hour, on_recovery: close}
        annotations: {summary: "Flood", summary_zh: "内涝"}
      - alert: CircuitOut
        expr: commanded_on > 0.5 and power_w < 10
        scope: {profile: streetlight}
        together: {in: circuit, share: 0.6}
        labels: {severity: major}
        raises: {deadline: 2 work_day, on_recovery: close}
        annotations: {summary: "Circuit out", summary_zh: "回路停电"}
      - alert: OffRoute
        expr: off_route_m() > 100
        scope: {profile: bus}
        labels: {severity: minor}
        raises: {deadline: 2 work_day, on_recovery: close}
        annotations: {summary: "off its route", summary_zh: "偏离线路"}
"""
CITY = """
UPDATE patrol_grid SET geom = ST_Multi(ST_MakeEnvelope(118.18, 39.63, 118.195, 39.65, 4326));
INSERT INTO patrol_grid (patrol_grid_id, code, district_code, name_zh, name_en, team, geom) VALUES
    (2, 'P130203-002', '130203', '路北二格', 'Lubei 2', '二队',
     ST_Multi(ST_MakeEnvelope(118.195, 39.63, 118.20, 39.65, 4326)));
UPDATE unit_grid SET patrol_grid_id = 2 WHERE unit_grid_id = 4;
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, owner_dept_id, unit_grid_id,
                       data_source, geom)
SELECT '1302030137' || lpad(n::text, 6, '0'), 'test', '0137', '130203', '路灯', 'intact', 1, 1, 'test',
       ST_SetSRID(ST_MakePoint(118.181 + 0.0001 * n, 39.64), 4326)
FROM generate_series(1, 6) AS n;
INSERT INTO component_link (kind, upstream_id, downstream_id)
SELECT 'circuit', cabinet.component_id, lamp.component_id
FROM component cabinet, component lamp
WHERE cabinet.code = '1302030137000006' AND lamp.code BETWEEN '1302030137000001' AND '1302030137000005';
INSERT INTO route VALUES ('1', '1路', 'Route 1',
    ST_GeomFromText('LINESTRING(118.18 39.64, 118.20 39.64)', 4326));
"""
PATROL_1, PATROL_2 = 0.015 * 0.02, 0.005 * 0.02
Carry = Callable[..., object]


class Story:
    """One journey on a database; `again` starts it anew, as after a crash."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.book = rulebook.parse({"space.yaml": RULES})
        self.live: Live | None = None
        self.seq = 0

    async def start(self) -> None:
        conn = await AsyncConnection.connect(self.database)
        setup = Setup(
            writer_dsn=self.database,
            profiles=shipped(),
            rulebook=self.book,
            limits=LIMITS,
        )
        self.live = await load(conn, setup, None, START)

    async def stop(self) -> None:
        if self.live is not None:
            await self.live.conn.close()
            self.live = None

    async def again(self) -> None:
        await self.stop()
        await self.start()

    async def tell(self, at_s: float, *said: tuple[str, str, dict[str, float]]) -> None:
        """Carry one batch of messages, each (kind, label, values), taken at one time."""
        assert self.live is not None
        at = START + timedelta(seconds=at_s)
        self.seq += 1
        messages = [
            RawMessage(
                f"citygrid/v1/130203/{kind}/{label}/telemetry",
                json.dumps({"ts": int(at.timestamp() * 1000), "seq": self.seq, "values": values}).encode(),
                None,
                False,
            )
            for kind, label, values in said
        ]
        await carry(Batch(messages=messages, connection=1, backlog=0), self.live, at + timedelta(seconds=1))

    async def water(self, at_s: float, **depth_m: float) -> None:
        await self.tell(
            at_s, *(("manhole", label.replace("_", "-"), {"water_m": deep}) for label, deep in depth_m.items())
        )

    def rows(self, query: str) -> Sequence[tuple[object, ...]]:
        with psycopg.connect(self.database) as conn:
            return conn.execute(query.encode()).fetchall()

    def open(self) -> Sequence[tuple[object, ...]]:
        return self.rows("SELECT cause, severity, is_open, outcome FROM incident WHERE is_open ORDER BY incident_id")


@pytest.fixture
async def story(database: str) -> AsyncIterator[Story]:
    small_city.build(database)
    with psycopg.connect(database) as conn:
        conn.execute(CITY)
    lamps = [
        Registration(
            label=f"SL-{n}", profile="streetlight", component_code=f"1302030137{n:06d}", district_code="130203",
            interval_s=10,
        )
        for n in range(1, 6)
    ]  # fmt: skip
    bus = Registration(
        label="BUS-1", profile="bus", district_code="130203", lon_deg=118.181, lat_deg=39.64, interval_s=10,
        install={"route": "1"},
    )  # fmt: skip
    async with await AsyncConnection.connect(database) as conn:
        await service.publish_profiles(conn, shipped())
        _, findings = await service.register_many(
            conn, [*small_city.covers(5), *lamps, bus], shipped(), now=START, actor="test"
        )
        assert findings == []
    made = Story(database)
    await made.start()
    yield made
    await made.stop()


async def test_three_high_waters_in_a_patrol_grid_are_one_flood_a_fourth_extends_it_recovery_ends_it(
    story: Story,
) -> None:
    await story.water(0, MC_1=0.1, MC_2=0.1, MC_3=0.1, MC_4=0.1)
    await story.water(10, MC_1=2.0, MC_2=2.0)
    assert [(row[0].split("/")[0], row[1]) for row in story.open()] == [("WaterHigh", "major")] * 2

    await story.water(20, MC_4=2.0)

    assert story.open() == [("Flood/patrol_grid:1", "critical", True, None)]
    assert story.rows("SELECT count(*) FROM incident WHERE outcome = 'merged'") == [(2,)]
    assert story.rows("SELECT count(*) FROM incident WHERE rule = 'WaterHigh'") == [(2,)]
    flood = "WHERE cause = 'Flood/patrol_grid:1'"
    (geometry,) = story.rows(f"SELECT GeometryType(geom), ST_Area(geom), patrol_grid_id FROM incident {flood}")
    assert geometry == ("POLYGON", pytest.approx(PATROL_1), 1)

    await story.water(30, MC_3=2.0)

    (grown,) = story.rows(f"SELECT GeometryType(geom), ST_Area(geom) FROM incident {flood}")
    assert grown == ("POLYGON", pytest.approx(PATROL_1 + PATROL_2))
    members = story.rows(
        "SELECT d.label, m.left_ts IS NULL, m.evidence -> 'value', jsonb_array_length(m.evidence -> 'readings')"
        " FROM incident_member m JOIN device d USING (device_id) JOIN incident i USING (incident_id)"
        f" {flood} ORDER BY 1"
    )
    assert members == [(f"MC-{number}", True, 2.0, 2) for number in (1, 2, 3, 4)]

    await story.water(40, MC_1=0.1, MC_2=0.1, MC_3=0.1, MC_4=0.1)

    assert story.open() == []
    assert story.rows(f"SELECT outcome FROM incident {flood}") == [("recovered",)]
    history = [
        row[0]
        for row in story.rows(
            f"SELECT kind FROM incident_event JOIN incident USING (incident_id) {flood} ORDER BY event_id"
        )
    ]
    assert history[0] == "opened"
    assert history.count("absorbed") == 2
    assert history.count("joined") == 1
    assert story.rows("SELECT count(*) FROM rule_firing") == [(0,)]
    assert story.rows("SELECT count(*) FROM rule_case") == [(0,)]


async def test_a_restart_between_any_two_batches_changes_nothing(story: Story) -> None:
    batches = [{"MC_1": 2.0}, {"MC_2": 2.0}, {"MC_4": 2.0}, {"MC_3": 2.0}, {"MC_1": 0.1, "MC_2": 0.1}, {"MC_3": 0.1}]
    for number, depth_m in enumerate(batches):
        await story.again()
        await story.water(10 * number, **depth_m)

    found = story.rows("SELECT cause, is_open, outcome FROM incident ORDER BY incident_id")
    assert [(cause.split("/")[0], is_open, outcome) for cause, is_open, outcome in found] == [
        ("WaterHigh", False, "merged"),
        ("WaterHigh", False, "merged"),
        ("Flood", False, "recovered"),
        ("WaterHigh", False, "recovered"),
        ("WaterHigh", True, None),
    ], "the flood ended with two still high, which stand by themselves; then one of them fell"


async def test_a_circuit_out_is_one_case_on_its_cabinet(story: Story) -> None:
    dark = {"commanded_on": 1.0, "power_w": 0.0}
    for number in range(1, 4):
        await story.tell(10 * number, ("streetlight", f"SL-{number}", dark))
    await story.tell(50, ("streetlight", "SL-4", dark))

    (found,) = story.rows(
        "SELECT c.code, i.title_en, ST_AsText(i.geom), (SELECT count(*) FROM incident_member m"
        " WHERE m.incident_id = i.incident_id) FROM incident i JOIN component c USING (component_id)"
        " WHERE i.rule = 'CircuitOut' AND i.is_open"
    )
    assert found == ("1302030137000006", "Circuit out", "POINT(118.1816 39.64)", 4)


async def test_a_bus_off_its_route_leaves_its_way_as_a_line(story: Story) -> None:
    for number, lat_deg in enumerate((39.64, 39.642, 39.643, 39.644)):
        place = {"lon_deg": 118.185 + 0.001 * number, "lat_deg": lat_deg, "speed_kmh": 20.0}
        await story.tell(10 * number, ("bus", "BUS-1", place))
    assert story.open() == [("OffRoute/device:11", "minor", True, None)]

    await story.tell(60, ("bus", "BUS-1", {"lon_deg": 118.19, "lat_deg": 39.64, "speed_kmh": 20.0}))

    assert story.open() == []
    (way,) = story.rows("SELECT GeometryType(geom), ST_NPoints(geom) FROM incident")
    assert way == ("LINESTRING", 4)
