-- Sparkplug edge nodes: their data come under numbers that only their births explain, and count on from message to
-- message. Both are kept with the readings they belong to, so that a restarted ingest reads on without asking.
CREATE TABLE edge_node (
    node     text PRIMARY KEY CHECK (node <> ''),
    alive    boolean NOT NULL,
    bd_seq   bigint,
    next_seq smallint CHECK (next_seq BETWEEN 0 AND 255),
    awaiting boolean NOT NULL
) WITH (fillfactor = 50);

-- What each birth declared: [name, alias, channel, data type, unit] a metric. device '' = the node itself.
CREATE TABLE edge_birth (
    node    text NOT NULL REFERENCES edge_node ON DELETE CASCADE,
    device  text NOT NULL,
    metrics jsonb NOT NULL,
    PRIMARY KEY (node, device)
);
