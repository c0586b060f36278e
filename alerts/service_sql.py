"""The statements of what people do with incidents besides steps: report one, split it, take one into another.

Run under `incident_sql.LOCK_HISTORY`.
"""

# By hand, where somebody saw it. It stands on a component when one is named.
REPORT = """
WITH place AS (
    SELECT ST_SetSRID(ST_MakePoint(%(lon_deg)s::float8, %(lat_deg)s::float8), 4326) AS geom
),
opened AS (
    INSERT INTO incident (
        cause, rule, severity, title_zh, title_en, stage, component_id, unit_grid_id, patrol_grid_id, district_code,
        origin, fired_ts, opened_at, evidence, geom
    )
    SELECT %(cause)s, %(source)s, %(severity)s, %(title_zh)s, %(title_en)s, 'reported', c.component_id,
           u.unit_grid_id, u.patrol_grid_id, left(u.code, 6), 0, %(now)s, %(now)s, %(evidence)s, place.geom
    FROM place
    JOIN LATERAL (
        SELECT unit_grid_id, patrol_grid_id, code FROM unit_grid
        WHERE state = 'valid' AND ST_Covers(unit_grid.geom, place.geom) ORDER BY unit_grid_id LIMIT 1
    ) AS u ON true
    LEFT JOIN component AS c ON c.code = %(component_code)s
    WHERE %(component_code)s::text IS NULL OR c.component_id IS NOT NULL
    RETURNING incident_id
),
audited AS (
    INSERT INTO audit (at, actor, action, subject, detail)
    SELECT %(now)s, %(actor)s, 'incident.report', 'incident ' || incident_id,
           jsonb_build_object('role', %(role)s::text, 'source', %(source)s::text)
    FROM opened
),
event AS (
    INSERT INTO incident_event (incident_id, at, actor, role, kind, to_stage, reason, detail)
    SELECT incident_id, %(now)s, %(actor)s, %(role)s, 'reported', 'reported', %(description)s,
           jsonb_build_object('source', %(source)s::text)
    FROM opened
    RETURNING incident_id, event_id
)
SELECT incident_id, event_id, pg_notify('citygrid_incident', event_id::text) FROM event
"""

# What took in another says so.
ABSORB = """
WITH event AS (
    INSERT INTO incident_event (incident_id, at, actor, role, kind, from_stage, to_stage, detail)
    SELECT incident_id, %(now)s, %(actor)s, %(role)s, 'absorbed', stage, stage,
           jsonb_build_object('from', %(from)s::int8)
    FROM incident WHERE incident_id = %(incident_id)s
    RETURNING event_id
)
SELECT event_id, pg_notify('citygrid_incident', event_id::text) FROM event
"""

# A child is what its parent is, filed, with a number and a clock of its own.
CHILD = """
WITH opened AS (
    INSERT INTO incident (
        cause, rule, severity, title_zh, title_en, stage, component_id, device_id, unit_grid_id, patrol_grid_id,
        district_code, origin, fired_ts, opened_at, filed_at, evidence, geom, parent_id, class_code, filing_condition,
        limit_stages, level, holder_code, level_reason, deadline, amber_at
    )
    SELECT 'child/' || %(key)s, p.rule, p.severity, p.title_zh, p.title_en, 'filed', p.component_id, p.device_id,
           p.unit_grid_id, p.patrol_grid_id, p.district_code, p.origin, p.fired_ts, %(now)s, %(now)s, p.evidence,
           p.geom, p.incident_id, p.class_code, p.filing_condition, p.limit_stages,
           CASE WHEN %(street_code)s::text IS NULL THEN p.level ELSE 'street' END,
           coalesce(%(street_code)s, p.holder_code), 'child', %(deadline)s, %(amber_at)s
    FROM incident AS p WHERE p.incident_id = %(parent_id)s
    RETURNING incident_id
),
event AS (
    INSERT INTO incident_event (incident_id, at, actor, role, kind, to_stage, reason, detail)
    SELECT incident_id, %(now)s, %(actor)s, %(role)s, 'opened', 'filed', %(reason)s,
           jsonb_build_object('parent_id', %(parent_id)s::int8)
    FROM opened
    RETURNING incident_id, event_id
)
SELECT incident_id, event_id, pg_notify('citygrid_incident', event_id::text) FROM event
"""

NEWEST_EVENT = "SELECT coalesce(max(event_id), 0) FROM incident_event WHERE incident_id = %(incident_id)s"
KNOWN_DEPARTMENTS = "SELECT department_id FROM department WHERE department_id = ANY(%(ids)s)"
