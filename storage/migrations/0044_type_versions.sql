ALTER TABLE profile_channel ADD COLUMN since_version int NOT NULL DEFAULT 1;
COMMENT ON COLUMN profile_channel.since_version IS 'version of the type that appended it; readings of before are shorter';
