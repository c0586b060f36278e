"""`citygrid rules explain`: why an incident came about, in words."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from alerts import explanation
from cli import rule_books
from runtime import settings

SHOWN_READINGS = 12


def explain(
    incident: Annotated[str, typer.Argument(help="Its id, or its case number.")],
    as_json: rule_books.AsJson = False,
) -> None:
    """Say why an incident came about: readings, comparisons, times, rule version, members, mutes, deadline.

    Example: citygrid rules explain 17

    Example: citygrid rules explain 130200-20261122-000017 --json
    """
    found = asyncio.run(rule_books.reading(lambda conn: explanation.explanation(conn, incident)))
    if as_json:
        rule_books.show(found)
        return
    for line in lines(found, ZoneInfo(settings.load().timezone)):
        print(line)


def lines(found: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    """Give an explanation as people read it, times in the city's zone."""
    yield f"{found['case_no']} (incident {found['incident_id']}): {found['title_zh']} / {found['title_en']}"
    yield f"cause {found['cause']}, {found['severity']}, {found['stage']}" + (
        f", outcome {found['outcome']}" if found["outcome"] else ""
    )
    yield from _rule(found, zone)
    yield from _times(found["times"], zone)
    yield from _readings(found["readings"], zone)
    for member in found["members"] if len(found["members"]) > 1 else ():
        left = f", left {_at(member['left_ts'], zone)}" if member["left_ts"] else ""
        yield f"member {member['device']}: {member['comparison']}, joined {_at(member['joined_ts'], zone)}{left}"
    for mute in found["mutes"]:
        began = _at(mute["muted_at"], zone)
        yield f"held back by {mute['muted_by']} ({mute['reason']}) from {began}: {mute['outcome']}"
    yield from _deadline(found["deadline"], zone)


def _rule(found: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    version, condition = found["rules"], found["condition"]
    if version is None:
        yield f"rule {found['rule']}: decided by rules that were not published"
    else:
        published = _at(version["published_at"], zone)
        yield f"rule {found['rule']} of version {version['version']}, published {published} by {version['actor']}:"
        yield f"  why: {version['reason']}"
        yield f"  {condition['file']}:{condition['line']}"
    yield f"  expr: {condition['expr']}"
    if condition["clear"]:
        yield f"  clear: {condition['clear']}"
    for part in found["comparisons"]:
        mark = "  <- decided" if part["decided"] else ""
        yield f"    {part['comparison']}: value {_number(part['value'])}{mark}"


def _times(times: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    yield f"pending since {_at(times['pending_since'], zone)}, had to last {_number(times['had_to_last_s'])} s"
    yield f"fired {_at(times['fired'], zone)}, opened {_at(times['opened'], zone)}"
    for word in ("recovered", "closed"):
        if times[word]:
            yield f"{word} {_at(times[word], zone)}"


def _readings(readings: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    values = readings["values"][-SHOWN_READINGS:]
    if values:
        yield f"readings of {readings['channel'] or 'the first channel'} in {readings['unit']} (* = while it held):"
    for it in values:
        yield f"  {'*' if it['counts'] else ' '} {_at(it['at'], zone)}  {_number(it['value'])}"


def _deadline(deadline: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    due = _at(deadline["due"], zone) if deadline["due"] else "no clock runs"
    yield f"due: {due}; class {deadline['class_code'] or '-'}, condition {deadline['filing_condition'] or '-'}"
    for number, stage in enumerate(deadline["stages"]):
        here = "  <- runs" if number == deadline["running_stage"] else ""
        yield f"  stage {' '.join(str(value) for value in stage.values()) if isinstance(stage, dict) else stage}{here}"
    if deadline["extended_s"]:
        yield f"  extended by {deadline['extended_s']:g} s"


def _at(at: datetime | None, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if at else "unknown"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"
