-- What a city says about time (ADR-0018): by when a class in a filing condition must be dealt with, when offices work,
-- which days are off or made up for, and when one may plant. Data of the city, loaded by `citygrid limits` and
-- `citygrid calendar`; whoever counts hears of a change by NOTIFY.
CREATE TABLE time_limit (
    class_code   text NOT NULL CHECK (class_code ~ '^E?[0-9]{4,5}$'),  -- E: an event, no component
    condition    text NOT NULL CHECK (condition ~ '^[a-z][a-z0-9_]*$'),
    condition_zh text NOT NULL,
    condition_en text NOT NULL,
    stages       text NOT NULL,  -- as in the file: `2 urgent_hour`, or `make_safe: 2 urgent_hour; repair: 3 work_day`
    closing_zh   text NOT NULL,
    source       text NOT NULL,
    certainty    text NOT NULL,
    PRIMARY KEY (class_code, condition)
);
CREATE TABLE holiday (
    day       date PRIMARY KEY,
    works     boolean NOT NULL,  -- true: a day off that is worked in exchange (调休)
    name_zh   text NOT NULL,
    name_en   text NOT NULL,
    source    text NOT NULL,
    certainty text NOT NULL
);
CREATE TABLE work_hours (
    weekday   smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),  -- 1: Monday
    opens     time NOT NULL,
    closes    time NOT NULL CHECK (closes > opens),
    since     text NOT NULL CHECK (since ~ '^[01][0-9]-[0-3][0-9]$'),  -- month-day, every year
    until     text NOT NULL CHECK (until ~ '^[01][0-9]-[0-3][0-9]$'),
    name_zh   text NOT NULL,
    name_en   text NOT NULL,
    source    text NOT NULL,
    certainty text NOT NULL,
    PRIMARY KEY (weekday, since, opens)
);
CREATE TABLE planting_season (
    since     text PRIMARY KEY CHECK (since ~ '^[01][0-9]-[0-3][0-9]$'),
    until     text NOT NULL CHECK (until ~ '^[01][0-9]-[0-3][0-9]$'),
    name_zh   text NOT NULL,
    name_en   text NOT NULL,
    source    text NOT NULL,
    certainty text NOT NULL
);

-- Which classes, severities and places begin above the street, and who must know first.
CREATE TABLE level_rule (
    what   text NOT NULL CHECK (what IN ('class', 'severity', 'place')),
    key    text NOT NULL,
    level  text NOT NULL CHECK (level IN ('city', 'district')),
    source text NOT NULL,
    PRIMARY KEY (what, key)
);
INSERT INTO level_rule (what, key, level, source) VALUES
    ('severity', 'critical', 'district', 'our choice'),
    ('place', 'street_boundary', 'district', 'our choice'),
    ('place', 'district_boundary', 'city', 'our choice'),
    ('place', 'main_street', 'district', 'our choice'),
    ('class', '0149', 'city', 'our choice: the gas network is the city''s'),
    ('class', '0157', 'city', 'our choice: the gas network is the city''s'),
    ('class', 'E0502', 'city', 'our choice: the gas network is the city''s');

-- Why it is where it is, and what its clock means. The timer keeps the last five: the due time they were worked out
-- for, when it turns amber, when twice the limit is used, how far it was told (0 green .. 3 beyond twice), and whether
-- it went up for having been returned too often.
ALTER TABLE incident
    ADD COLUMN department_reason text NOT NULL DEFAULT '',
    ADD COLUMN level_reason text NOT NULL DEFAULT '',
    ADD COLUMN timed_for timestamptz,
    ADD COLUMN amber_at timestamptz,
    ADD COLUMN twice_at timestamptz,
    ADD COLUMN overdue_step smallint NOT NULL DEFAULT 0 CHECK (overdue_step BETWEEN 0 AND 3),
    ADD COLUMN returns_told boolean NOT NULL DEFAULT false;
CREATE INDEX incident_clock ON incident (deadline) WHERE deadline IS NOT NULL;
