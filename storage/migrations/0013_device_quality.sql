-- What was doubtful about each device's messages, by day of arrival (UTC). Only rows with a doubt are counted, so a city
-- of good devices writes nothing here; how much was stored in all is in the roll-ups. docs/quality.md has the rules.
CREATE TABLE device_quality (
    device_id     int NOT NULL,
    day           date NOT NULL,
    repeated      int NOT NULL DEFAULT 0,
    late          int NOT NULL DEFAULT 0,
    out_of_order  int NOT NULL DEFAULT 0,
    out_of_range  int NOT NULL DEFAULT 0,
    sentinel      int NOT NULL DEFAULT 0,
    suspect_jump  int NOT NULL DEFAULT 0,
    counter_reset int NOT NULL DEFAULT 0,
    clock         int NOT NULL DEFAULT 0,
    refused       int NOT NULL DEFAULT 0,
    PRIMARY KEY (device_id, day)
) WITH (fillfactor = 50);
CREATE INDEX device_quality_day ON device_quality (day);

CREATE VIEW dash.device_quality AS
SELECT q.day, d.label, d.profile, d.district_code, q.repeated, q.late, q.out_of_order, q.out_of_range, q.sentinel,
       q.suspect_jump, q.counter_reset, q.clock, q.refused
FROM device_quality AS q
JOIN device AS d USING (device_id);
