-- Search: codes and labels by their beginning or end, components by who answers for them.
CREATE INDEX device_label_begins ON device (lower(label) text_pattern_ops);
CREATE INDEX device_label_ends ON device (reverse(lower(label)) text_pattern_ops);
CREATE INDEX incident_case_begins ON incident (case_no text_pattern_ops);
CREATE INDEX component_competent ON component (competent_dept_id, component_id);
CREATE INDEX component_owner ON component (owner_dept_id, component_id);
CREATE INDEX component_maintainer ON component (maintainer_dept_id, component_id);
