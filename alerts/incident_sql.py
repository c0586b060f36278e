"""The statement that opens incidents, with their history and notices; how they move on is `alerts.move_sql`.

One statement does all three, so that no path can do one without the others. Run under `LOCK_HISTORY`: history keys then
become visible in their order, which is what lets the live stream resume by key.
"""

LOCK_HISTORY = "SELECT pg_advisory_xact_lock(hashtext('citygrid.incident_event'))"

ENSURE_DEPARTMENT = """
INSERT INTO department (name_zh, name_en)
SELECT %(name_zh)s, %(name_en)s
WHERE NOT EXISTS (SELECT FROM department_name WHERE name_zh = %(name_zh)s)
ON CONFLICT (name_zh) DO NOTHING
"""

# Opens an incident for each cause that has none open. Place: the reading's position for a moving device (the last one
# when it is a silence), else the component's geometry, else the device's point.
OPEN = """
WITH fired AS (
    SELECT *
    FROM unnest(
        %(cause)s::text[], %(rule)s::text[], %(severity)s::text[], %(title_zh)s::text[], %(title_en)s::text[],
        %(device_id)s::int[], %(unit_grid_id)s::int[], %(department_zh)s::text[], %(origin)s::smallint[],
        %(fired_ts)s::timestamptz[], %(deadline)s::timestamptz[], %(lon_deg)s::float8[], %(lat_deg)s::float8[],
        %(channel)s::text[], %(shown_from)s::timestamptz[], %(evidence)s::jsonb[]
    ) WITH ORDINALITY AS f (
        cause, rule, severity, title_zh, title_en, device_id, unit_grid_id, department_zh, origin,
        fired_ts, deadline, lon_deg, lat_deg, channel, shown_from, evidence, number
    )
),
opened AS (
    INSERT INTO incident (
        cause, rule, severity, title_zh, title_en, stage, component_id, device_id, unit_grid_id, patrol_grid_id,
        district_code, department_id, origin, fired_ts, opened_at, deadline, evidence, geom
    )
    SELECT
        f.cause, f.rule, f.severity, f.title_zh, f.title_en, 'reported', d.component_id, d.device_id,
        grid.unit_grid_id, grid.patrol_grid_id, coalesce(left(grid.code, 6), d.district_code),
        coalesce(
            c.maintainer_dept_id, c.owner_dept_id, c.competent_dept_id,
            (SELECT department_id FROM department_name WHERE name_zh = f.department_zh)
        ),
        f.origin, f.fired_ts, %(now)s, f.deadline,
        f.evidence
        || jsonb_build_object('unit', coalesce(f.evidence ->> 'unit', measured.unit))
        || jsonb_build_object('readings', coalesce(proof.readings, '[]'::jsonb)),
        coalesce(
            ST_SetSRID(ST_MakePoint(f.lon_deg, f.lat_deg), 4326),
            ST_SetSRID(ST_MakePoint(last.lon_deg, last.lat_deg), 4326),
            c.geom,
            d.geom
        )
    FROM fired f
    JOIN device d USING (device_id)
    LEFT JOIN component c ON c.component_id = d.component_id
    LEFT JOIN device_state s ON s.device_id = d.device_id
    LEFT JOIN LATERAL (
        SELECT s."values"[lon.position] AS lon_deg, s."values"[lat.position] AS lat_deg
        FROM profile_channel lon
        JOIN profile_channel lat ON lat.profile = lon.profile AND lat.channel = 'lat_deg'
        WHERE lon.profile = d.profile AND lon.channel = 'lon_deg'
    ) last ON f.unit_grid_id < 0
    LEFT JOIN unit_grid grid ON grid.unit_grid_id = CASE
        WHEN f.unit_grid_id >= 0 AND f.lon_deg IS NOT NULL THEN f.unit_grid_id
        WHEN last.lon_deg IS NOT NULL THEN s.unit_grid_id
        ELSE coalesce(nullif(greatest(f.unit_grid_id, 0), 0), d.unit_grid_id, c.unit_grid_id)
    END
    LEFT JOIN LATERAL (
        SELECT p.position, p.unit
        FROM profile_channel p
        WHERE p.profile = d.profile AND (p.channel = f.channel OR (f.channel IS NULL AND p.position = 1))
    ) measured ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(
            jsonb_build_array((extract(epoch FROM recent.ts) * 1000)::bigint, recent.value) ORDER BY recent.ts
        ) AS readings
        FROM (
            SELECT r.ts, r."values"[measured.position] AS value
            FROM reading r
            WHERE
                r.device_id = f.device_id AND r.ts >= f.shown_from AND r.ts <= f.fired_ts
                AND r.ts >= %(earliest)s AND r.ts <= %(latest)s  -- the same for all: lets the planner leave out chunks
                AND r."values"[measured.position] IS NOT NULL
            ORDER BY r.ts DESC
            LIMIT 50
        ) recent
    ) proof ON true
    ON CONFLICT (cause) WHERE is_open DO NOTHING
    RETURNING incident_id, cause, rule, severity, title_zh, title_en, origin, deadline, geom
),
events AS (
    INSERT INTO incident_event (incident_id, at, actor, kind, to_stage, reason, detail)
    SELECT
        o.incident_id, %(now)s, 'rule ' || f.rule, 'opened', 'reported', f.evidence ->> 'comparison',
        jsonb_build_object('value', f.evidence -> 'value', 'ts_ms', (extract(epoch FROM f.fired_ts) * 1000)::bigint)
    FROM opened o
    JOIN fired f USING (cause)
    ORDER BY f.number
    RETURNING event_id, incident_id
),
notices AS (
    INSERT INTO outbox (event_id, created_at)
    SELECT e.event_id, %(now)s
    FROM events e
    JOIN opened o USING (incident_id)
    WHERE o.origin = 0
    RETURNING notice_id
)
SELECT
    event_id, incident_id, o.cause,
    pg_notify('citygrid_incident', event_id::text),
    (SELECT pg_notify('citygrid_outbox', max(notice_id)::text) FROM notices HAVING count(*) > 0)
FROM events
JOIN opened o USING (incident_id)
ORDER BY event_id
"""
