-- Several ingest processes share a city (ADR-0010). Each says that it lives, and where its metrics are.
CREATE TABLE ingest_process (
    process     text PRIMARY KEY,
    setting     text NOT NULL,
    metrics_url text NOT NULL,
    started_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);

-- Who carries which part of the city. Every transaction of a carrier locks its row here and checks the epoch, so one
-- that was given up for dead cannot commit any more. districts NULL = all. Rewritten with every batch: kept small.
CREATE TABLE shard_lease (
    shard         text PRIMARY KEY,
    districts     text[],
    takes_foreign boolean NOT NULL,
    epoch         bigint NOT NULL DEFAULT 0,
    process       text,
    backend_pid   int,
    acquired_at   timestamptz,
    expires_at    timestamptz NOT NULL DEFAULT '1970-01-01T00:00:00Z'
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- What ingest carried before there were shards; a city that is divided at once finds its queues through this row.
INSERT INTO shard_lease (shard, districts, takes_foreign) VALUES ('city', NULL, true);

-- What each shard did in a minute, so that the dashboards need no metrics server; kept as long as readings.
CREATE TABLE ingest_minute (
    minute        timestamptz NOT NULL,
    shard         text NOT NULL,
    epoch         bigint NOT NULL,
    process       text NOT NULL,
    by_lane       jsonb NOT NULL,
    stored        bigint NOT NULL,
    repeated      bigint NOT NULL,
    refused       jsonb NOT NULL,
    transitions   bigint NOT NULL,
    retries       bigint NOT NULL,
    batches       bigint NOT NULL,
    step_seconds  jsonb NOT NULL,
    lag_s         double precision NOT NULL,
    waiting       bigint NOT NULL,
    broker_queued bigint,
    PRIMARY KEY (minute, shard, epoch)
);

-- One row a minute and shard for lines over time; names and values apart, as charts want them.
CREATE VIEW dash.ingest_shards AS
SELECT minute AS ts, shard, process, stored, repeated, transitions, retries, batches, lag_s, waiting, broker_queued,
       (SELECT coalesce(sum(value::bigint), 0)::bigint FROM jsonb_each_text(by_lane)) AS received,
       (SELECT coalesce(sum(value::bigint), 0)::bigint FROM jsonb_each_text(refused)) AS refused,
       (SELECT coalesce(sum(value::double precision), 0) FROM jsonb_each_text(step_seconds)) AS busy_s
FROM ingest_minute;
CREATE VIEW dash.ingest_lanes AS
SELECT minute AS ts, shard, lane.key AS lane, lane.value::bigint AS messages
FROM ingest_minute, jsonb_each_text(by_lane) AS lane;
CREATE VIEW dash.ingest_steps AS
SELECT minute AS ts, shard, step.key AS step, step.value::double precision AS busy_s
FROM ingest_minute, jsonb_each_text(step_seconds) AS step;
CREATE VIEW dash.ingest_refusals AS
SELECT minute AS ts, shard, refusal.key AS reason, refusal.value::bigint AS messages
FROM ingest_minute, jsonb_each_text(refused) AS refusal;
CREATE VIEW dash.processes AS
SELECT p.process, p.started_at, p.metrics_url,
       coalesce(string_agg(l.shard, ', ' ORDER BY l.shard), '') AS shards
FROM ingest_process p LEFT JOIN shard_lease l ON l.process = p.process AND l.expires_at > now()
WHERE p.expires_at > now()
GROUP BY p.process;
