"""A small city: one street, two patrol grids of two unit grids each, six components, five devices, three incidents.

Unit grids stand in a row, 0.001 degrees wide, from 118.180 E, 39.630 N.
"""

import json
from datetime import UTC, datetime, timedelta

import psycopg

from devices.profile import shipped

NOW = datetime.now(UTC).replace(microsecond=0)
CATALOGUE = "gbt30428.2-2013-tangshan"
CODES = [f"1302030101{number:06d}" for number in range(1, 7)]
GRIDS = [f"130203001001{number:03d}" for number in range(1, 5)]

AREAS = """
INSERT INTO area (area_code, level, parent_code, name_zh, name_en) VALUES
    ('130200', 'city', NULL, '唐山市', 'Tangshan'), ('130203', 'district', '130200', '路北区', 'Lubei'),
    ('130202', 'district', '130200', '路南区', 'Lunan'), ('130203001', 'street', '130203', '乔屯街道', 'Qiaotun'),
    ('130203001001', 'community', '130203001', '光明里社区', 'Guangmingli')
"""
PATROL = """
INSERT INTO patrol_grid (code, district_code, name_zh, name_en, team, geom)
SELECT 'P' || n, '130203', '巡查' || n, 'Patrol ' || n, 'team ' || n,
       ST_Multi(ST_MakeEnvelope(118.178 + n * 0.002, 39.63, 118.180 + n * 0.002, 39.631, 4326))
FROM generate_series(1, 2) AS n
"""
UNIT = """
INSERT INTO unit_grid (code, community_code, patrol_grid_id, area_m2, geom)
SELECT '130203001001' || lpad(n::text, 3, '0'), '130203001001', (n + 1) / 2, 9500,
       ST_MakeEnvelope(118.179 + n * 0.001, 39.63, 118.180 + n * 0.001, 39.631, 4326)
FROM generate_series(1, 4) AS n
"""
STREETS = """
INSERT INTO street (street_id, name_zh, name_en, kind, geom) VALUES
    (1, '新华道', 'Xinhua Road', 'main', ST_GeomFromText('LINESTRING(118.180 39.6302, 118.184 39.6302)', 4326)),
    (2, '光明巷', 'Guangming Lane', 'side', ST_GeomFromText('LINESTRING(118.182 39.630, 118.182 39.631)', 4326))
"""
CLASSES = """
INSERT INTO component_class VALUES
    (%(catalogue)s, '0101', '公用设施', 'Public utilities', '上水井盖', 'Water manhole cover', 'point', 'water',
     '城管局', 'Urban management', 'GB/T 30428.2-2013', 'sourced'),
    (%(catalogue)s, '0137', '公用设施', 'Public utilities', '路灯', 'Streetlight', 'point', 'lighting',
     '城管局', 'Urban management', 'GB/T 30428.2-2013', 'sourced')
"""
DEPARTMENTS = """
INSERT INTO department (name_zh, name_en) VALUES ('城管局', 'Urban management'), ('自来水公司', 'Waterworks')
"""
COMPONENTS = """
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, competent_dept_id, owner_dept_id,
                       unit_grid_id, data_source, geom)
SELECT '1302030101' || lpad(n::text, 6, '0'), %(catalogue)s, '0101', '130203', 'cover ' || n,
       CASE WHEN n = 2 THEN 'damaged' ELSE 'intact' END, 1, 2, (n + 1) / 2, 'survey',
       ST_SetSRID(ST_MakePoint(118.1797 + n * 0.0005, 39.6305), 4326)
FROM generate_series(1, 6) AS n
"""
DEVICES = """
INSERT INTO device (label, profile, component_id, district_code, unit_grid_id, state, interval_s, registered_at,
                    registered_by, geom)
SELECT 'mc-' || n, 'manhole_cover', n, '130203', c.unit_grid_id, 'in_service', 60, %(now)s, 'test', c.geom
FROM generate_series(1, 4) AS n JOIN component AS c ON c.component_id = n
UNION ALL
SELECT 'bus-1', 'bus', NULL, '130203', 1, 'in_service', 15, %(now)s, 'test',
       ST_SetSRID(ST_MakePoint(118.18, 39.6305), 4326)
"""
CHANNEL = """
INSERT INTO profile_channel (profile, position, channel, unit, name_zh, name_en) VALUES (%s, %s, %s, %s, %s, %s)
"""
STATE = """
INSERT INTO device_state (device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values")
SELECT device_id, %(ts)s, %(ts)s, 1, %(quality)s, 1, unit_grid_id, %(values)s FROM device WHERE label = %(label)s
ON CONFLICT (device_id) DO UPDATE SET ts = EXCLUDED.ts, received_at = EXCLUDED.received_at, "values" = EXCLUDED."values"
"""
READING = """
INSERT INTO reading (ts, device_id, seq, received_at, quality, origin, unit_grid_id, "values")
SELECT %(ts)s, device_id, %(seq)s, %(ts)s, 0, 1, unit_grid_id, %(values)s FROM device WHERE label = %(label)s
"""
INCIDENT = """
INSERT INTO incident (cause, rule, severity, title_zh, title_en, stage, component_id, device_id, unit_grid_id,
                      patrol_grid_id, district_code, department_id, origin, fired_ts, opened_at, deadline, evidence,
                      outcome, geom)
SELECT %(rule)s || '/device:' || d.device_id || '/' || %(number)s, %(rule)s, %(severity)s, '井盖移位',
       'Cover displaced', %(stage)s, d.component_id, d.device_id, d.unit_grid_id, u.patrol_grid_id, '130203', 1, 1,
       %(at)s, %(at)s, %(deadline)s, %(evidence)s, CASE %(stage)s WHEN 'closed' THEN 'handled' END, d.geom
FROM device AS d JOIN unit_grid AS u USING (unit_grid_id) WHERE d.label = %(label)s
RETURNING incident_id
"""
EVENT = """
INSERT INTO incident_event (incident_id, at, actor, kind, from_stage, to_stage)
VALUES (%(incident_id)s, %(at)s, 'rules', %(kind)s, NULL, 'reported') RETURNING event_id
"""
EVIDENCE = {
    "channel": "tilt_deg", "comparison": "tilt_deg > 15", "threshold": 15, "value": 27.4, "unit": "deg", "for_s": 60,
    "readings": [[1, 3.1], [2, 27.4]],
}  # fmt: skip


def build(conn: psycopg.Connection) -> None:
    """Fill a migrated, empty database."""
    values = {"catalogue": CATALOGUE, "now": NOW}
    for statement in (AREAS, PATROL, UNIT, STREETS, CLASSES, DEPARTMENTS, COMPONENTS, DEVICES):
        conn.execute(statement, values)
    conn.execute("DELETE FROM profile_channel")
    for profile in shipped().values():
        for position, channel in enumerate(profile.channels, start=1):
            row = (profile.profile, position, channel.name, channel.unit, channel.name_zh, channel.name_en)
            conn.execute(CHANNEL, row)
    hear(conn, "mc-1", NOW, [27.4, None, 0.5])
    hear(conn, "mc-2", NOW - timedelta(seconds=100), [1.0])
    hear(conn, "mc-3", NOW - timedelta(hours=2), [1.0])
    hear(conn, "bus-1", NOW, [118.1815, 39.6305, 30.0, 90.0])
    for minute in range(60):
        tilt = None if minute == 30 else float(minute)
        values = {"ts": NOW - timedelta(minutes=59 - minute), "seq": minute, "values": [tilt], "label": "mc-1"}
        conn.execute(READING, values)
    raise_incident(conn, 1, "CoverDisplaced", severity="critical", label="mc-1", due=timedelta(hours=2))
    raise_incident(conn, 2, "WaterRising", severity="minor", label="mc-3", due=timedelta(hours=1))
    raise_incident(conn, 3, "CoverDisplaced", severity="major", label="mc-2", stage="closed")


def hear(conn: psycopg.Connection, label: str, ts: datetime, values: list[float | None], quality: int = 0) -> None:
    """Set a device's newest reading."""
    conn.execute(STATE, {"label": label, "ts": ts, "values": values, "quality": quality})


def raise_incident(
    conn: psycopg.Connection,
    number: int,
    rule: str = "CoverDisplaced",
    *,
    severity: str = "major",
    label: str = "mc-4",
    stage: str = "reported",
    due: timedelta = timedelta(hours=4),
) -> tuple[int, int]:
    """Open an incident with its first event, announced as the rules do; give both keys."""
    values = {
        "number": number, "rule": rule, "severity": severity, "label": label, "stage": stage, "at": NOW,
        "deadline": NOW + due, "evidence": json.dumps(EVIDENCE),
    }  # fmt: skip
    incident_id = _key(conn, INCIDENT, values)
    event_id = _key(conn, EVENT, {"incident_id": incident_id, "at": NOW, "kind": "opened"})
    conn.execute("SELECT pg_notify('citygrid_incident', %s)", (str(event_id),))
    return incident_id, event_id


def _key(conn: psycopg.Connection, statement: str, values: dict[str, object]) -> int:
    row = conn.execute(statement, values).fetchone()  # type: ignore[arg-type]
    assert row
    return int(row[0])
