-- edition: community
-- requires: timescaledb
-- What the Timescale licence edition adds: readings older than a week move to the columnstore (smaller, still writable,
-- so a late row is stored and rolled up as before). Roll-ups and retention stay ours on both editions: ADR-0004 says why.
ALTER TABLE reading SET (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'device_id', timescaledb.orderby = 'ts, seq'
);
CALL add_columnstore_policy('reading', after => INTERVAL '7 days', if_not_exists => true);
