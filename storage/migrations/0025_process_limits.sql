-- How long each desk of the loop has, by the stage a case waits in; data of the city, like its other limits.
CREATE TABLE process_limit (
    stage   text PRIMARY KEY
            CHECK (stage IN ('reported', 'verifying', 'verified', 'filed', 'handled', 'checking', 'checked')),
    "limit" text NOT NULL,  -- an amount and a unit, as in time_limit
    source  text NOT NULL
);
INSERT INTO process_limit (stage, "limit", source) VALUES
    ('reported', '0.5 hour', 'our choice: minutes, as city platforms have it'),
    ('verifying', '24 hour', 'case-workflow specification of Yuncheng (2026): 24 hours'),
    ('verified', '0.5 hour', 'our choice: minutes, as city platforms have it'),
    ('filed', '0.5 hour', 'our choice: minutes, as city platforms have it'),
    ('handled', '0.5 hour', 'our choice'),
    ('checking', '2 hour', 'case-workflow specification of Yuncheng (2026): 2 hours'),
    ('checked', '0.5 hour', 'our choice');
