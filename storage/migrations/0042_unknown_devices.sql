-- Devices that send and are not registered: who knocks, how often, and the last it said (ADR-0026). Bounded by
-- `storage.unknown_devices`; rewritten with every batch in which somebody knocks, so no index beside the keys.
CREATE TABLE unknown_device (
    unknown_id     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    format         text NOT NULL,
    address        text NOT NULL,
    district_code  text NOT NULL,
    kind           text NOT NULL,
    gateway        text NOT NULL,
    topic          text NOT NULL,
    payload        bytea NOT NULL,
    truncated      boolean NOT NULL,
    first_seen     timestamptz NOT NULL,
    last_seen      timestamptz NOT NULL,
    seen           bigint NOT NULL,
    ignored_at     timestamptz,
    ignored_by     text,
    ignored_reason text,
    UNIQUE (format, address)
) WITH (fillfactor = 50);
COMMENT ON COLUMN unknown_device.gateway IS 'label of the gateway it sent through; empty = none';
