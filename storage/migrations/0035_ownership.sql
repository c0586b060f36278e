-- Units that answer for components (主管 competent, 权属 owner, 养护 maintainer) as a registry of their own. A unit is
-- never deleted: it is retired, or merged into another; the names it had still mean it when a survey or a rule says them.
ALTER TABLE department
    ADD COLUMN unit_code text UNIQUE CHECK (unit_code ~ '^[0-9A-Za-z][0-9A-Za-z_.-]{0,31}$'),
    ADD COLUMN kind text NOT NULL DEFAULT 'unknown'
        CHECK (kind IN ('authority', 'office', 'enterprise', 'street', 'contractor', 'unknown')),
    ADD COLUMN contact text NOT NULL DEFAULT '',
    ADD COLUMN parent_id int REFERENCES department CHECK (parent_id <> department_id),
    ADD COLUMN retired_at timestamptz,
    ADD COLUMN merged_into int REFERENCES department CHECK (merged_into <> department_id),
    ADD COLUMN since timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN changed_by text NOT NULL DEFAULT '',
    ADD COLUMN change_reason text NOT NULL DEFAULT '',
    ADD CONSTRAINT department_merged_is_retired CHECK (merged_into IS NULL OR retired_at IS NOT NULL);
CREATE INDEX department_parent ON department (parent_id);

CREATE TABLE department_version (
    version_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    department_id int NOT NULL REFERENCES department,
    unit_code     text,
    name_zh       text NOT NULL,
    name_en       text NOT NULL,
    kind          text NOT NULL,
    contact       text NOT NULL,
    parent_id     int,
    retired_at    timestamptz,
    merged_into   int,
    since         timestamptz NOT NULL,
    changed_by    text NOT NULL,
    change_reason text NOT NULL,
    until         timestamptz NOT NULL
);
CREATE INDEX department_version_department ON department_version (department_id, until);

-- Names a unit had before.
CREATE TABLE department_alias (
    name_zh       text PRIMARY KEY,
    department_id int NOT NULL REFERENCES department
);
CREATE INDEX department_alias_department ON department_alias (department_id);

-- What a name means: the unit that has it, or had it, or the one that unit went into.
CREATE VIEW department_name AS
SELECT name_zh, coalesce(merged_into, department_id) AS department_id FROM department
UNION ALL
SELECT name_zh, department_id FROM department_alias;

-- Why a component was changed, beside who and when.
ALTER TABLE component ADD COLUMN change_reason text NOT NULL DEFAULT '';
ALTER TABLE component_version ADD COLUMN change_reason text NOT NULL DEFAULT '';

CREATE OR REPLACE FUNCTION date_component_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.since := greatest(now(), OLD.since + interval '1 microsecond');
    IF NEW.changed_by = OLD.changed_by AND NEW.survey_id IS NOT DISTINCT FROM OLD.survey_id THEN
        NEW.changed_by := coalesce(nullif(current_setting('citygrid.actor', true), ''), current_user);
    END IF;
    IF NEW.change_reason = OLD.change_reason THEN
        NEW.change_reason := coalesce(current_setting('citygrid.reason', true), '');
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE FUNCTION keep_component_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO component_version (component_id, code, catalogue_id, class_code, district_code, name, state,
        competent_dept_id, owner_dept_id, maintainer_dept_id, unit_grid_id, surveyed_on, changed_on, data_source, note,
        survey_id, geom, since, changed_by, change_reason, until)
    SELECT o.component_id, o.code, o.catalogue_id, o.class_code, o.district_code, o.name, o.state,
        o.competent_dept_id, o.owner_dept_id, o.maintainer_dept_id, o.unit_grid_id, o.surveyed_on, o.changed_on,
        o.data_source, o.note, o.survey_id, o.geom, o.since, o.changed_by, o.change_reason, n.since
    FROM old_rows AS o JOIN new_rows AS n USING (component_id)
    WHERE n.since > o.since;
    RETURN NULL;
END
$$;

-- Every component with the units it names as they are now, and what is unclear about them; a unit that is retired counts
-- as none. Two units in one name: (供电公司、路灯处); what stands in brackets belongs to the name before it.
CREATE VIEW component_ownership AS
WITH unit AS (
    SELECT department_id, name_zh, retired_at IS NOT NULL AS is_retired,
           regexp_replace(name_zh, '（[^）]*）|\([^)]*\)', '', 'g') ~ '[、/／;；，,]' AS is_two
    FROM department
), class AS (
    SELECT k.catalogue_id, k.class_code, k.name_zh AS class_name_zh, k.name_en AS class_name_en,
           (SELECT n.department_id FROM department_name AS n JOIN department AS d USING (department_id)
            WHERE n.name_zh = k.department_zh AND d.retired_at IS NULL) AS department_id
    FROM component_class AS k
)
SELECT c.component_id, c.code, c.class_code, k.class_name_zh, k.class_name_en, c.name, c.district_code,
       g.community_code, g.code AS unit_grid_code, c.geom,
       p.name_zh AS competent_zh, o.name_zh AS owner_zh, m.name_zh AS maintainer_zh,
       CASE WHEN NOT p.is_retired THEN p.department_id END AS competent_id,
       CASE WHEN NOT o.is_retired THEN o.department_id END AS owner_id,
       CASE WHEN NOT m.is_retired THEN m.department_id END AS maintainer_id,
       k.department_id AS of_class,
       c.owner_dept_id IS NULL AS no_owner,
       c.maintainer_dept_id IS NULL AS no_maintainer,
       coalesce(p.is_retired OR o.is_retired OR m.is_retired, FALSE) AS retired_unit,
       coalesce(p.is_two OR o.is_two OR m.is_two, FALSE) AS two_units,
       coalesce(p.is_retired, TRUE) AND coalesce(o.is_retired, TRUE) AND coalesce(m.is_retired, TRUE)
           AND k.department_id IS NULL AS nobody_answers
FROM component AS c
JOIN class AS k USING (catalogue_id, class_code)
LEFT JOIN unit_grid AS g USING (unit_grid_id)
LEFT JOIN unit AS p ON p.department_id = c.competent_dept_id
LEFT JOIN unit AS o ON o.department_id = c.owner_dept_id
LEFT JOIN unit AS m ON m.department_id = c.maintainer_dept_id;
