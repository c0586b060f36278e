"""The statements of notices: from the outbox to deliveries, groups and messages, and what became of them."""

# Events whose notices nobody has sorted yet, oldest first, each with what a route may ask and a message may say.
TAKE_EVENTS = """
SELECT notice_id, event_id FROM outbox WHERE sorted_at IS NULL ORDER BY notice_id LIMIT %(limit)s
FOR UPDATE SKIP LOCKED
"""
MARK_SORTED = "UPDATE outbox SET sorted_at = %(now)s WHERE notice_id = ANY(%(notices)s)"

TOLD = """
SELECT
    e.event_id, e.kind AS event, e.to_stage AS stage, e.reason, i.incident_id, i.case_no, i.cause, i.severity,
    i.title_zh, i.title_en, i.fired_ts, i.deadline,
    CASE WHEN e.to_stage = ANY(%(ends)s) THEN 'resolved' ELSE 'firing' END AS status,
    CASE WHEN e.to_stage = ANY(%(ends)s) THEN e.at END AS ended_at,
    ST_X(o.at) AS lon, ST_Y(o.at) AS lat,
    coalesce(i.evidence -> 'labels', '{}') || jsonb_strip_nulls(jsonb_build_object(
        'alertname', i.rule, 'severity', i.severity, 'event', e.kind, 'stage', e.to_stage, 'level', i.level,
        'class', coalesce(i.class_code, c.class_code), 'subsystem', k.subsystem, 'district', i.district_code,
        'subdistrict', left(u.community_code, 9), 'community', u.community_code, 'patrol_grid', g.code,
        'component', c.code, 'device', d.label, 'department', p.name_zh, 'incident', i.incident_id::text
    )) AS labels
FROM incident_event e
JOIN incident i USING (incident_id)
LEFT JOIN unit_grid u ON u.unit_grid_id = i.unit_grid_id
LEFT JOIN patrol_grid g ON g.patrol_grid_id = i.patrol_grid_id
LEFT JOIN component c ON c.component_id = i.component_id
LEFT JOIN component_class k ON k.catalogue_id = c.catalogue_id AND k.class_code = c.class_code
LEFT JOIN device d ON d.device_id = i.device_id
LEFT JOIN department p ON p.department_id = i.department_id
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(i.geom) AS at) o
WHERE e.event_id = ANY(%(events)s)
ORDER BY e.event_id
"""

# One delivery an event and receiver: this is what "never twice" hangs on.
DELIVER = """
INSERT INTO notice_delivery (event_id, receiver, group_key, created_at)
VALUES (%(event_id)s, %(receiver)s, %(group_key)s, %(now)s)
ON CONFLICT DO NOTHING
RETURNING event_id
"""
# A new group waits `wait_s`; one that was told of, until `interval_s` after that; one that waits already, waits on.
GATHER = """
INSERT INTO notice_group AS g (receiver, group_key, route, labels, interval_s, repeat_s, flush_at)
VALUES (
    %(receiver)s, %(group_key)s, %(route)s, %(labels)s, %(interval_s)s, %(repeat_s)s,
    %(now)s + make_interval(secs => %(wait_s)s)
)
ON CONFLICT (receiver, group_key) DO UPDATE
SET
    route = EXCLUDED.route, interval_s = EXCLUDED.interval_s, repeat_s = EXCLUDED.repeat_s,
    flush_at = coalesce(g.flush_at, greatest(%(now)s, g.flushed_at + make_interval(secs => EXCLUDED.interval_s)))
"""

TAKE_GROUP = """
SELECT receiver, group_key, route, labels, flush_at <= %(now)s AS flushes
FROM notice_group
WHERE flush_at <= %(now)s OR repeat_at <= %(now)s
ORDER BY least(flush_at, repeat_at)
LIMIT 1
FOR UPDATE SKIP LOCKED
"""
WAITING = """
UPDATE notice_delivery SET flushed_at = %(now)s
WHERE receiver = %(receiver)s AND group_key = %(group_key)s AND flushed_at IS NULL
RETURNING event_id
"""
# Open incidents of a group that no person has done anything with: the newest event of each that was told.
UNTOUCHED = """
SELECT max(e.event_id)
FROM notice_delivery n
JOIN incident_event e USING (event_id)
JOIN incident i USING (incident_id)
WHERE
    n.receiver = %(receiver)s AND n.group_key = %(group_key)s AND n.flushed_at IS NOT NULL AND i.is_open
    AND NOT EXISTS (SELECT FROM incident_event t WHERE t.incident_id = i.incident_id AND t.role <> 'system')
GROUP BY i.incident_id
"""
FLUSHED = """
UPDATE notice_group
SET
    flush_at = NULL, flushed_at = %(now)s,
    repeat_at = CASE WHEN repeat_s > 0 AND %(goes_on)s THEN %(now)s + make_interval(secs => repeat_s) END
WHERE receiver = %(receiver)s AND group_key = %(group_key)s
"""
HOLD = """
UPDATE notice_group
SET
    flush_at = CASE WHEN flush_at <= %(now)s THEN %(until)s ELSE flush_at END,
    repeat_at = CASE WHEN repeat_at <= %(now)s THEN %(until)s ELSE repeat_at END
WHERE receiver = %(receiver)s AND group_key = %(group_key)s
"""
# A group that was told of and has nothing to say for its interval begins anew.
FORGET_GROUPS = """
DELETE FROM notice_group
WHERE flush_at IS NULL AND repeat_at IS NULL AND flushed_at + make_interval(secs => interval_s) <= %(now)s
"""

WRITE = """
INSERT INTO notice_message
    (receiver, group_key, address, address_name, kind, content, created_at, next_try_at, parked_at, last_error)
VALUES (
    %(receiver)s, %(group_key)s, %(address)s, %(address_name)s, %(kind)s, %(content)s, %(now)s, %(now)s,
    %(parked_at)s, %(error)s
)
"""
TAKE_MESSAGE = """
SELECT message_id, notice_no, receiver, group_key, address, kind, content, attempts
FROM notice_message
WHERE sent_at IS NULL AND parked_at IS NULL AND next_try_at <= %(now)s
ORDER BY next_try_at, notice_no
LIMIT 1
FOR UPDATE SKIP LOCKED
"""
MARK_SENT = """
UPDATE notice_message SET sent_at = %(now)s, attempts = %(attempts)s, last_error = NULL
WHERE message_id = %(message_id)s
"""
MARK_FAILED = """
UPDATE notice_message
SET attempts = %(attempts)s, next_try_at = %(next_try_at)s, parked_at = %(parked_at)s, last_error = %(error)s
WHERE message_id = %(message_id)s
"""
REMOVE = "DELETE FROM notice_message WHERE message_id = %(message_id)s"

RETRY = """
WITH again AS (
    UPDATE notice_message SET parked_at = NULL, attempts = 0, next_try_at = %(now)s
    WHERE parked_at IS NOT NULL AND (%(numbers)s::bigint[] IS NULL OR notice_no = ANY(%(numbers)s))
        AND (%(receiver)s::text IS NULL OR receiver = %(receiver)s)
    RETURNING notice_no
),
audited AS (
    INSERT INTO audit (at, actor, action, subject, detail)
    SELECT %(now)s, %(actor)s, 'notice.retry', 'notice ' || notice_no, jsonb_build_object('reason', %(reason)s::text)
    FROM again
)
SELECT notice_no, pg_notify('citygrid_outbox', 'retry') FROM again ORDER BY notice_no
"""
