-- requires: timescaledb
-- Facts that are no numbers: detections, states, events of a device's life. A picture stays where it is: its address and
-- the hash of its bytes. (device_id, ts, kind, seq) is a fact's identity: the same delivered twice is one row.
CREATE TABLE event (
    ts              timestamptz NOT NULL,
    device_id       int NOT NULL,
    kind            text NOT NULL CHECK (kind <> ''),
    seq             int NOT NULL,
    received_at     timestamptz NOT NULL,
    quality         smallint NOT NULL,
    origin          smallint NOT NULL,
    unit_grid_id    int NOT NULL,
    confidence      double precision CHECK (confidence BETWEEN 0 AND 1),
    plate           text CHECK (plate <> ''),
    snapshot_url    text CHECK (snapshot_url <> ''),
    snapshot_sha256 text CHECK (snapshot_sha256 ~ '^[0-9a-f]{64}$'),
    detail          jsonb NOT NULL
);
SELECT create_hypertable('event', by_range('ts', INTERVAL '7 days'), create_default_indexes => false);
-- Searches go by device, by kind, by plate or by time alone, newest first; each order ends with the identity, so that
-- pages by key need no sorting.
CREATE UNIQUE INDEX event_identity ON event (device_id, ts, kind, seq);
CREATE INDEX event_kind ON event (kind, ts);
CREATE INDEX event_plate ON event (plate, ts) WHERE plate IS NOT NULL;
CREATE INDEX event_newest ON event (ts, device_id, kind, seq);

-- As drop_readings_before (0008): only an owner may drop chunks.
CREATE FUNCTION drop_events_before(cutoff timestamptz) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(*)::int FROM drop_chunks('event', older_than => cutoff)
$$;
REVOKE ALL ON FUNCTION drop_events_before(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_events_before(timestamptz) TO citygrid_writer;

CREATE VIEW dash.events AS
SELECT e.ts, d.label, d.profile, d.district_code, e.kind, e.confidence, e.plate, e.snapshot_url, e.snapshot_sha256,
       dash.origin_name(e.origin) AS origin, u.code AS unit_grid_code, e.detail
FROM event AS e
JOIN device AS d USING (device_id)
LEFT JOIN unit_grid AS u ON u.unit_grid_id = e.unit_grid_id;
