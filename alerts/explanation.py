"""Why an incident came about: readings, comparisons, times, the rule as it was then, members, mutes, the deadline.

Everything is read back from what was written when it was decided; nothing is decided anew. Takes a connection.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts import versions
from alerts.rule import Rule
from core.errors import InvalidInput, NotFound

INCIDENT = """
SELECT i.incident_id, i.case_no, i.cause, i.rule, i.severity, i.title_zh, i.title_en, i.stage, i.outcome, i.fired_ts,
       i.opened_at, i.recovered_at, i.closed_at, i.deadline, i.filed_at, i.class_code, i.filing_condition,
       i.limit_stages, i.limit_at, i.clock_since, i.paused_at, i.used_s, i.extended_s, i.evidence,
       d.label AS device, d.profile, c.code AS component
FROM incident i LEFT JOIN device d USING (device_id) LEFT JOIN component c ON c.component_id = i.component_id
WHERE i.incident_id = %(incident_id)s OR i.case_no = %(case_no)s
"""
MEMBERS = """
SELECT d.label AS device, m.joined_ts, m.left_ts, m.evidence
FROM incident_member m JOIN device d USING (device_id)
WHERE m.incident_id = %(incident_id)s ORDER BY m.joined_ts, d.label
"""
EVENTS = """
SELECT at, kind, actor, reason, detail FROM incident_event
WHERE incident_id = %(incident_id)s AND role = 'system' ORDER BY event_id
"""
MUTES = """
SELECT muted_by, reason, fired_ts, muted_at, ended_at, outcome FROM muted_case
WHERE cause = %(cause)s AND muted_at <= coalesce(%(closed_at)s::timestamptz, 'infinity')
    AND fired_ts >= %(since)s::timestamptz
ORDER BY muted_id
"""


async def explanation(conn: AsyncConnection, key: str) -> dict[str, Any]:
    """Give why an incident (by its id or case number) came about; raises `NotFound`."""
    number = int(key) if key.isdecimal() and len(key) <= 18 else None
    rows = await _rows(conn, INCIDENT, {"incident_id": number, "case_no": key})
    if not rows:
        raise NotFound(f"no incident {key}: name its id or its case number")
    row = rows[0]
    evidence: Mapping[str, Any] = row["evidence"]
    since = _instant(evidence.get("since_ms"))
    version, rule = await _decided_by(conn, row)
    members = await _rows(conn, MEMBERS, row)
    mutes = await _rows(conn, MUTES, {**row, "since": (since or row["fired_ts"]) - timedelta(days=1)})
    return {
        **{key: row[key] for key in (
            "incident_id", "case_no", "cause", "rule", "severity", "title_zh", "title_en", "stage", "outcome", "device",
            "profile", "component",
        )},
        "rules": _version(version),
        "condition": _condition(rule, evidence),
        "comparisons": _comparisons(evidence),
        "times": {
            "pending_since": since,
            "had_to_last_s": evidence.get("for_s"),
            "fired": row["fired_ts"],
            "opened": row["opened_at"],
            "recovered": row["recovered_at"],
            "closed": row["closed_at"],
        },
        "readings": {
            "channel": evidence.get("channel"),
            "unit": evidence.get("unit"),
            "values": [
                {"at": _instant(at_ms), "value": value, "counts": since is not None and at_ms >= evidence["since_ms"]}
                for at_ms, value in evidence.get("readings", [])
            ],
        },
        "members": [
            {key: member[key] for key in ("device", "joined_ts", "left_ts")}
            | {"comparison": member["evidence"].get("comparison"), "value": member["evidence"].get("value")}
            for member in members
        ],
        "mutes": mutes,
        "deadline": _deadline(row),
        "events": await _rows(conn, EVENTS, row),
    }  # fmt: skip


async def _decided_by(conn: AsyncConnection, row: Mapping[str, Any]) -> tuple[versions.Version | None, Rule | None]:
    """Give the version that decided, and its rule; None where it was not published, or cannot be read any more."""
    number = row["evidence"].get("rules_version")
    if number is None:
        return None, None
    version = await versions.numbered(conn, number)
    try:
        return version, version.book().named(row["rule"])
    except InvalidInput:
        return version, None


def _version(version: versions.Version | None) -> dict[str, Any] | None:
    if version is None:
        return None
    return {key: getattr(version, key) for key in ("version", "digest", "state", "published_at", "actor", "reason")}


def _condition(rule: Rule | None, evidence: Mapping[str, Any]) -> dict[str, Any]:
    if rule is None:
        return {"expr": evidence.get("comparison"), "clear": None, "file": None, "line": None, "source": None}
    watched = rule.fires or rule.absence or rule.sighting
    return {
        "expr": watched.text if watched else None,
        "clear": rule.clears.text if rule.clears else None,
        "file": rule.file,
        "line": rule.line,
        "source": rule.source,
    }


def _comparisons(evidence: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give each comparison with the value that stood against it; the one that decided comes first."""
    decided = {key: evidence.get(key) for key in ("comparison", "threshold", "value")} | {"decided": True}
    others = [
        {"comparison": text, "threshold": threshold, "value": value, "decided": False}
        for text, threshold, value in evidence.get("parts") or []
        if text != evidence.get("comparison")
    ]
    return [decided, *others]


def _deadline(row: Mapping[str, Any]) -> dict[str, Any]:
    stages = row["limit_stages"] or []
    return {
        "due": row["deadline"],
        "class_code": row["class_code"],
        "filing_condition": row["filing_condition"],
        "stages": stages,
        "running_stage": row["limit_at"] if stages else None,
        "counts_since": row["clock_since"],
        "paused_at": row["paused_at"],
        "used_s": row["used_s"],
        "extended_s": row["extended_s"],
    }


def _instant(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)


async def _rows(conn: AsyncConnection, query: LiteralString, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()
