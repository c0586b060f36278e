"""The statements about members of incidents: who joined, who left, what the rule sees, and one case taken into another.

Each change that people see is one statement that also appends to the history. Run under `incident_sql.LOCK_HISTORY`.
"""

# Writes the members of incidents that are open, with the readings that made them members.
ADD = """
INSERT INTO incident_member (incident_id, device_id, joined_ts, evidence)
SELECT
    i.incident_id, d.device_id, m.joined_ts,
    m.evidence
    || jsonb_build_object('unit', coalesce(m.evidence ->> 'unit', measured.unit))
    || jsonb_build_object('readings', coalesce(proof.readings, '[]'::jsonb))
FROM unnest(
    %(cause)s::text[], %(device_id)s::int[], %(joined_ts)s::timestamptz[], %(channel)s::text[],
    %(shown_from)s::timestamptz[], %(evidence)s::jsonb[]
) AS m (cause, device_id, joined_ts, channel, shown_from, evidence)
JOIN incident i ON i.cause = m.cause AND i.is_open
JOIN device d ON d.device_id = m.device_id
LEFT JOIN LATERAL (
    SELECT p.position, p.unit
    FROM profile_channel p
    WHERE p.profile = d.profile AND (p.channel = m.channel OR (m.channel IS NULL AND p.position = 1))
) measured ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_array((extract(epoch FROM recent.ts) * 1000)::bigint, recent.value) ORDER BY recent.ts
    ) AS readings
    FROM (
        SELECT r.ts, r."values"[measured.position] AS value
        FROM reading r
        WHERE
            r.device_id = m.device_id AND r.ts >= m.shown_from AND r.ts <= m.joined_ts
            AND r.ts >= %(earliest)s AND r.ts <= %(latest)s  -- the same for all: lets the planner leave out chunks
            AND r."values"[measured.position] IS NOT NULL
        ORDER BY r.ts DESC
        LIMIT 10
    ) recent
) proof ON true
ON CONFLICT (incident_id, device_id) DO UPDATE
SET joined_ts = EXCLUDED.joined_ts, left_ts = NULL, evidence = EXCLUDED.evidence
"""

# Lays incidents that have just opened where their rule saw them: on a cell, and on the component that feeds it.
PLACE = """
UPDATE incident i
SET geom = coalesce(ST_SetSRID(ST_GeomFromWKB(p.geometry), 4326), i.geom),
    component_id = coalesce(p.component_id, i.component_id)
FROM unnest(%(cause)s::text[], %(geometry)s::bytea[], %(component_id)s::int[]) AS p (cause, geometry, component_id)
WHERE i.cause = p.cause AND i.is_open
"""

# The way a device went while the condition held, from its readings; one position alone stays a point.
FOLLOW = """
UPDATE incident i
SET geom = way.geom
FROM unnest(
    %(cause)s::text[], %(device_id)s::int[], %(since)s::timestamptz[], %(until)s::timestamptz[]
) AS f (cause, device_id, since, until)
JOIN device d ON d.device_id = f.device_id
JOIN profile_channel lon ON lon.profile = d.profile AND lon.channel = 'lon_deg'
JOIN profile_channel lat ON lat.profile = d.profile AND lat.channel = 'lat_deg'
CROSS JOIN LATERAL (
    SELECT ST_MakeLine(ST_SetSRID(ST_MakePoint(r."values"[lon.position], r."values"[lat.position]), 4326)
                       ORDER BY r.ts) AS geom
    FROM reading r
    WHERE
        r.device_id = f.device_id AND r.ts >= f.since AND r.ts <= f.until
        AND r.ts >= %(earliest)s AND r.ts <= %(latest)s
        AND r."values"[lon.position] IS NOT NULL AND r."values"[lat.position] IS NOT NULL
) AS way
WHERE i.cause = f.cause AND i.is_open AND ST_NPoints(way.geom) > 1 AND ST_Length(way.geom) > 0
"""
OPENED_SINCE = """
SELECT cause, (evidence ->> 'since_ms')::bigint FROM incident WHERE cause = ANY(%(causes)s) AND is_open
"""

# A member more: the incident grows, and says so.
JOIN = """
WITH joined AS (
    SELECT *
    FROM unnest(%(cause)s::text[], %(device_id)s::int[], %(geometry)s::bytea[], %(detail)s::jsonb[])
        WITH ORDINALITY AS j (cause, device_id, geometry, detail, number)
),
grown AS (
    UPDATE incident i
    SET geom = ST_SetSRID(ST_GeomFromWKB(last.geometry), 4326)
    FROM (
        SELECT DISTINCT ON (cause) cause, geometry FROM joined WHERE geometry IS NOT NULL ORDER BY cause, number DESC
    ) AS last
    WHERE i.cause = last.cause AND i.is_open
),
events AS (
    INSERT INTO incident_event (incident_id, at, actor, kind, from_stage, to_stage, reason, detail)
    SELECT
        i.incident_id, %(now)s, 'rule ' || i.rule, %(kind)s, i.stage, i.stage, d.label,
        j.detail || jsonb_build_object('device', d.label)
    FROM joined j
    JOIN incident i ON i.cause = j.cause AND i.is_open
    JOIN device d ON d.device_id = j.device_id
    ORDER BY j.number
    RETURNING event_id
)
SELECT event_id, pg_notify('citygrid_incident', event_id::text) FROM events
"""

LEFT = """
UPDATE incident_member m
SET left_ts = l.left_ts
FROM unnest(%(cause)s::text[], %(device_id)s::int[], %(left_ts)s::timestamptz[]) AS l (cause, device_id, left_ts)
JOIN incident i ON i.cause = l.cause AND i.is_open
WHERE m.incident_id = i.incident_id AND m.device_id = l.device_id AND m.left_ts IS NULL
"""
ALL_LEFT = """
UPDATE incident_member m
SET left_ts = l.left_ts
FROM unnest(%(cause)s::text[], %(left_ts)s::timestamptz[]) AS l (cause, left_ts)
JOIN incident i ON i.cause = l.cause AND i.is_open
WHERE m.incident_id = i.incident_id AND m.left_ts IS NULL
"""

# One case goes on in another: it ends as merged, its members are the other's too, and the history of both says so.
MERGE = """
WITH merging AS (
    SELECT *
    FROM unnest(%(cause)s::text[], %(into)s::text[], %(ts)s::timestamptz[], %(geometry)s::bytea[])
        WITH ORDINALITY AS m (cause, into_cause, ts, geometry, number)
),
held AS (
    SELECT a.incident_id, a.stage, a.case_no, b.incident_id AS into_id, b.stage AS into_stage, b.case_no AS into_no,
        m.ts, m.geometry, m.number
    FROM merging m
    JOIN incident a ON a.cause = m.cause AND a.is_open
    JOIN incident b ON b.cause = m.into_cause AND b.is_open
),
ended AS (
    UPDATE incident i
    SET stage = 'closed', outcome = 'merged', closed_at = %(now)s, deadline = NULL, clock_since = NULL,
        paused_at = NULL, request = NULL, request_kind = NULL
    FROM held h
    WHERE i.incident_id = h.incident_id
),
grown AS (
    UPDATE incident i
    SET geom = ST_SetSRID(ST_GeomFromWKB(last.geometry), 4326)
    FROM (
        SELECT DISTINCT ON (into_id) into_id, geometry FROM held
        WHERE geometry IS NOT NULL ORDER BY into_id, number DESC
    ) AS last
    WHERE i.incident_id = last.into_id
),
moved AS (
    INSERT INTO incident_member (incident_id, device_id, joined_ts, left_ts, evidence)
    SELECT DISTINCT ON (h.into_id, m.device_id) h.into_id, m.device_id, m.joined_ts, m.left_ts, m.evidence
    FROM held h
    JOIN incident_member m USING (incident_id)
    ORDER BY h.into_id, m.device_id, h.number
    ON CONFLICT (incident_id, device_id) DO NOTHING
),
gone AS (
    UPDATE incident_member m
    SET left_ts = h.ts
    FROM held h
    WHERE m.incident_id = h.incident_id AND m.left_ts IS NULL
),
events AS (
    INSERT INTO incident_event (incident_id, at, actor, kind, from_stage, to_stage, reason, detail)
    SELECT
        told.incident_id, %(now)s, 'rule ' || i.rule, told.kind, told.from_stage, told.to_stage, told.case_no,
        told.detail
    FROM held h
    CROSS JOIN LATERAL (
        VALUES
            (h.incident_id, 'merged', h.stage, 'closed', h.into_no, jsonb_build_object('into', h.into_id), 0),
            (h.into_id, 'absorbed', h.into_stage, h.into_stage, h.case_no,
             jsonb_build_object('from', h.incident_id), 1)
    ) AS told (incident_id, kind, from_stage, to_stage, case_no, detail, turn)
    JOIN incident i ON i.incident_id = told.incident_id
    ORDER BY h.number, told.turn
    RETURNING event_id
)
SELECT event_id, pg_notify('citygrid_incident', event_id::text) FROM events
"""

LOAD_FIRINGS = """
SELECT rule, device_id, cause, state FROM rule_firing
JOIN unnest(%(devices)s::int[]) AS wanted (device_id) USING (device_id)
ORDER BY rule, device_id
"""
LOAD_CASES = "SELECT cause, rule, state FROM rule_case WHERE cause = ANY(%(causes)s) ORDER BY cause"
PUT_FIRINGS = """
INSERT INTO rule_firing (rule, device_id, cause, state)
SELECT * FROM unnest(%(rule)s::text[], %(device_id)s::int[], %(cause)s::text[], %(state)s::jsonb[])
ON CONFLICT (rule, device_id) DO UPDATE SET cause = EXCLUDED.cause, state = EXCLUDED.state
"""
DROP_FIRINGS = """
DELETE FROM rule_firing f
USING unnest(%(rule)s::text[], %(device_id)s::int[]) AS gone (rule, device_id)
WHERE f.rule = gone.rule AND f.device_id = gone.device_id
"""
PUT_CASES = """
INSERT INTO rule_case (cause, rule, state)
SELECT * FROM unnest(%(cause)s::text[], %(rule)s::text[], %(state)s::jsonb[])
ON CONFLICT (cause) DO UPDATE SET rule = EXCLUDED.rule, state = EXCLUDED.state
"""
DROP_CASES = "DELETE FROM rule_case WHERE cause = ANY(%(causes)s)"
