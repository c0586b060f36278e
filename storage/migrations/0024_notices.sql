-- Notices (ADR-0019). An outbox row, written with the transition, is sorted once into deliveries: one an event and
-- receiver, which is what "never twice" hangs on. Deliveries gather in groups; a group that is due becomes messages, one
-- an address; a message is tried until it is sent or parked.
ALTER TABLE outbox ADD COLUMN sorted_at timestamptz;
UPDATE outbox SET sorted_at = coalesce(sent_at, parked_at);
DROP INDEX outbox_due;
ALTER TABLE outbox
    DROP COLUMN attempts, DROP COLUMN sent_at, DROP COLUMN parked_at, DROP COLUMN last_error,
    ALTER COLUMN next_try_at DROP NOT NULL;
CREATE INDEX outbox_unsorted ON outbox (notice_id) WHERE sorted_at IS NULL;

CREATE TABLE notice_delivery (
    event_id   bigint NOT NULL REFERENCES incident_event,
    receiver   text NOT NULL,
    group_key  text NOT NULL,
    created_at timestamptz NOT NULL,
    flushed_at timestamptz,
    PRIMARY KEY (event_id, receiver)
);
CREATE INDEX notice_delivery_group ON notice_delivery (receiver, group_key);

CREATE TABLE notice_group (
    receiver   text NOT NULL,
    group_key  text NOT NULL,
    route      text NOT NULL,
    labels     jsonb NOT NULL,
    interval_s double precision NOT NULL,
    repeat_s   double precision NOT NULL,
    flush_at   timestamptz,
    flushed_at timestamptz,
    repeat_at  timestamptz,
    PRIMARY KEY (receiver, group_key)
);
CREATE INDEX notice_group_due ON notice_group (least(flush_at, repeat_at));
COMMENT ON COLUMN notice_group.flush_at IS 'when what gathered is told; null = nothing gathered';
COMMENT ON COLUMN notice_group.repeat_at IS 'when incidents nobody has touched are told of again';

-- message_id is the key by which a receiver drops the one repeat that a crash between sending and commit can cause.
CREATE TABLE notice_message (
    message_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    notice_no    bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    receiver     text NOT NULL,
    group_key    text NOT NULL,
    address      text,
    address_name text,
    kind         text NOT NULL CHECK (kind IN ('new', 'repeat')),
    content      jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    attempts     int NOT NULL DEFAULT 0,
    next_try_at  timestamptz NOT NULL,
    sent_at      timestamptz,
    parked_at    timestamptz,
    last_error   text,
    CHECK (sent_at IS NULL OR parked_at IS NULL)
);
CREATE INDEX notice_message_due ON notice_message (next_try_at, notice_no) WHERE sent_at IS NULL AND parked_at IS NULL;
CREATE INDEX notice_message_parked ON notice_message (notice_no) WHERE parked_at IS NOT NULL;
COMMENT ON COLUMN notice_message.address IS 'a digest of the address, which holds secrets; null = there was none';
