-- Certificates that the city's device authority signed: a second way to enter the broker as a device or gateway (ADR-0033).
-- Nothing in it is secret. A holder may have several that overlap; that is how they are renewed.
CREATE TABLE broker_certificate (
    serial     text PRIMARY KEY CHECK (serial ~ '^[0-9a-f]{1,40}$'),
    device_id  int REFERENCES device,
    gateway_id int REFERENCES gateway,
    user_name  text NOT NULL,
    key_hash   bytea NOT NULL,
    pem        text NOT NULL,
    not_before timestamptz NOT NULL,
    not_after  timestamptz NOT NULL,
    issued_at  timestamptz NOT NULL,
    issued_by  text NOT NULL,
    revoked_at timestamptz,
    CHECK (num_nonnulls(device_id, gateway_id) = 1)
);
CREATE INDEX broker_certificate_device ON broker_certificate (device_id) WHERE device_id IS NOT NULL;
CREATE INDEX broker_certificate_gateway ON broker_certificate (gateway_id) WHERE gateway_id IS NOT NULL;
CREATE INDEX broker_certificate_end ON broker_certificate (not_after, serial);
COMMENT ON COLUMN broker_certificate.key_hash IS 'SHA-256 of the public key';
