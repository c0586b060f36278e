-- A dead letter can be tried again, and the table is bounded (ADR-0013).
-- waiting_since: somebody asked for it; ingest takes it when it comes to it, and clears this whatever the outcome.
ALTER TABLE dead_letter
    ADD COLUMN waiting_since timestamptz,
    ADD COLUMN tried_at timestamptz,
    ADD COLUMN day date NOT NULL GENERATED ALWAYS AS ((first_seen AT TIME ZONE 'UTC')::date) STORED;
CREATE INDEX dead_letter_waiting ON dead_letter (first_seen, digest) WHERE waiting_since IS NOT NULL;
CREATE INDEX dead_letter_oldest ON dead_letter (day, reason, first_seen, digest);
DROP INDEX dead_letter_last_seen;
CREATE INDEX dead_letter_last_seen ON dead_letter (last_seen, digest);

-- What is kept of each day and reason, so that ingest knows without counting when the oldest must go. Kept right by
-- triggers on every statement, whoever makes it; `dropped` is what went because there was too much.
CREATE TABLE dead_letter_tally (
    day        date NOT NULL,
    reason     text NOT NULL,
    kept       bigint NOT NULL,
    kept_bytes bigint NOT NULL,
    dropped    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (day, reason)
);
INSERT INTO dead_letter_tally (day, reason, kept, kept_bytes)
SELECT day, reason, count(*), sum(octet_length(payload)) FROM dead_letter GROUP BY day, reason;

CREATE FUNCTION dead_letters_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dead_letter_tally AS t (day, reason, kept, kept_bytes)
    SELECT day, reason, count(*), sum(octet_length(payload)) FROM came GROUP BY day, reason ORDER BY day, reason
    ON CONFLICT (day, reason) DO UPDATE
    SET kept = t.kept + EXCLUDED.kept, kept_bytes = t.kept_bytes + EXCLUDED.kept_bytes;
    RETURN NULL;
END
$$;
CREATE FUNCTION dead_letters_went() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE dead_letter_tally AS t
    SET kept = t.kept - w.letters, kept_bytes = t.kept_bytes - w.bytes
    FROM (SELECT day, reason, count(*) AS letters, sum(octet_length(payload)) AS bytes FROM went GROUP BY day, reason) w
    WHERE t.day = w.day AND t.reason = w.reason;
    RETURN NULL;
END
$$;
-- A letter refused again for another reason is counted there from now on.
CREATE FUNCTION dead_letters_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dead_letter_tally AS t (day, reason, kept, kept_bytes)
    SELECT day, reason, sum(n), sum(bytes)
    FROM (
        SELECT day, reason, 1 AS n, octet_length(payload) AS bytes FROM came
        UNION ALL
        SELECT day, reason, -1, -octet_length(payload) FROM went
    ) AS moved
    GROUP BY day, reason
    HAVING sum(n) <> 0 OR sum(bytes) <> 0
    ORDER BY day, reason
    ON CONFLICT (day, reason) DO UPDATE
    SET kept = t.kept + EXCLUDED.kept, kept_bytes = t.kept_bytes + EXCLUDED.kept_bytes;
    RETURN NULL;
END
$$;
CREATE TRIGGER came AFTER INSERT ON dead_letter
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION dead_letters_came();
CREATE TRIGGER went AFTER DELETE ON dead_letter
    REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION dead_letters_went();
CREATE TRIGGER changed AFTER UPDATE ON dead_letter
    REFERENCING OLD TABLE AS went NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION dead_letters_changed();

CREATE OR REPLACE VIEW dash.dead_letters AS
SELECT last_seen AS ts, first_seen, reason, topic, detail, seen, truncated, waiting_since, tried_at FROM dead_letter;
