-- The refused rows of a survey that was sent over HTTP, as the CSV to mend and send again (docs/components.md).
CREATE TABLE survey_refused (
    survey_id int NOT NULL REFERENCES survey (survey_id) ON DELETE CASCADE,
    part      int NOT NULL,
    content   bytea NOT NULL,
    PRIMARY KEY (survey_id, part)
);
COMMENT ON COLUMN survey_refused.content IS 'a piece of the file; the pieces in their order are the file';
