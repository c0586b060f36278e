-- Who may connect to the broker as which device or gateway (ADR-0024). Passwords are kept as the broker's own hashes.
CREATE TABLE gateway (
    gateway_id    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    label         text NOT NULL UNIQUE CHECK (label ~ '^[A-Za-z0-9_-]{1,64}$'),
    district_code text NOT NULL CHECK (district_code ~ '^[0-9]{6}$'),
    registered_at timestamptz NOT NULL,
    registered_by text NOT NULL
);

ALTER TABLE device ADD COLUMN gateway_id int REFERENCES gateway;
CREATE INDEX device_gateway ON device (gateway_id) WHERE gateway_id IS NOT NULL;
COMMENT ON COLUMN device.gateway_id IS 'the gateway it is listed under, which may publish for it; null = none';

CREATE TABLE broker_identity (
    identity_id   int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id     int REFERENCES device,
    gateway_id    int REFERENCES gateway,
    user_name     text NOT NULL,
    password_hash text NOT NULL,
    issued_at     timestamptz NOT NULL,
    issued_by     text NOT NULL,
    rotated_at    timestamptz,
    revoked_at    timestamptz,
    CHECK (num_nonnulls(device_id, gateway_id) = 1)
);
CREATE UNIQUE INDEX broker_identity_device ON broker_identity (device_id) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX broker_identity_gateway ON broker_identity (gateway_id) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX broker_identity_user ON broker_identity (user_name) WHERE revoked_at IS NULL;

-- What lets a device in is nothing to look at: the role of dashboards and reads sees who has an identity, not its hash.
REVOKE SELECT ON broker_identity FROM citygrid_reader;
GRANT SELECT (identity_id, device_id, gateway_id, user_name, issued_at, issued_by, rotated_at, revoked_at)
    ON broker_identity TO citygrid_reader;
