-- requires: timescaledb
-- `device_state` is written down now and then, not with every batch (ADR-0007): readings received from `received_since`
-- on may be missing from it. Whoever opens a shard brings it up to date from the readings themselves.
CREATE TABLE device_state_kept (
    shard          text PRIMARY KEY,
    received_since timestamptz NOT NULL
);
INSERT INTO device_state_kept VALUES ('city', now());
-- Finds the end of a table that is appended to in order of arrival, for a few bytes a megabyte.
CREATE INDEX reading_received_at ON reading USING brin (received_at) WITH (pages_per_range = 64, autosummarize = on);
