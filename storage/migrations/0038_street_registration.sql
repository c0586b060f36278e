-- What was registered in the street, by the key that the phone made: a phone that lost the answer asks again and gets the
-- same one. The detail says where the phone was, how sure of it, and which warnings were overruled.
CREATE TABLE street_registration (
    key            text PRIMARY KEY CHECK (length(key) BETWEEN 8 AND 64),
    label          text NOT NULL,
    profile        text NOT NULL,
    component_code text NOT NULL,
    replaced       text,
    at             timestamptz NOT NULL,
    actor          text NOT NULL,
    detail         jsonb NOT NULL
);

GRANT SELECT, INSERT ON street_registration TO citygrid_writer;
GRANT SELECT ON street_registration TO citygrid_reader;
