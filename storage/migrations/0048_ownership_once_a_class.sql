-- The unit a class goes to is found once a class, not once a component: half a million look-ups took ten seconds.
CREATE OR REPLACE VIEW component_ownership AS
WITH unit AS MATERIALIZED (
    SELECT department_id, name_zh, retired_at IS NOT NULL AS is_retired,
           regexp_replace(name_zh, '（[^）]*）|\([^)]*\)', '', 'g') ~ '[、/／;；，,]' AS is_two
    FROM department
), class AS MATERIALIZED (
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
