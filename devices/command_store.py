"""SQL of orders to devices. Takes a connection, never commits."""

LOCK_DEVICE = """
SELECT d.device_id, d.district_code, d.profile, d.state, d.format, d.format = 'native' AS hears,
       (SELECT count(*) FROM device_command c
        WHERE c.device_id = d.device_id AND c.state IN ('waiting', 'sent')) AS open
FROM device d WHERE d.label = %(label)s FOR UPDATE OF d
"""
INSERT = """
INSERT INTO device_command (device_id, command, arguments, state, reason, requested_at, requested_by, expires_at)
VALUES (%(device_id)s, %(command)s, %(arguments)s, 'waiting', %(reason)s, %(now)s, %(actor)s, %(expires_at)s)
RETURNING command_id
"""
DUE = """
UPDATE device_command c SET state = 'sent', tries = tries + 1, sent_at = %(now)s
FROM device d
WHERE d.device_id = c.device_id AND c.command_id IN (
    SELECT command_id FROM device_command
    WHERE state IN ('waiting', 'sent') AND expires_at > %(now)s AND tries < %(tries)s
      AND (sent_at IS NULL OR sent_at <= %(again)s)
    ORDER BY command_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING c.command_id, c.command, c.arguments, c.expires_at, d.label, d.district_code, d.profile
"""
EXPIRE = """
UPDATE device_command SET state = 'expired' WHERE state IN ('waiting', 'sent') AND expires_at <= %(now)s
RETURNING command_id
"""
ANSWER = """
UPDATE device_command c
SET state = %(state)s, answered_at = %(now)s, answer = %(answer)s
FROM device d
WHERE c.command_id = %(command_id)s AND d.device_id = c.device_id AND d.label = %(label)s
  AND c.state = ANY(%(answerable)s)
RETURNING c.device_id, c.command, c.arguments
"""
CANCEL = """
UPDATE device_command c SET state = 'cancelled', answered_at = %(now)s, answer = %(answer)s
FROM device d
WHERE c.command_id = %(command_id)s AND d.device_id = c.device_id AND d.label = %(label)s
  AND c.state IN ('waiting', 'sent')
RETURNING c.command
"""
SET_INTERVAL = "UPDATE device SET interval_s = %(interval_s)s WHERE device_id = %(device_id)s"
LIST = """
SELECT c.command_id, d.label, c.command, c.arguments, c.state, c.reason, c.requested_at, c.requested_by, c.expires_at,
       c.tries, c.sent_at, c.answered_at, c.answer
FROM device_command c JOIN device d USING (device_id)
WHERE d.label = %(label)s AND c.command_id < %(before)s
ORDER BY c.command_id DESC LIMIT %(limit)s
"""
