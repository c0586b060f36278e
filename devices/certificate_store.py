"""SQL of devices' certificates. Run with `identity_store`'s `one`, `rows` and `change`; never commits."""

IN_FORCE = """
SELECT serial, user_name, key_hash, pem, not_before, not_after FROM broker_certificate
WHERE revoked_at IS NULL AND not_after > %(now)s AND (device_id = %(device_id)s OR gateway_id = %(gateway_id)s)
ORDER BY not_after DESC, serial
"""
INSERT = """
INSERT INTO broker_certificate (serial, device_id, gateway_id, user_name, key_hash, pem, not_before, not_after,
                                issued_at, issued_by)
VALUES (%(serial)s, %(device_id)s, %(gateway_id)s, %(user_name)s, %(key_hash)s, %(pem)s, %(not_before)s, %(not_after)s,
        %(now)s, %(actor)s)
"""
REVOKE = """
UPDATE broker_certificate SET revoked_at = %(now)s
WHERE serial = %(serial)s AND revoked_at IS NULL AND (device_id = %(device_id)s OR gateway_id = %(gateway_id)s)
"""
HOLDER = """
SELECT COALESCE(d.label, g.label) AS label, c.gateway_id IS NOT NULL AS is_gateway, c.revoked_at, c.not_before
FROM broker_certificate c LEFT JOIN device d USING (device_id) LEFT JOIN gateway g ON g.gateway_id = c.gateway_id
WHERE c.serial = %(serial)s
"""
# What somebody limited may see has no gateways: their view of this table holds devices' rows only.
LIST = """
SELECT c.serial, COALESCE(d.label, g.label) AS label,
       CASE WHEN c.gateway_id IS NULL THEN 'device' ELSE 'gateway' END AS holder,
       c.user_name, c.not_before, c.not_after, c.issued_at, c.issued_by, c.revoked_at
FROM broker_certificate c LEFT JOIN device d USING (device_id) LEFT JOIN gateway g ON g.gateway_id = c.gateway_id
"""
LIST_OF = LIST + "WHERE COALESCE(d.label, g.label) = %(label)s ORDER BY c.not_after DESC, c.serial"
LIST_ENDING = (
    LIST
    + """
WHERE c.revoked_at IS NULL AND c.not_after > %(now)s AND c.not_after <= %(until)s
  AND (c.not_after, c.serial) > (%(after)s, %(after_serial)s)
  AND (NOT %(last)s OR NOT EXISTS (
      SELECT FROM broker_certificate n
      WHERE (n.device_id = c.device_id OR n.gateway_id = c.gateway_id) AND n.revoked_at IS NULL
        AND n.not_after > c.not_after))
ORDER BY c.not_after, c.serial LIMIT %(limit)s
"""
)
REVOKED = """
SELECT c.serial, c.user_name
FROM broker_certificate c LEFT JOIN device d USING (device_id)
WHERE c.not_after > %(now)s AND (c.revoked_at IS NOT NULL OR NOT d.state = ANY(%(reporting)s))
"""
