-- A device's life: since when it is in its state, and which component carried it from when to when. Readings stay with
-- the device; what a component measured is what its devices measured while they stood on it.
ALTER TABLE device ADD COLUMN state_since timestamptz NOT NULL DEFAULT now();
UPDATE device AS d SET state_since = coalesce(
    (SELECT max(e.at) FROM device_event AS e WHERE e.device_id = d.device_id AND e.kind = d.state), d.registered_at);

CREATE TABLE device_mounting (
    mounting_id  int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id    int NOT NULL REFERENCES device ON DELETE CASCADE,
    component_id int NOT NULL REFERENCES component ON DELETE CASCADE,
    since        timestamptz NOT NULL,
    until        timestamptz CHECK (until >= since),
    replaced_by  int REFERENCES device ON DELETE SET NULL
);
CREATE UNIQUE INDEX device_mounting_open ON device_mounting (device_id) WHERE until IS NULL;
CREATE INDEX device_mounting_device ON device_mounting (device_id, since);
CREATE INDEX device_mounting_component ON device_mounting (component_id, since);
INSERT INTO device_mounting (device_id, component_id, since, until)
SELECT device_id, component_id, registered_at,
       CASE WHEN state IN ('replaced', 'retired') THEN greatest(state_since, registered_at) END
FROM device WHERE component_id IS NOT NULL ORDER BY device_id;

-- Kept right by triggers, whoever writes devices; the time of a change is `state_since`.
CREATE FUNCTION devices_were_mounted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO device_mounting (device_id, component_id, since)
    SELECT device_id, component_id, registered_at FROM came
    WHERE component_id IS NOT NULL AND state NOT IN ('replaced', 'retired') ORDER BY device_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER mounted AFTER INSERT ON device
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION devices_were_mounted();

CREATE FUNCTION device_was_remounted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stood  int := CASE WHEN OLD.state NOT IN ('replaced', 'retired') THEN OLD.component_id END;
    stands int := CASE WHEN NEW.state NOT IN ('replaced', 'retired') THEN NEW.component_id END;
BEGIN
    IF stood IS DISTINCT FROM stands THEN
        UPDATE device_mounting SET until = greatest(NEW.state_since, since)
        WHERE device_id = NEW.device_id AND until IS NULL;
        IF stands IS NOT NULL THEN
            INSERT INTO device_mounting (device_id, component_id, since)
            VALUES (NEW.device_id, stands, NEW.state_since);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER remounted AFTER UPDATE OF state, component_id ON device FOR EACH ROW
    WHEN (OLD.state <> NEW.state OR OLD.component_id IS DISTINCT FROM NEW.component_id)
    EXECUTE FUNCTION device_was_remounted();
