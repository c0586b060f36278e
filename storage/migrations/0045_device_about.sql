-- What a device is, as a person or the device itself says; empty = nobody said. The newest word counts (`about_at`).
ALTER TABLE device
    ADD COLUMN maker    text NOT NULL DEFAULT '',
    ADD COLUMN model    text NOT NULL DEFAULT '',
    ADD COLUMN serial   text NOT NULL DEFAULT '',
    ADD COLUMN hardware text NOT NULL DEFAULT '',
    ADD COLUMN firmware text NOT NULL DEFAULT '',
    ADD COLUMN about_at timestamptz,
    ADD COLUMN about_by text NOT NULL DEFAULT '';
COMMENT ON COLUMN device.about_by IS 'who said it last; device = itself';

-- The last message of a device as it came, at most one a minute is kept (ADR-0032); no index beside the key.
CREATE TABLE device_message (
    device_id   int PRIMARY KEY,
    received_at timestamptz NOT NULL,
    topic       text NOT NULL,
    payload     bytea NOT NULL,
    bytes       int NOT NULL,
    refused     text
) WITH (fillfactor = 50);
COMMENT ON COLUMN device_message.bytes IS 'length as it came; the payload is cut';
COMMENT ON COLUMN device_message.refused IS 'why it, or an item of this device in it, was refused; null = it was accepted';

-- How long batteries last, made anew some times a day from the daily roll-ups, so that a list can ask for it.
CREATE TABLE device_battery (
    device_id int PRIMARY KEY,
    days_left double precision NOT NULL,
    made_at   timestamptz NOT NULL
);
CREATE INDEX device_battery_days_left ON device_battery (days_left);
