"""The statements by which incidents move: each changes the incident and appends history, audit and notice at once.

Run under `incident_sql.LOCK_HISTORY`.
"""

from typing import LiteralString

COLUMNS: tuple[LiteralString, ...] = (
    "stage", "outcome", "closed_at", "deadline", "amber_at", "limit_stages", "limit_at", "clock_since", "paused_at",
    "used_s", "extended_s", "request", "request_kind", "filed_at", "dispatched_at", "accepted_at", "handled_at",
    "checked_at", "recovered_at", "reworks", "returns", "extensions", "false_alarm", "department_id", "assignee",
    "department_reason", "class_code", "filing_condition", "level", "holder_code", "level_reason", "severity",
)  # fmt: skip
"""What a move may change."""

STANDING = """
SELECT i.incident_id, i.stage, i.request_kind, i.request, i.level, i.parent_id, i.limit_stages, i.limit_at,
       i.clock_since, i.used_s, i.extended_s, i.paused_at, i.deadline, parent.deadline AS parent_deadline, i.filed_at,
       i.dispatched_at, i.handled_at, i.recovered_at, i.reworks, i.returns, i.extensions, i.district_code,
       coalesce(i.class_code, c.class_code) AS class_code, i.filing_condition AS condition,
       i.department_id, left(u.code, 9) AS street_code,
       children.open AS open_children, children.all_of_them > 0 AS has_children
FROM incident AS i
LEFT JOIN incident AS parent ON parent.incident_id = i.parent_id
LEFT JOIN component AS c ON c.component_id = i.component_id
LEFT JOIN unit_grid AS u ON u.unit_grid_id = i.unit_grid_id
CROSS JOIN LATERAL (
    SELECT count(*) AS all_of_them, count(*) FILTER (WHERE child.is_open) AS open
    FROM incident AS child WHERE child.parent_id = i.incident_id
) AS children
WHERE i.incident_id = ANY(%(incident_ids)s)
ORDER BY i.incident_id
"""
STANDING_LOCKED: LiteralString = STANDING + "FOR UPDATE OF i"

_ALL: LiteralString = ", ".join(COLUMNS)
_NEW: LiteralString = ", ".join(f"r.{column}" for column in COLUMNS)

MOVE: LiteralString = f"""
WITH given AS (
    SELECT *
    FROM unnest(
        %(incident_id)s::bigint[], %(changes)s::jsonb[], %(actor)s::text[], %(role)s::text[], %(kind)s::text[],
        %(from_stage)s::text[], %(to_stage)s::text[], %(reason)s::text[], %(detail)s::jsonb[], %(tell)s::boolean[]
    ) WITH ORDINALITY AS g (
        incident_id, changes, actor, role, kind, from_stage, to_stage, reason, detail, tell, number
    )
),
moved AS (
    UPDATE incident AS i
    SET ({_ALL}) = (SELECT {_NEW} FROM jsonb_populate_record(i, g.changes) AS r)
    FROM given AS g
    WHERE i.incident_id = g.incident_id
    RETURNING i.incident_id, i.rule, i.severity, i.title_zh, i.title_en, i.origin, i.deadline, i.geom
),
audited AS (
    INSERT INTO audit (at, actor, action, subject, detail)
    SELECT %(now)s, actor, 'incident.' || kind, 'incident ' || incident_id,
           detail || jsonb_build_object('role', role, 'reason', reason)
    FROM given WHERE role <> 'system' ORDER BY number
),
events AS (
    INSERT INTO incident_event (incident_id, at, actor, role, kind, from_stage, to_stage, reason, detail)
    SELECT incident_id, %(now)s, actor, role, kind, from_stage, to_stage, reason, detail FROM given ORDER BY number
    RETURNING event_id, incident_id, kind
),
notices AS (
    INSERT INTO outbox (event_id, created_at)
    SELECT e.event_id, %(now)s
    FROM events AS e
    JOIN moved AS m USING (incident_id)
    JOIN given AS g USING (incident_id)
    WHERE m.origin = 0 AND g.tell
    RETURNING notice_id
)
SELECT
    event_id,
    pg_notify('citygrid_incident', event_id::text),
    (SELECT pg_notify('citygrid_outbox', max(notice_id)::text) FROM notices HAVING count(*) > 0)
FROM events ORDER BY event_id
"""  # noqa: S608  # our own column names

SET_UP: LiteralString = f"""
UPDATE incident AS i
SET ({_ALL}) = (SELECT {_NEW} FROM jsonb_populate_record(i, g.changes) AS r)
FROM unnest(%(incident_id)s::bigint[], %(changes)s::jsonb[]) AS g (incident_id, changes)
WHERE i.incident_id = g.incident_id
"""  # noqa: S608  # our own column names
"""What is known of an incident the moment after it was opened, in the same transaction: no step, no history."""

PROCESS_LIMITS = 'SELECT stage, "limit" FROM process_limit'
