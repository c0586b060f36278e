-- A finding may be a remark about a row that was loaded; and what a survey did as a whole is kept with it.
ALTER TABLE survey_finding ADD COLUMN refused boolean NOT NULL DEFAULT true;
ALTER TABLE survey ADD COLUMN summary jsonb NOT NULL DEFAULT '{}';
