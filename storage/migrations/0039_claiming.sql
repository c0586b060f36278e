-- Factory-made devices fetch their own identity with the key of their batch. The key is kept as a hash.
CREATE TABLE claim_batch (
    batch_id   int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    profile    text NOT NULL,
    key_hash   bytea NOT NULL,
    until      timestamptz NOT NULL,
    made_at    timestamptz NOT NULL,
    made_by    text NOT NULL,
    revoked_at timestamptz
);
CREATE TABLE claim_label (
    label        text PRIMARY KEY,
    batch_id     int NOT NULL REFERENCES claim_batch,
    claimed_at   timestamptz,
    claimed_from text
);
CREATE INDEX claim_label_batch ON claim_label (batch_id);
COMMENT ON COLUMN claim_label.claimed_from IS 'the address it called from';

REVOKE SELECT ON claim_batch FROM citygrid_reader;
GRANT SELECT (batch_id, name, profile, until, made_at, made_by, revoked_at) ON claim_batch TO citygrid_reader;
