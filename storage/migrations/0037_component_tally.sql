-- Where a unit grid is counted: the middle of its box, as column and row of the world cut into 2^22 by 2^22 Web Mercator
-- squares (the tiles of zoom 22). The tile of a zoom z is then a shift by 22 - z, without any geometry.
ALTER TABLE unit_grid
    ADD COLUMN middle_x int GENERATED ALWAYS AS
        (floor(((ST_XMin(geom) + ST_XMax(geom)) / 2 + 180) / 360 * 4194304)::int) STORED,
    ADD COLUMN middle_y int GENERATED ALWAYS AS
        (floor((1 - asinh(tan(radians((ST_YMin(geom) + ST_YMax(geom)) / 2))) / pi()) / 2 * 4194304)::int) STORED;
CREATE INDEX unit_grid_middle ON unit_grid (middle_x, middle_y);

-- How many components each unit grid holds, and how many of them are damaged or missing, so that a tile of the whole city
-- need not count them; and every name a component has had, for search. Right in the same transaction as any write.
CREATE TABLE grid_tally (
    unit_grid_id int PRIMARY KEY,
    components   int NOT NULL,
    broken       int NOT NULL
) WITH (fillfactor = 70);

-- The one- and two-letter pieces of a text, folded to lower case: a word of two Chinese characters is one of them.
CREATE FUNCTION pieces(words text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT piece), '{}')
    FROM generate_series(1, length(words)) AS at,
         LATERAL (VALUES (substr(lower(words), at, 1)), (substr(lower(words), at, 2))) AS p (piece)
$$;
CREATE TABLE component_name (name text PRIMARY KEY);
CREATE INDEX component_name_pieces ON component_name USING gin (pieces(name)) WITH (fastupdate = off);
CREATE INDEX component_by_name ON component (name, component_id);

-- Whoever writes through the views of schema `scoped` still keeps the one tally: hence the search path.
CREATE FUNCTION tally_components() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO grid_tally AS t
        SELECT unit_grid_id, count(*), count(*) FILTER (WHERE state IN ('damaged', 'missing'))
        FROM new_rows WHERE unit_grid_id IS NOT NULL GROUP BY unit_grid_id ORDER BY unit_grid_id
        ON CONFLICT (unit_grid_id) DO UPDATE
        SET components = t.components + EXCLUDED.components, broken = t.broken + EXCLUDED.broken;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO grid_tally AS t
        SELECT unit_grid_id, sum(n), sum(n * broken)
        FROM (SELECT unit_grid_id, 1 AS n, (state IN ('damaged', 'missing'))::int AS broken FROM new_rows
              UNION ALL SELECT unit_grid_id, -1, (state IN ('damaged', 'missing'))::int FROM old_rows) AS change
        WHERE unit_grid_id IS NOT NULL
        GROUP BY unit_grid_id
        HAVING sum(n) <> 0 OR sum(n * broken) <> 0
        ORDER BY unit_grid_id
        ON CONFLICT (unit_grid_id) DO UPDATE
        SET components = t.components + EXCLUDED.components, broken = t.broken + EXCLUDED.broken;
    ELSE
        UPDATE grid_tally AS t SET components = t.components - gone.n, broken = t.broken - gone.broken
        FROM (SELECT unit_grid_id, count(*) AS n, count(*) FILTER (WHERE state IN ('damaged', 'missing')) AS broken
              FROM old_rows GROUP BY unit_grid_id) AS gone
        WHERE t.unit_grid_id = gone.unit_grid_id;
        RETURN NULL;
    END IF;
    INSERT INTO component_name (name)
    SELECT DISTINCT name FROM new_rows AS n
    WHERE name <> '' AND NOT EXISTS (SELECT 1 FROM component_name AS known WHERE known.name = n.name)
    ORDER BY name
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER component_tallied_insert AFTER INSERT ON component
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_components();
CREATE TRIGGER component_tallied_update AFTER UPDATE ON component
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_components();
CREATE TRIGGER component_tallied_delete AFTER DELETE ON component
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_components();

INSERT INTO grid_tally
SELECT unit_grid_id, count(*), count(*) FILTER (WHERE state IN ('damaged', 'missing'))
FROM component WHERE unit_grid_id IS NOT NULL GROUP BY unit_grid_id;
INSERT INTO component_name SELECT DISTINCT name FROM component WHERE name <> '';
