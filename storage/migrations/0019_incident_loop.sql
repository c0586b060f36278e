-- The closed loop of an incident (ADR-0017): its stages, clocks, requests, levels and children, and a history that
-- nobody can change. Which stages are ends stands here and in alerts.incident.ENDS; a test compares the two.
DROP VIEW dash.city, dash.patrol_grids, dash.open_incidents, dash.incidents;
DROP INDEX incident_open_cause, incident_patrol;
ALTER TABLE incident DROP CONSTRAINT incident_stage_check;
ALTER TABLE incident RENAME COLUMN resolved_at TO recovered_at;
ALTER TABLE incident
    ALTER COLUMN deadline DROP NOT NULL,
    ADD COLUMN case_no text,
    ADD COLUMN level text NOT NULL DEFAULT 'district' CHECK (level IN ('city', 'district', 'street')),
    ADD COLUMN holder_code text,
    ADD COLUMN parent_id bigint REFERENCES incident CHECK (parent_id <> incident_id),
    ADD COLUMN class_code text,
    ADD COLUMN filing_condition text,
    ADD COLUMN filed_at timestamptz,
    ADD COLUMN dispatched_at timestamptz,
    ADD COLUMN accepted_at timestamptz,
    ADD COLUMN handled_at timestamptz,
    ADD COLUMN checked_at timestamptz,
    ADD COLUMN outcome text
        CHECK (outcome IN ('handled', 'recovered', 'forced', 'rejected', 'cancelled', 'merged')),
    ADD COLUMN limit_stages jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN limit_at int NOT NULL DEFAULT 0,
    ADD COLUMN clock_since timestamptz,
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN used_s double precision NOT NULL DEFAULT 0,
    ADD COLUMN extended_s double precision NOT NULL DEFAULT 0,
    ADD COLUMN request jsonb,
    ADD COLUMN request_kind text CHECK (request_kind IN ('return', 'extension', 'suspension')),
    ADD COLUMN reworks int NOT NULL DEFAULT 0,
    ADD COLUMN returns int NOT NULL DEFAULT 0,
    ADD COLUMN extensions int NOT NULL DEFAULT 0,
    ADD COLUMN escalations int NOT NULL DEFAULT 0,
    ADD COLUMN false_alarm boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN incident.holder_code IS 'the area whose platform holds it: a city, district or street';
COMMENT ON COLUMN incident.deadline IS 'when the running stage is due; null while no clock runs';
COMMENT ON COLUMN incident.clock_since IS 'since when the running stretch of the clock runs; null while none does';
COMMENT ON COLUMN incident.paused_at IS 'since when the disposal clock stands still';
COMMENT ON COLUMN incident.used_s IS 'seconds of the limit used before the running stretch, as the limit counts them';

-- What was there before: accepted is now filed; what the readings ended is closed, and says so.
ALTER TABLE incident_event ADD COLUMN role text NOT NULL DEFAULT 'system' CHECK (role IN
    ('supervisor', 'acceptor', 'shift_leader', 'dispatcher', 'department', 'system'));
UPDATE incident_event
SET from_stage = CASE from_stage WHEN 'accepted' THEN 'filed' WHEN 'resolved' THEN 'closed' ELSE from_stage END,
    to_stage = CASE to_stage WHEN 'accepted' THEN 'filed' WHEN 'resolved' THEN 'closed' ELSE to_stage END
WHERE 'accepted' IN (from_stage, to_stage) OR 'resolved' IN (from_stage, to_stage);
UPDATE incident AS i
SET filed_at = e.filed_at, dispatched_at = e.dispatched_at
FROM (
    SELECT incident_id, min(at) FILTER (WHERE to_stage = 'filed') AS filed_at,
           min(at) FILTER (WHERE to_stage = 'dispatched') AS dispatched_at
    FROM incident_event GROUP BY incident_id
) AS e
WHERE e.incident_id = i.incident_id;
UPDATE incident
SET stage = CASE stage WHEN 'accepted' THEN 'filed' WHEN 'resolved' THEN 'closed' ELSE stage END,
    closed_at = coalesce(closed_at, recovered_at),
    outcome = CASE stage WHEN 'resolved' THEN 'recovered' WHEN 'closed' THEN 'handled' END;

ALTER TABLE incident
    ADD CONSTRAINT incident_stage_check CHECK (stage IN (
        'reported', 'verifying', 'verified', 'filed', 'dispatched', 'handling', 'suspended', 'handled', 'checking',
        'checked', 'closed', 'rejected', 'cancelled'
    )),
    ADD COLUMN is_open boolean NOT NULL GENERATED ALWAYS AS (stage NOT IN ('closed', 'rejected', 'cancelled')) STORED,
    ADD CONSTRAINT incident_outcome_at_the_end CHECK (is_open = (outcome IS NULL)),
    ADD CONSTRAINT incident_request_whole CHECK ((request IS NULL) = (request_kind IS NULL));

-- A case's number: the city's code, the day it was opened in China's one time zone, and its key, e.g.
-- 130200-20261122-000123. The key never starts anew, so the number needs no counter and is found by either.
CREATE FUNCTION case_number(district_code text, opened_at timestamptz, incident_id bigint) RETURNS text
LANGUAGE sql STABLE
RETURN left(district_code, 4) || '00-' || to_char(opened_at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') || '-'
    || lpad(incident_id::text, greatest(6, length(incident_id::text)), '0');
UPDATE incident
SET case_no = case_number(district_code, opened_at, incident_id), holder_code = district_code;
CREATE FUNCTION incident_opens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.case_no := coalesce(NEW.case_no, case_number(NEW.district_code, NEW.opened_at, NEW.incident_id));
    NEW.holder_code := coalesce(NEW.holder_code, NEW.district_code);
    RETURN NEW;
END
$$;
CREATE TRIGGER opens BEFORE INSERT ON incident FOR EACH ROW EXECUTE FUNCTION incident_opens();
ALTER TABLE incident
    ALTER COLUMN case_no SET NOT NULL,
    ALTER COLUMN holder_code SET NOT NULL,
    ADD CONSTRAINT incident_case_no UNIQUE (case_no);

-- One open incident per cause, whatever is redelivered or restarted.
CREATE UNIQUE INDEX incident_open_cause ON incident (cause) WHERE is_open;
CREATE INDEX incident_patrol ON incident (patrol_grid_id) WHERE is_open;
CREATE INDEX incident_due ON incident (coalesce(deadline, 'infinity'), incident_id) WHERE is_open;
CREATE INDEX incident_holder ON incident (holder_code, stage) WHERE is_open;
CREATE INDEX incident_department ON incident (department_id, stage) WHERE is_open;
CREATE INDEX incident_parent ON incident (parent_id) WHERE parent_id IS NOT NULL;

-- History and audit only grow: the writer has no right to change them, and the owner is stopped too.
REVOKE UPDATE, DELETE, TRUNCATE ON incident_event, audit FROM citygrid_writer;
CREATE FUNCTION only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% only grows: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON incident_event
    FOR EACH STATEMENT EXECUTE FUNCTION only_grows();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION only_grows();

-- The promised columns, new ones at the end. resolved_at: when the readings were back to normal.
CREATE VIEW dash.incidents AS
SELECT i.incident_id, i.rule, i.severity,
       array_position(ARRAY['info', 'minor', 'major', 'critical'], i.severity) AS severity_rank,
       i.title_zh, i.title_en, i.stage, i.is_open, dash.origin_name(i.origin) AS origin,
       i.fired_ts, i.opened_at, i.deadline, i.recovered_at AS resolved_at, i.closed_at, i.assignee,
       i.district_code, district.name_zh AS district_zh, district.name_en AS district_en,
       p.code AS patrol_code, p.name_zh AS patrol_zh, p.name_en AS patrol_en, u.code AS unit_grid_code,
       c.code AS component_code, d.label AS device_label, department.name_zh AS department_zh,
       department.name_en AS department_en, i.evidence ->> 'comparison' AS comparison,
       ST_X(ST_PointOnSurface(i.geom)) AS lon_deg, ST_Y(ST_PointOnSurface(i.geom)) AS lat_deg,
       i.case_no, i.level, i.holder_code, i.parent_id, i.outcome, i.filed_at, i.dispatched_at, i.handled_at,
       i.reworks, i.returns, i.extensions, i.escalations, i.false_alarm
FROM incident i
LEFT JOIN area district ON district.area_code = i.district_code
LEFT JOIN patrol_grid p USING (patrol_grid_id)
LEFT JOIN unit_grid u ON u.unit_grid_id = i.unit_grid_id
LEFT JOIN component c USING (component_id)
LEFT JOIN device d ON d.device_id = i.device_id
LEFT JOIN department USING (department_id);

CREATE VIEW dash.open_incidents AS
SELECT *, coalesce(deadline < now(), false) AS is_overdue, extract(epoch FROM now() - opened_at) AS age_s,
       extract(epoch FROM deadline - now()) AS remaining_s
FROM dash.incidents
WHERE is_open;

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
    WHERE is_open
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
