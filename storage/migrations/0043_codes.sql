-- Codes of components that were issued before there is a component, and the counter each district and class has: locked by
-- who issues, and by a survey that brings new codes, until that transaction ends.
CREATE TABLE code_counter (
    district_code text NOT NULL,
    class_code    text NOT NULL,
    last_serial   int NOT NULL,
    PRIMARY KEY (district_code, class_code)
);
CREATE TABLE issued_code (
    code          text PRIMARY KEY CHECK (code ~ '^[0-9]{16}$'),
    district_code text NOT NULL,
    class_code    text NOT NULL,
    issued_at     timestamptz NOT NULL,
    issued_by     text NOT NULL,
    reason        text NOT NULL
);
CREATE INDEX issued_code_class ON issued_code (district_code, class_code);

-- The code a component had in another edition of the catalogue; a class code means nothing without its edition.
CREATE TABLE former_code (
    former_code  text NOT NULL,
    component_id int NOT NULL REFERENCES component,
    survey_id    int NOT NULL REFERENCES survey,
    PRIMARY KEY (former_code, component_id)
);
CREATE INDEX former_code_component ON former_code (component_id);

-- Where a row lies that has a finding, as far as that could be read; and which of our columns the file had.
ALTER TABLE survey_finding
    ADD COLUMN lon double precision,
    ADD COLUMN lat double precision;
CREATE INDEX survey_finding_reason ON survey_finding (survey_id, reason, line);
