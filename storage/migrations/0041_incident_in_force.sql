-- Ingest learns of new grids a moment after they are in force: a case it opens meanwhile goes where it belongs now.
CREATE FUNCTION incident_in_force() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT u.unit_grid_id, u.patrol_grid_id INTO NEW.unit_grid_id, NEW.patrol_grid_id
    FROM (
        SELECT v.unit_grid_id, v.patrol_grid_id FROM unit_grid AS v
        WHERE v.state = 'valid' AND ST_Intersects(v.geom, ST_PointOnSurface(NEW.geom))
        UNION ALL
        SELECT NEW.unit_grid_id, NEW.patrol_grid_id
    ) AS u
    LIMIT 1;
    RETURN NEW;
END
$$;
CREATE FUNCTION is_void_grid(id int) RETURNS boolean LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM unit_grid WHERE unit_grid_id = id AND state = 'void');
CREATE TRIGGER in_force BEFORE INSERT ON incident FOR EACH ROW
    WHEN (is_void_grid(NEW.unit_grid_id)) EXECUTE FUNCTION incident_in_force();
