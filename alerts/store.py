"""Step 7 of the journey: changes of cases to incidents, their history and notices.

Everything is written on the caller's connection, inside the transaction that also stores the readings. Takes a
connection, never commits. Next: the caller commits, then `alerts.engine.commit`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import due, filing, incident_sql, labels, member_store, move_store, mute_store, recovery, sightings
from alerts.case import Change, Decided, Joining, Leaving, Merging, Opening, Recovery
from alerts.due import Limit
from alerts.filing import Says
from alerts.limits import CityTime
from alerts.rule import Rule
from alerts.template import rendered
from core.fleet import Fleet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVIDENCE_INTERVALS = 50
_EVIDENCE_AT_LEAST_S = 600.0
"""How far back readings are shown as proof (our choice): 50 reports, and ten minutes at least."""


async def record(conn: AsyncConnection, decided: Decided, fleet: Fleet, now: datetime, city: CityTime) -> int:
    """Write down what became of cases and give the number of incident events it made.

    A cause that already has an open incident opens no second one; a recovery without an open incident (a person closed
    it) makes no event.
    """
    events = 0
    if decided.changes:
        await conn.execute(incident_sql.LOCK_HISTORY)
        by = await move_store.clocks(conn, city)
        for together in _rounds(decided.changes):
            opened = [change for change in together if isinstance(change, Opening)]
            recovered = [change for change in together if isinstance(change, Recovery)]
            if recovered:
                await member_store.recovering(conn, recovered, fleet)
                events += await recovery.recovered(conn, recovered, now, by)
            if opened:
                events += await recovery.relapsed(conn, opened, now, by)
                fresh = await _open(conn, opened, fleet, now, city)
                await member_store.opened(conn, opened, fleet)
                events += len(fresh) + (await filing.begin(conn, fresh, now, by) if fresh else 0)
            events += await member_store.take(conn, together, fleet, now)
        await mute_store.record(conn, decided.changes, fleet, now)
    return events


def _rounds(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Give the changes in sets in which each cause has one kind of change: it opens, is joined and recovers in turn."""
    rounds: list[list[Change]] = []
    last: dict[str, tuple[int, type[Change]]] = {}
    for change in changes:
        causes = (change.cause, change.into) if isinstance(change, Merging) else (change.cause,)
        number = max(_after(last.get(cause), change) for cause in causes)
        for cause in causes:
            last[cause] = number, type(change)
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(change)
    yield from rounds


def _after(last: tuple[int, type[Change]] | None, change: Change) -> int:
    """Give the first round a cause is free in; several devices may join, or leave, in one."""
    if last is None:
        return 0
    number, kind = last
    return number if kind is type(change) and isinstance(change, Joining | Leaving) else number + 1


async def _open(
    conn: AsyncConnection, opened: Sequence[Opening], fleet: Fleet, now: datetime, city: CityTime
) -> dict[int, Says]:
    """Open an incident for each cause that has none, and give what their rules say of them, by key."""
    departments = {opening.rule.raises.department for opening in opened} - {None}
    for department in departments:
        assert department is not None
        await conn.execute(
            incident_sql.ENSURE_DEPARTMENT, {"name_zh": department.name_zh, "name_en": department.name_en}
        )
    rows = [_opening(opening, fleet, now, city) for opening in opened]
    bounds = {"earliest": min(row["shown_from"] for row in rows), "latest": max(row["fired_ts"] for row in rows)}
    cursor = await conn.execute(incident_sql.OPEN, {"now": now, **bounds, **_columns(rows)})
    rules = {opening.cause: opening.rule for opening in opened}
    return {incident_id: _says(rules[cause]) for _, incident_id, cause, *_ in await cursor.fetchall()}


def _says(rule: Rule) -> Says:
    raises = rule.raises
    return Says(
        class_code=raises.class_code,
        condition=raises.condition,
        otherwise=raises.deadline,
        department_zh=raises.department.name_zh if raises.department else None,
        by_itself=raises.files == "by_itself",
    )


def _opening(opening: Opening, fleet: Fleet, now: datetime, city: CityTime) -> dict[str, Any]:
    transition = opening.transition
    rule, proof = opening.rule, transition.proof
    value = _number(proof.value)
    borne = {**labels.of_case(rule, transition.slot, fleet), **sightings.labels(proof)}
    shown_s = max(_EVIDENCE_AT_LEAST_S, _EVIDENCE_INTERVALS * float(fleet.interval_s[transition.slot]))
    return {
        "cause": opening.cause,
        "rule": rule.name,
        "severity": rule.severity.value,
        "title_zh": rendered(rule.annotations["summary_zh"], borne, proof.value),
        "title_en": rendered(rule.annotations["summary"], borne, proof.value),
        "device_id": int(fleet.device_id[transition.slot]),
        "unit_grid_id": transition.unit_grid_id,
        "department_zh": rule.raises.department.name_zh if rule.raises.department else None,
        "origin": transition.origin,
        "fired_ts": _instant(transition.ts_us),
        "deadline": due.due(now, _limit(rule, fleet.class_code[transition.slot], city), city.calendar),
        "lon_deg": _number(transition.lon_deg),
        "lat_deg": _number(transition.lat_deg),
        "channel": proof.channel,
        "shown_from": _instant(transition.since_us) - timedelta(seconds=shown_s),
        "evidence": Jsonb(
            {
                "channel": proof.channel,
                "comparison": proof.comparison,
                "threshold": proof.threshold,
                "value": value,
                "unit": "s" if proof.channel is None and proof.seen is None else None,
                "for_s": rule.for_us / 1e6,
                "since_ms": transition.since_us // 1000,
                "rules_version": rule.version or None,
                "parts": [list(part) for part in proof.parts],
                "labels": dict(rule.labels),
                **sightings.evidence(proof),
            }
        ),
    }


def _limit(rule: Rule, class_code: str, city: CityTime) -> Limit:
    """Give the limit the opening's notice speaks of: the first stage's."""
    raises = rule.raises
    return city.limits.stages(raises.class_code or class_code, raises.condition, raises.deadline)[0].limit


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _instant(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
