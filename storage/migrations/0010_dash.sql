-- requires: timescaledb
-- Schema dash: all that dashboards may read. Tables may change; these columns are a promise. Views run with their
-- owner's rights, so a dashboard's role needs nothing else. Whoever reads a view of readings or ingest bounds its ts.
CREATE SCHEMA dash;

-- Who knows which number stands for which origin is core.origin; this is the only other place.
CREATE FUNCTION dash.origin_name(origin smallint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE origin WHEN 0 THEN 'live' WHEN 1 THEN 'simulated' WHEN 2 THEN 'replayed' END;

CREATE VIEW dash.incidents AS
SELECT i.incident_id, i.rule, i.severity,
       array_position(ARRAY['info', 'minor', 'major', 'critical'], i.severity) AS severity_rank,
       i.title_zh, i.title_en, i.stage, i.stage NOT IN ('resolved', 'closed') AS is_open,
       dash.origin_name(i.origin) AS origin,
       i.fired_ts, i.opened_at, i.deadline, i.resolved_at, i.closed_at, i.assignee,
       i.district_code, district.name_zh AS district_zh, district.name_en AS district_en,
       p.code AS patrol_code, p.name_zh AS patrol_zh, p.name_en AS patrol_en, u.code AS unit_grid_code,
       c.code AS component_code, d.label AS device_label, department.name_zh AS department_zh,
       department.name_en AS department_en, i.evidence ->> 'comparison' AS comparison,
       ST_X(ST_PointOnSurface(i.geom)) AS lon_deg, ST_Y(ST_PointOnSurface(i.geom)) AS lat_deg
FROM incident i
LEFT JOIN area district ON district.area_code = i.district_code
LEFT JOIN patrol_grid p USING (patrol_grid_id)
LEFT JOIN unit_grid u ON u.unit_grid_id = i.unit_grid_id
LEFT JOIN component c USING (component_id)
LEFT JOIN device d ON d.device_id = i.device_id
LEFT JOIN department USING (department_id);

CREATE VIEW dash.open_incidents AS
SELECT *, deadline < now() AS is_overdue, extract(epoch FROM now() - opened_at) AS age_s,
       extract(epoch FROM deadline - now()) AS remaining_s
FROM dash.incidents
WHERE stage NOT IN ('resolved', 'closed');

-- The limits are those of devices.health; a test compares the two.
CREATE VIEW dash.devices AS
SELECT label, profile, state, district_code, district_zh, district_en, patrol_code, patrol_zh, patrol_en, interval_s,
       last_ts, last_received_at, extract(epoch FROM silence) AS silence_s,
       CASE
           WHEN last_received_at IS NULL THEN 'never'
           WHEN extract(epoch FROM silence) > 3.0 * interval_s THEN 'silent'
           WHEN extract(epoch FROM silence) > 1.5 * interval_s THEN 'late'
           ELSE 'online'
       END AS health,
       lon_deg, lat_deg
FROM (
    SELECT d.label, d.profile, d.state, d.district_code, district.name_zh AS district_zh,
           district.name_en AS district_en, p.code AS patrol_code, p.name_zh AS patrol_zh, p.name_en AS patrol_en,
           d.interval_s, s.ts AS last_ts, s.received_at AS last_received_at, now() - s.received_at AS silence,
           ST_X(d.geom) AS lon_deg, ST_Y(d.geom) AS lat_deg
    FROM device d
    LEFT JOIN device_state s USING (device_id)
    LEFT JOIN area district ON district.area_code = d.district_code
    LEFT JOIN unit_grid u ON u.unit_grid_id = d.unit_grid_id
    LEFT JOIN patrol_grid p USING (patrol_grid_id)
    WHERE d.state NOT IN ('replaced', 'retired')
) AS device_in_use;

CREATE VIEW dash.channels AS
SELECT profile, position, channel, unit, name_zh, name_en FROM profile_channel;

-- Readings, one row a channel: bound ts, and name the label where you can (the index is by device and time).
CREATE VIEW dash.readings AS
SELECT r.ts, d.label, d.profile, c.channel, c.unit, c.name_zh, c.name_en, r."values"[c.position] AS value
FROM reading r
JOIN device d USING (device_id)
JOIN profile_channel c USING (profile)
WHERE r."values"[c.position] IS NOT NULL;

CREATE VIEW dash.readings_5m AS
SELECT r.bucket AS ts, d.label, d.profile, c.channel, c.unit, c.name_zh, c.name_en, r.counts[c.position] AS count,
       r.mins[c.position] AS min, r.sums[c.position] / r.counts[c.position] AS mean, r.maxs[c.position] AS max,
       r.lasts[c.position] AS last
FROM reading_5m r
JOIN device d USING (device_id)
JOIN profile_channel c USING (profile)
WHERE r.counts[c.position] > 0;

CREATE VIEW dash.readings_1h AS
SELECT r.bucket AS ts, d.label, d.profile, c.channel, c.unit, c.name_zh, c.name_en, r.counts[c.position] AS count,
       r.mins[c.position] AS min, r.sums[c.position] / r.counts[c.position] AS mean, r.maxs[c.position] AS max,
       r.lasts[c.position] AS last
FROM reading_1h r
JOIN device d USING (device_id)
JOIN profile_channel c USING (profile)
WHERE r.counts[c.position] > 0;

-- Messages stored a minute of arrival, those still waiting to be rolled up included; the current minute is still filling.
CREATE VIEW dash.ingest AS
SELECT minute AS ts, sum(messages) AS messages, sum(messages) / 60.0 AS messages_per_s, sum(late) AS late,
       sum(lag_sum_s) / nullif(sum(messages) - sum(late), 0) AS lag_mean_s, max(lag_max_s) AS lag_max_s
FROM (
    SELECT minute, messages, late, lag_sum_s, lag_max_s FROM ingest_1m
    UNION ALL
    SELECT minute, messages, late, lag_sum_s, lag_max_s FROM rollup_queue
) AS counted
GROUP BY minute;

CREATE VIEW dash.dead_letters AS
SELECT last_seen AS ts, first_seen, reason, topic, detail, seen, truncated FROM dead_letter;

-- Whether the roll-ups keep up: what waits, and when they were last brought up to date.
CREATE VIEW dash.rollups AS
SELECT refreshed_at, extract(epoch FROM now() - refreshed_at) AS behind_s,
       (SELECT count(*) FROM rollup_queue) AS waiting_marks
FROM rollup_state;

CREATE VIEW dash.patrol_grids AS
SELECT p.code, p.name_zh, p.name_en, p.team, p.district_code, district.name_zh AS district_zh,
       district.name_en AS district_en, ST_X(at.point) AS lon_deg, ST_Y(at.point) AS lat_deg,
       coalesce(o.open, 0) AS open, coalesce(o.critical, 0) AS critical, coalesce(o.major, 0) AS major,
       coalesce(o.minor, 0) AS minor, coalesce(o.info, 0) AS info, coalesce(o.overdue, 0) AS overdue
FROM patrol_grid p
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(p.geom) AS point) AS at
LEFT JOIN area district ON district.area_code = p.district_code
LEFT JOIN (
    SELECT patrol_grid_id, count(*) AS open, count(*) FILTER (WHERE severity = 'critical') AS critical,
           count(*) FILTER (WHERE severity = 'major') AS major, count(*) FILTER (WHERE severity = 'minor') AS minor,
           count(*) FILTER (WHERE severity = 'info') AS info, count(*) FILTER (WHERE deadline < now()) AS overdue
    FROM incident
    WHERE stage NOT IN ('resolved', 'closed')
    GROUP BY patrol_grid_id
) AS o USING (patrol_grid_id);

-- The city on one row. Messages a second: of the last whole minute.
CREATE VIEW dash.city AS
SELECT (SELECT count(*) FROM component WHERE state <> 'removed') AS components,
       (SELECT count(*) FROM unit_grid WHERE state = 'valid') AS unit_grids,
       (SELECT count(*) FROM patrol_grid) AS patrol_grids,
       d.devices, d.online, d.late, d.silent, d.never, i.open, i.critical, i.overdue,
       coalesce((SELECT messages_per_s FROM dash.ingest
                 WHERE ts = date_trunc('minute', now()) - INTERVAL '1 minute'), 0) AS messages_per_s
FROM (
    SELECT count(*) AS devices, count(*) FILTER (WHERE health = 'online') AS online,
           count(*) FILTER (WHERE health = 'late') AS late, count(*) FILTER (WHERE health = 'silent') AS silent,
           count(*) FILTER (WHERE health = 'never') AS never
    FROM dash.devices
) AS d
CROSS JOIN (
    SELECT count(*) AS open, count(*) FILTER (WHERE severity = 'critical') AS critical,
           count(*) FILTER (WHERE is_overdue) AS overdue
    FROM dash.open_incidents
) AS i;

GRANT USAGE ON SCHEMA dash TO citygrid_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA dash TO citygrid_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA dash GRANT SELECT ON TABLES TO citygrid_reader;
