-- requires: timescaledb
-- One row a device message: `values` holds the profile's channels in the profile's order, NULL = not measured (ADR-0003).
-- (device_id, ts, seq) is a reading's identity: the same message delivered twice is one row.
CREATE TABLE reading (
    ts           timestamptz NOT NULL,
    device_id    int NOT NULL,
    seq          int NOT NULL,
    received_at  timestamptz NOT NULL,
    quality      smallint NOT NULL,
    origin       smallint NOT NULL,
    unit_grid_id int NOT NULL,
    "values"     double precision[] NOT NULL
);
SELECT create_hypertable('reading', by_range('ts', INTERVAL '1 day'), create_default_indexes => false);
CREATE UNIQUE INDEX reading_identity ON reading (device_id, ts, seq);

-- The order of each profile's channels, so that SQL can name what an array holds.
CREATE TABLE profile_channel (
    profile  text NOT NULL,
    position int NOT NULL CHECK (position >= 1),
    channel  text NOT NULL,
    unit     text NOT NULL,
    name_zh  text NOT NULL,
    name_en  text NOT NULL,
    PRIMARY KEY (profile, position),
    UNIQUE (profile, channel)
);

-- What could not be accepted, and why. The digest makes a redelivered refusal one row; `seen` counts real repeats.
CREATE TABLE dead_letter (
    digest      bytea PRIMARY KEY,
    topic       text NOT NULL,
    reason      text NOT NULL,
    detail      text NOT NULL,
    payload     bytea NOT NULL,
    truncated   boolean NOT NULL,
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    seen        bigint NOT NULL
);
CREATE INDEX dead_letter_last_seen ON dead_letter (last_seen);
