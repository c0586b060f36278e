"""A city of four unit grids and a few devices in a real database: enough for a journey from topic to incident."""

from datetime import UTC, datetime

import psycopg

from devices.model import Registration

REGISTERED_AT = datetime(2026, 11, 1, tzinfo=UTC)

CITY = """
INSERT INTO area (area_code, level, parent_code, name_zh, name_en) VALUES
    ('130200', 'city', NULL, '唐山市', 'Tangshan'),
    ('130203', 'district', '130200', '路北区', 'Lubei District'),
    ('130203001', 'street', '130203', '乔屯街道', 'Qiaotun Street'),
    ('130203001001', 'community', '130203001', '乔屯楼社区', 'Qiaotunlou Community');
INSERT INTO patrol_grid (patrol_grid_id, code, district_code, name_zh, name_en, team, geom) VALUES
    (1, 'P130203-001', '130203', '路北一格', 'Lubei 1', '一队',
     ST_Multi(ST_MakeEnvelope(118.18, 39.63, 118.20, 39.65, 4326)));
INSERT INTO unit_grid (unit_grid_id, code, community_code, patrol_grid_id, area_m2, geom)
SELECT n, '13020300100100' || n, '130203001001', 1, 10000,
       ST_MakeEnvelope(118.18 + 0.005 * (n - 1), 39.63, 118.18 + 0.005 * n, 39.65, 4326)
FROM generate_series(1, 4) AS n;
INSERT INTO component_class (catalogue_id, class_code, major_zh, major_en, name_zh, name_en, geometry_kind, subsystem,
                             department_zh, department_en, source, certainty) VALUES
    ('test', '0102', '公用设施', 'Public utilities', '污水井盖', 'Sewage manhole cover', 'point', 'manhole_covers',
     '排水管理处', 'Drainage Office', 'test', 'A'),
    ('test', '0137', '公用设施', 'Public utilities', '路灯', 'Street light', 'point', 'street_lighting',
     '路灯管理处', 'Lighting Office', 'test', 'A');
INSERT INTO department (name_zh, name_en) VALUES ('排水管理处', 'Drainage Office');
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, owner_dept_id, unit_grid_id,
                       data_source, geom)
SELECT '1302030102' || lpad(n::text, 6, '0'), 'test', '0102', '130203', '污水井盖', 'intact', 1, 1 + n % 4, 'test',
       ST_SetSRID(ST_MakePoint(118.1825 + 0.005 * (n % 4), 39.64), 4326)
FROM generate_series(1, 40) AS n;
"""


def build(database: str) -> None:
    """Put the city's grids, classes and components into a migrated, empty database."""
    with psycopg.connect(database) as conn:
        conn.execute(CITY)


def covers(count: int, *, first: int = 1, interval_s: float = 10) -> list[Registration]:
    """Registrations of manhole covers MC-1, MC-2 ... on the city's components."""
    return [
        Registration(
            label=f"MC-{number}",
            profile="manhole_cover",
            component_code=f"1302030102{number:06d}",
            district_code="130203",
            interval_s=interval_s,
        )
        for number in range(first, first + count)
    ]


def bus(label: str = "BUS-1", *, interval_s: float = 10) -> Registration:
    """Registration of a bus, which stands on no component."""
    return Registration(
        label=label, profile="bus", district_code="130203", lon_deg=118.181, lat_deg=39.64, interval_s=interval_s
    )
