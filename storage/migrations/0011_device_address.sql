-- A device may speak another format than ours and have another name there: a devEUI, a phone number, group/node/device.
-- address NULL = its label. codec: what turns a LoRaWAN device's bytes into channels ('' = nothing needs to).
ALTER TABLE device
    ADD COLUMN format  text NOT NULL DEFAULT 'native' CHECK (format ~ '^[a-z0-9_]{1,32}$'),
    ADD COLUMN address text CHECK (length(address) BETWEEN 1 AND 256),
    ADD COLUMN codec   text NOT NULL DEFAULT '',
    ADD CONSTRAINT native_is_named_by_label CHECK (format <> 'native' OR address IS NULL);

-- One device in use a name: a radio that moves to another place is registered anew after the former was retired.
-- Native devices are not in it: their labels are unique already.
CREATE UNIQUE INDEX device_address ON device (format, COALESCE(address, label))
WHERE format <> 'native' AND state NOT IN ('replaced', 'retired');
