-- An outbox row only says that an event is to be told; what is told is read when it is sorted (0024).
ALTER TABLE outbox DROP COLUMN channel, DROP COLUMN payload, DROP COLUMN next_try_at;
ALTER TABLE outbox ADD CONSTRAINT outbox_event UNIQUE (event_id);
