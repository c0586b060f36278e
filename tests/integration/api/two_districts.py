"""The small city with a second street and a second district, whose rows bear marks that are searched for in answers."""

from datetime import timedelta

import psycopg

from tests.integration.api.city import CATALOGUE, NOW, build

PLACES = {
    "far": ("130202", "130202001", "130202001001", 118.280, "1302020101000901"),
    "next": ("130203", "130203002", "130203002001", 118.380, "1302030101000902"),
}
MARKS = {"far": ("far-1", PLACES["far"][4], "FarRule"), "next": ("next-1", PLACES["next"][4], "NextRule")}
"""What the rows of the other district, and of the other street, bear one of: label or name, component's code, rule."""

ROWS = """
INSERT INTO area (area_code, level, parent_code, name_zh, name_en) VALUES
    (%(street)s, 'street', %(district)s, %(street)s, %(street)s),
    (%(community)s, 'community', %(street)s, %(community)s, %(community)s);
INSERT INTO patrol_grid (code, district_code, name_zh, name_en, team, geom)
VALUES ('P-' || %(name)s, %(district)s, %(name)s, %(name)s, 'team',
        ST_Multi(ST_MakeEnvelope(%(lon)s, 39.63, %(lon)s + 0.001, 39.631, 4326)));
INSERT INTO unit_grid (code, community_code, patrol_grid_id, area_m2, geom)
SELECT %(community)s || '001', %(community)s, patrol_grid_id, 9500,
       ST_MakeEnvelope(%(lon)s, 39.63, %(lon)s + 0.001, 39.631, 4326)
FROM patrol_grid WHERE code = 'P-' || %(name)s;
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, competent_dept_id, owner_dept_id,
                       unit_grid_id, data_source, geom)
SELECT %(code)s, %(catalogue)s, '0101', %(district)s, %(mark)s, 'intact', 1, 2, unit_grid_id, 'survey',
       ST_PointOnSurface(geom) FROM unit_grid WHERE code = %(community)s || '001';
INSERT INTO device (label, profile, component_id, district_code, unit_grid_id, state, interval_s, registered_at,
                    registered_by, geom)
SELECT %(mark)s, 'manhole_cover', component_id, district_code, unit_grid_id, 'in_service', 60, %(now)s, 'test', geom
FROM component WHERE code = %(code)s;
INSERT INTO device_state (device_id, ts, received_at, seq, quality, origin, unit_grid_id, "values")
SELECT device_id, %(now)s, %(now)s, 1, 0, 1, unit_grid_id, '{1}' FROM device WHERE label = %(mark)s;
INSERT INTO event (ts, device_id, kind, seq, received_at, quality, origin, unit_grid_id, detail)
SELECT %(now)s::timestamptz - interval '1 minute', device_id, %(mark)s, 1, %(now)s, 0, 1, unit_grid_id, '{}'
FROM device WHERE label = %(mark)s;
INSERT INTO muted_case (cause, rule, severity, device_id, district_code, origin, muted_by, reason, fired_ts, muted_at)
SELECT %(mark)s, %(rule)s, 'minor', device_id, district_code, 1, 'silence:1', 'work', %(now)s, %(now)s
FROM device WHERE label = %(mark)s;
INSERT INTO silence (matchers, areas, starts_at, ends_at, created_at, author, reason)
VALUES ('{}', ARRAY[%(street)s], %(now)s, %(later)s, %(now)s, 'test', %(mark)s);
INSERT INTO dead_letter (digest, topic, reason, detail, payload, truncated, first_seen, last_seen, seen)
VALUES (%(digest)s, 'citygrid/v1/' || %(district)s || '/manhole/' || %(mark)s || '/telemetry', 'not_json', %(mark)s,
        '', FALSE, %(now)s, %(now)s, 1);
INSERT INTO incident (cause, rule, severity, title_zh, title_en, stage, component_id, device_id, unit_grid_id,
                      patrol_grid_id, district_code, department_id, origin, fired_ts, opened_at, deadline, evidence,
                      geom)
SELECT %(mark)s, %(rule)s, 'major', %(mark)s, %(mark)s, 'reported', d.component_id, d.device_id, d.unit_grid_id,
       u.patrol_grid_id, d.district_code, 1, 1, %(now)s, %(now)s, %(later)s, '{}', d.geom
FROM device AS d JOIN unit_grid AS u USING (unit_grid_id) WHERE d.label = %(mark)s;
INSERT INTO incident_event (incident_id, at, actor, kind, to_stage)
SELECT incident_id, %(now)s, 'rules', 'opened', 'reported' FROM incident WHERE cause = %(mark)s;
"""


def fill(conn: psycopg.Connection) -> dict[str, int]:
    """Fill a migrated, empty database and give the incidents' keys by the name of their place."""
    build(conn)
    for name, (district, street, community, lon, code) in PLACES.items():
        mark, _, rule = MARKS[name]
        values = {
            "name": name, "district": district, "street": street, "community": community, "lon": lon, "code": code,
            "mark": mark, "rule": rule, "catalogue": CATALOGUE, "now": NOW, "later": NOW + timedelta(hours=4),
            "digest": name[:1].encode() * 32,
        }  # fmt: skip
        with psycopg.ClientCursor(conn) as cursor:  # several statements at once
            cursor.execute(ROWS, values)
    return dict(conn.execute("SELECT cause, incident_id FROM incident WHERE cause LIKE '%-1'").fetchall())
