-- A rule names an area in quotes, so its code may be any words: inside("bus depot").
ALTER TABLE named_area
    DROP CONSTRAINT named_area_code_check,
    ADD CONSTRAINT named_area_code_check CHECK (code ~ '^[^"\s](?:[^"\n]{0,62}[^"\s])?$');
