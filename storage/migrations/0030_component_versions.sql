-- What a component was before each change, whoever made it: no history is lost, and the city of any past moment can be asked for.
-- `since` is when the present state began; `changed_by` who brought it. The survey that brought it is survey_id, as before.
ALTER TABLE component
    ADD COLUMN since timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN changed_by text NOT NULL DEFAULT '';
UPDATE component AS c SET since = s.imported_at, changed_by = s.actor FROM survey AS s WHERE s.survey_id = c.survey_id;

CREATE TABLE component_version (
    version_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    component_id       int NOT NULL,
    code               text NOT NULL,
    catalogue_id       text NOT NULL,
    class_code         text NOT NULL,
    district_code      text NOT NULL,
    name               text NOT NULL,
    state              text NOT NULL,
    competent_dept_id  int,
    owner_dept_id      int,
    maintainer_dept_id int,
    unit_grid_id       int,
    surveyed_on        date,
    changed_on         date,
    data_source        text NOT NULL,
    note               text NOT NULL,
    survey_id          int,
    geom               geometry(Geometry, 4326) NOT NULL,
    since              timestamptz NOT NULL,
    changed_by         text NOT NULL,
    until              timestamptz NOT NULL
);
CREATE INDEX component_version_code ON component_version (code, until);
CREATE INDEX component_version_geom ON component_version USING gist (geom);

-- A writer that does not say when or who still makes a new state.
CREATE FUNCTION date_component_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.since := greatest(now(), OLD.since + interval '1 microsecond');
    IF NEW.changed_by = OLD.changed_by AND NEW.survey_id IS NOT DISTINCT FROM OLD.survey_id THEN
        NEW.changed_by := coalesce(nullif(current_setting('citygrid.actor', true), ''), current_user);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER component_change_dated BEFORE UPDATE ON component FOR EACH ROW
    WHEN (NEW.since = OLD.since AND OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION date_component_change();

CREATE FUNCTION keep_component_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO component_version (component_id, code, catalogue_id, class_code, district_code, name, state,
        competent_dept_id, owner_dept_id, maintainer_dept_id, unit_grid_id, surveyed_on, changed_on, data_source, note,
        survey_id, geom, since, changed_by, until)
    SELECT o.component_id, o.code, o.catalogue_id, o.class_code, o.district_code, o.name, o.state,
        o.competent_dept_id, o.owner_dept_id, o.maintainer_dept_id, o.unit_grid_id, o.surveyed_on, o.changed_on,
        o.data_source, o.note, o.survey_id, o.geom, o.since, o.changed_by, n.since
    FROM old_rows AS o JOIN new_rows AS n USING (component_id)
    WHERE n.since > o.since;
    RETURN NULL;
END
$$;
CREATE TRIGGER component_versions_kept AFTER UPDATE ON component
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_component_versions();

-- The registry as it was at a moment; one plain statement, so that filters and indexes reach the tables under it.
CREATE FUNCTION component_at(moment timestamptz) RETURNS TABLE (
    component_id int, code text, catalogue_id text, class_code text, district_code text, name text, state text,
    competent_dept_id int, owner_dept_id int, maintainer_dept_id int, unit_grid_id int, surveyed_on date,
    changed_on date, data_source text, note text, survey_id int, geom geometry, since timestamptz, changed_by text
) LANGUAGE sql STABLE AS $$
    SELECT component_id, code, catalogue_id, class_code, district_code, name, state, competent_dept_id, owner_dept_id,
           maintainer_dept_id, unit_grid_id, surveyed_on, changed_on, data_source, note, survey_id, geom, since, changed_by
    FROM component WHERE since <= moment
    UNION ALL
    SELECT component_id, code, catalogue_id, class_code, district_code, name, state, competent_dept_id, owner_dept_id,
           maintainer_dept_id, unit_grid_id, surveyed_on, changed_on, data_source, note, survey_id, geom, since, changed_by
    FROM component_version WHERE since <= moment AND until > moment
$$;
