-- What devices were told to do, and what became of it. An order is sent at most three times and ends once.
CREATE TABLE device_command (
    command_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id    int NOT NULL REFERENCES device,
    command      text NOT NULL,
    arguments    jsonb NOT NULL,
    state        text NOT NULL CHECK (state IN ('waiting', 'sent', 'done', 'refused', 'expired', 'cancelled')),
    reason       text NOT NULL,
    requested_at timestamptz NOT NULL,
    requested_by text NOT NULL,
    expires_at   timestamptz NOT NULL,
    tries        smallint NOT NULL DEFAULT 0,
    sent_at      timestamptz,
    answered_at  timestamptz,
    answer       text
);
CREATE INDEX device_command_device ON device_command (device_id, command_id);
CREATE INDEX device_command_open ON device_command (command_id) WHERE state IN ('waiting', 'sent');
COMMENT ON COLUMN device_command.sent_at IS 'when it was sent last';
COMMENT ON COLUMN device_command.answer IS 'why the device refused it, or who cancelled it';

GRANT SELECT, INSERT, UPDATE ON device_command TO citygrid_writer;
GRANT SELECT ON device_command TO citygrid_reader;
