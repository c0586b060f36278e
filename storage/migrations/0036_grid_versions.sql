-- Versions of a city's grids (docs/grids.md). A row of unit_grid or patrol_grid is a shape that was in force: redrawn, it gets a
-- new row, and what happened in the old one keeps it. One valid row a code; a code of a void row is only remarked on.
ALTER TABLE unit_grid DROP CONSTRAINT unit_grid_code_key;
CREATE UNIQUE INDEX unit_grid_valid_code ON unit_grid (code) WHERE state = 'valid';
CREATE INDEX unit_grid_code ON unit_grid (code);
ALTER TABLE patrol_grid
    DROP CONSTRAINT patrol_grid_code_key,
    ADD COLUMN state text NOT NULL DEFAULT 'valid' CHECK (state IN ('valid', 'void'));
CREATE UNIQUE INDEX patrol_grid_valid_code ON patrol_grid (code) WHERE state = 'valid';
CREATE INDEX patrol_grid_code ON patrol_grid (code);

-- One partition that was imported, or found when the first was: a draft until it is put in force, kept for ever.
CREATE TABLE grid_version (
    version_id  int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    level       text NOT NULL CHECK (level IN ('district', 'street', 'community', 'unit', 'patrol')),
    state       text NOT NULL CHECK (state IN ('refused', 'draft', 'active', 'past')),
    source      text NOT NULL,
    crs         text NOT NULL,
    imported_at timestamptz NOT NULL,
    actor       text NOT NULL,
    accepted    text NOT NULL DEFAULT '',
    grids       int NOT NULL,
    summary     jsonb NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX grid_version_active ON grid_version (level) WHERE state = 'active';
COMMENT ON COLUMN grid_version.accepted IS 'why its blocking findings were accepted; empty: it had none';

CREATE TABLE grid_shape (
    version_id  int NOT NULL REFERENCES grid_version ON DELETE CASCADE,
    code        text NOT NULL,
    parent_code text NOT NULL,
    patrol_code text NOT NULL,
    name_zh     text NOT NULL,
    name_en     text NOT NULL,
    team        text NOT NULL,
    area_m2     double precision NOT NULL,
    geom        geometry(Geometry, 4326) NOT NULL,
    PRIMARY KEY (version_id, code)
);
CREATE TABLE grid_finding (
    version_id int NOT NULL REFERENCES grid_version ON DELETE CASCADE,
    number     int NOT NULL,
    flaw       text NOT NULL,
    blocks     boolean NOT NULL,
    feature    int NOT NULL,
    codes      text[] NOT NULL,
    area_m2    double precision NOT NULL,
    detail     text NOT NULL,
    geom       geometry(Geometry, 4326),
    PRIMARY KEY (version_id, number)
);

-- When a version was in force, and what its coming moved. since NULL: since before anybody kept count.
CREATE TABLE grid_period (
    period_id  int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version_id int NOT NULL REFERENCES grid_version,
    since      timestamptz,
    until      timestamptz,
    actor      text NOT NULL,
    summary    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX grid_period_version ON grid_period (version_id);
CREATE TABLE grid_move (
    period_id      int NOT NULL REFERENCES grid_period ON DELETE CASCADE,
    kind           text NOT NULL CHECK (kind IN ('component', 'device', 'incident')),
    key            bigint NOT NULL,
    from_unit_id   int,
    to_unit_id     int,
    from_patrol_id int,
    to_patrol_id   int,
    PRIMARY KEY (period_id, kind, key)
);
-- From when to when a unit grid was valid, in which patrol grid: the grids of any past moment.
CREATE TABLE unit_grid_period (
    unit_grid_id   int NOT NULL REFERENCES unit_grid,
    patrol_grid_id int REFERENCES patrol_grid,
    since          timestamptz,
    until          timestamptz
);
CREATE INDEX unit_grid_period_grid ON unit_grid_period (unit_grid_id);

-- Lines and areas belong to every unit grid they touch: here the others, beside component.unit_grid_id, the grid of the label
-- point. share: of the length or area; extent: metres or square metres.
CREATE TABLE component_grid (
    component_id int NOT NULL REFERENCES component ON DELETE CASCADE,
    unit_grid_id int NOT NULL REFERENCES unit_grid,
    share        real NOT NULL,
    extent       real NOT NULL,
    PRIMARY KEY (component_id, unit_grid_id)
);
CREATE INDEX component_grid_unit ON component_grid (unit_grid_id);
CREATE INDEX component_extended ON component USING gist (geom) WHERE ST_Dimension(geom) > 0;

CREATE VIEW component_in_grid AS
SELECT component_id, unit_grid_id FROM component WHERE unit_grid_id IS NOT NULL
UNION ALL
SELECT component_id, unit_grid_id FROM component_grid;
COMMENT ON VIEW component_in_grid IS 'every unit grid a component touches, each once';

-- How much of a line or area (metres, square metres) lies in a grid, and of a whole one.
CREATE FUNCTION extent_of(shape geometry) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE ST_Dimension(shape) WHEN 2 THEN ST_Area(shape::geography, false)
                                WHEN 1 THEN ST_Length(shape::geography, false) ELSE 0 END;

CREATE FUNCTION touched_grids(component_id int, home_id int, shape geometry)
RETURNS TABLE (component_id int, unit_grid_id int, share real, extent real) LANGUAGE sql STABLE AS $$
    SELECT $1, t.unit_grid_id, least(t.extent / nullif(extent_of($3), 0), 1)::real, t.extent::real
    FROM (
        SELECT u.unit_grid_id,
               extent_of(ST_CollectionExtract(ST_Intersection(u.geom, $3), ST_Dimension($3) + 1)) AS extent
        FROM unit_grid AS u
        WHERE u.state = 'valid' AND u.unit_grid_id IS DISTINCT FROM $2 AND ST_Intersects(u.geom, $3)
    ) AS t
    WHERE t.extent > 0.01
$$;
CREATE FUNCTION keep_touched_grids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM component_grid AS g WHERE g.component_id = NEW.component_id;
    END IF;
    IF ST_Dimension(NEW.geom) > 0 THEN
        INSERT INTO component_grid
        SELECT t.component_id, t.unit_grid_id, t.share, t.extent
        FROM touched_grids(NEW.component_id, NEW.unit_grid_id, NEW.geom) AS t;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER touched_grids_found AFTER INSERT ON component FOR EACH ROW
    WHEN (ST_Dimension(NEW.geom) > 0) EXECUTE FUNCTION keep_touched_grids();
CREATE TRIGGER touched_grids_kept AFTER UPDATE OF geom, unit_grid_id ON component FOR EACH ROW
    WHEN ((ST_Dimension(NEW.geom) > 0 OR ST_Dimension(OLD.geom) > 0)
          AND (OLD.geom IS DISTINCT FROM NEW.geom OR OLD.unit_grid_id IS DISTINCT FROM NEW.unit_grid_id))
    EXECUTE FUNCTION keep_touched_grids();
INSERT INTO component_grid
SELECT t.component_id, t.unit_grid_id, t.share, t.extent
FROM component AS c CROSS JOIN LATERAL touched_grids(c.component_id, c.unit_grid_id, c.geom) AS t
WHERE ST_Dimension(c.geom) > 0;

CREATE OR REPLACE VIEW dash.patrol_grids AS
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
) AS o USING (patrol_grid_id)
WHERE p.state = 'valid';

CREATE OR REPLACE VIEW dash.city AS
SELECT (SELECT count(*) FROM component WHERE state <> 'removed') AS components,
       (SELECT count(*) FROM unit_grid WHERE state = 'valid') AS unit_grids,
       (SELECT count(*) FROM patrol_grid WHERE state = 'valid') AS patrol_grids,
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
