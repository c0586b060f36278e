"""SQL of batches and claims. Takes a connection, never commits."""

INSERT_BATCH = """
INSERT INTO claim_batch (name, profile, key_hash, until, made_at, made_by)
VALUES (%(name)s, %(profile)s, %(key_hash)s, %(until)s, %(now)s, %(actor)s)
ON CONFLICT (name) DO NOTHING RETURNING batch_id
"""
TAKEN = """
SELECT l.label, b.name FROM claim_label l JOIN claim_batch b USING (batch_id)
WHERE l.label = ANY(%(labels)s) ORDER BY l.label
"""
INSERT_LABELS = "INSERT INTO claim_label (batch_id, label) SELECT %(batch_id)s, unnest(%(labels)s::text[])"
REVOKE = "UPDATE claim_batch SET revoked_at = %(now)s WHERE name = %(name)s AND revoked_at IS NULL"
LIST = """
SELECT b.name, b.profile, b.until, b.made_at, b.made_by, b.revoked_at,
       count(*) AS labels, count(l.claimed_at) AS claimed, max(l.claimed_at) AS last_claimed_at
FROM claim_batch b JOIN claim_label l USING (batch_id) GROUP BY b.batch_id ORDER BY b.batch_id DESC
"""
LOCK_LABEL = """
SELECT b.key_hash, b.profile, l.claimed_at, (SELECT d.profile FROM device d WHERE d.label = l.label) AS registered_as
FROM claim_label l JOIN claim_batch b USING (batch_id)
WHERE b.name = %(name)s AND l.label = %(label)s AND b.revoked_at IS NULL AND b.until > %(now)s
FOR UPDATE OF l
"""
CLAIMED = "UPDATE claim_label SET claimed_at = %(now)s, claimed_from = %(come_from)s WHERE label = %(label)s"
