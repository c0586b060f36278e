"""Step 7 of the journey: transitions to incidents, their history and notices; and the rules' memory, kept and loaded.

Everything is written on the caller's connection, inside the transaction that also stores the readings. Takes a
connection, never commits. Next: the caller commits, then `alerts.engine.commit`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import deadline, engine, incident_sql, memory, phase
from alerts.engine import Kind, Step, Transition
from alerts.memory import Changes, Outage, RuleState
from alerts.rule import Rulebook
from alerts.rulebook import rendered
from core.fleet import Fleet
from storage.arrays import int_array

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WATCH = "@watch:"
"""Before a shard's name: the row of `rule_state` that says when somebody was listening; no rule can bear this name."""
CITY = "city"
"""The shard of a city that is not divided."""
_EVIDENCE_INTERVALS = 50
_EVIDENCE_AT_LEAST_S = 600.0
"""How far back readings are shown as proof (our choice): 50 reports, and ten minutes at least."""

SELECT_PHASES = """
SELECT rule, device_id, state FROM rule_state
WHERE device_id = 0 OR device_id = ANY(%(devices)s::int[])
"""
SELECT_NEWEST = """
SELECT
    device_id, (extract(epoch FROM ts) * 1000000)::bigint, (extract(epoch FROM received_at) * 1000000)::bigint, origin
FROM device_state JOIN unnest(%(devices)s::int[]) AS wanted (device_id) USING (device_id)
"""
SELECT_PREVIOUS = """
SELECT s.device_id, s."values"[p.position]
FROM device_state s
JOIN device d USING (device_id)
JOIN profile_channel p ON p.profile = d.profile AND p.channel = %(channel)s
JOIN unnest(%(devices)s::int[]) AS wanted (device_id) USING (device_id)
WHERE d.profile = %(profile)s AND s."values"[p.position] IS NOT NULL
"""
UPSERT_PHASES = """
INSERT INTO rule_state (rule, device_id, state)
SELECT * FROM unnest(%(rule)s::text[], %(device_id)s::int[], %(state)s::jsonb[])
ON CONFLICT (rule, device_id) DO UPDATE SET state = EXCLUDED.state
"""
DELETE_PHASES = """
DELETE FROM rule_state s
USING unnest(%(rule)s::text[], %(device_id)s::int[]) AS gone (rule, device_id)
WHERE s.rule = gone.rule AND s.device_id = gone.device_id
"""
FORGET_WATCH = "DELETE FROM rule_state WHERE device_id = 0 AND rule = ANY(%(rules)s)"


async def load_state(conn: AsyncConnection, rulebook: Rulebook, fleet: Fleet, shard: str = CITY) -> RuleState:
    """Give the memory as the last committed transaction left it; its cost grows with the fleet, not with history."""
    state = engine.initial(rulebook, fleet)
    devices = {"devices": int_array(fleet.device_id)}
    cursor = await conn.execute(SELECT_NEWEST, devices)
    newest = np.array(await cursor.fetchall(), dtype=np.int64).reshape(-1, 4)
    slots, known = _slots(newest[:, 0], fleet)
    state.ts_us[slots] = newest[known, 1]
    state.heard_us[slots] = newest[known, 2]
    state.origin[slots] = newest[known, 3]
    for profile, previous in state.previous.items():
        for position, channel in enumerate(previous.channels):
            cursor = await conn.execute(SELECT_PREVIOUS, {"profile": profile, "channel": channel, **devices})
            values = np.array(await cursor.fetchall(), dtype=np.float64).reshape(-1, 2)
            slots, known = _slots(values[:, 0].astype(np.int64), fleet)
            previous.values[slots, position] = values[known, 1]
    await _load_phases(conn, state, fleet, shard)
    state.heard_us = memory.heard_after(state.heard_us, state.outages)
    if len(newest):
        state.watched_until_us = max(int(newest[:, 2].max()), state.watched_until_us or 0)
    return state


async def _load_phases(conn: AsyncConnection, state: RuleState, fleet: Fleet, shard: str) -> None:
    cursor = await conn.execute(SELECT_PHASES, {"devices": int_array(fleet.device_id)})
    slot_of = {int(device_id): slot for slot, device_id in enumerate(fleet.device_id)}
    loaded: dict[str, list[tuple[int, int, int]]] = {}
    watches: dict[str, Mapping[str, Any]] = {}
    for rule, device_id, held in await cursor.fetchall():
        if rule.startswith(_WATCH):
            watches[rule.removeprefix(_WATCH)] = held
        elif rule in state.standings and device_id in slot_of:
            loaded.setdefault(rule, []).append((slot_of[device_id], phase.NAMES.index(held["phase"]), held["since_us"]))
    for rule, rows in loaded.items():
        slots, phases, since_us = np.array(rows, dtype=np.int64).T
        state.standings[rule].put(slots.astype(np.intp), phases.astype(np.int8), since_us)
    state.outages, state.watched_until_us = _watched(watches, shard)


def _watched(watches: Mapping[str, Mapping[str, Any]], shard: str) -> tuple[tuple[Outage, ...], int | None]:
    """Give the shard's outages and when it last listened; a shard that is new takes the outages of all before it."""
    own = watches.get(shard)
    heirs = [own] if own is not None else list(watches.values())
    outages = {(start, end) for watch in heirs for start, end in watch["outages"]}
    return tuple(Outage(start, end) for start, end in sorted(outages)), own["watched_until_us"] if own else None


async def forget_watch(conn: AsyncConnection, shards: Sequence[str]) -> None:
    """Forget when shards listened whose devices others carried since: they begin with what those remember."""
    await conn.execute(FORGET_WATCH, {"rules": [f"{_WATCH}{shard}" for shard in shards]})


def _slots(device_ids: memory.Times, fleet: Fleet) -> tuple[memory.Slots, memory.Slots]:
    """Give the slots of the devices that are in the fleet, and which of `device_ids` those are."""
    if not len(fleet):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    found = np.minimum(np.searchsorted(fleet.device_id, device_ids), len(fleet) - 1)
    known = np.flatnonzero(fleet.device_id[found] == device_ids)
    return found[known], known


async def record(conn: AsyncConnection, step: Step, fleet: Fleet, now: datetime, shard: str = CITY) -> int:
    """Write down what a step decided and give the number of incident events it made.

    A cause that already has an open incident opens no second one; a recovery without an open incident (a person closed
    it) makes no event.
    """
    events = 0
    if step.transitions:
        await conn.execute(incident_sql.LOCK_HISTORY)
        for together in _rounds(step.transitions, fleet):
            fired = [t for t in together if t.kind is Kind.FIRED]
            recovered = [t for t in together if t.kind is Kind.RECOVERED]
            events += await _resolve(conn, recovered, fleet, now) if recovered else 0
            events += await _open(conn, fired, step, fleet, now) if fired else 0
    await _keep(conn, step.changes, fleet, shard)
    return events


def cause(transition: Transition, fleet: Fleet) -> str:
    """Give the stable key of what is wrong: one open incident each."""
    return f"{transition.rule.name}/device:{fleet.device_id[transition.slot]}"


def _rounds(transitions: Sequence[Transition], fleet: Fleet) -> Iterator[list[Transition]]:
    """Give the transitions in sets that hold each cause once: a cause that fires and recovers does so in turn."""
    rounds: list[list[Transition]] = []
    seen: dict[str, int] = {}
    for transition in transitions:
        key = cause(transition, fleet)
        number = seen.get(key, 0)
        seen[key] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(transition)
    yield from rounds


async def _open(conn: AsyncConnection, fired: Sequence[Transition], step: Step, fleet: Fleet, now: datetime) -> int:
    departments = {t.rule.raises.department for t in fired} - {None}
    for department in departments:
        assert department is not None
        await conn.execute(
            incident_sql.ENSURE_DEPARTMENT, {"name_zh": department.name_zh, "name_en": department.name_en}
        )
    rows = [_opening(transition, step, fleet, now) for transition in fired]
    bounds = {"earliest": min(row["shown_from"] for row in rows), "latest": max(row["fired_ts"] for row in rows)}
    cursor = await conn.execute(incident_sql.OPEN, {"now": now, **bounds, **_columns(rows)})
    return len(await cursor.fetchall())


def _opening(transition: Transition, step: Step, fleet: Fleet, now: datetime) -> dict[str, Any]:
    rule, proof = transition.rule, transition.proof
    value = _number(proof.value)
    labels = {**rule.labels, "alertname": rule.name, "device": fleet.label[transition.slot]}
    shown_s = max(_EVIDENCE_AT_LEAST_S, _EVIDENCE_INTERVALS * float(fleet.interval_s[transition.slot]))
    return {
        "cause": cause(transition, fleet),
        "rule": rule.name,
        "severity": rule.severity.value,
        "title_zh": rendered(rule.annotations["summary_zh"], labels, proof.value),
        "title_en": rendered(rule.annotations["summary"], labels, proof.value),
        "device_id": int(fleet.device_id[transition.slot]),
        "unit_grid_id": transition.unit_grid_id,
        "department_zh": rule.raises.department.name_zh if rule.raises.department else None,
        "origin": transition.origin,
        "fired_ts": _instant(transition.ts_us),
        "deadline": deadline.due(now, rule.raises.deadline, step.calendar),
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
                "unit": "s" if proof.channel is None else None,
                "for_s": rule.for_us / 1e6,
                "since_ms": transition.since_us // 1000,
            }
        ),
    }


async def _resolve(conn: AsyncConnection, recovered: Sequence[Transition], fleet: Fleet, now: datetime) -> int:
    rows = [
        {
            "cause": cause(transition, fleet),
            "ts": _instant(transition.ts_us),
            "reason": transition.proof.comparison if transition.proof.channel else "reports again",
            "detail": Jsonb(
                {
                    "ts_ms": transition.ts_us // 1000,
                    "channel": transition.proof.channel,
                    "comparison": transition.proof.comparison,
                    "value": _number(transition.proof.value),
                }
            ),
        }
        for transition in recovered
    ]
    cursor = await conn.execute(incident_sql.RESOLVE, {"now": now, **_columns(rows)})
    return len(await cursor.fetchall())


async def _keep(conn: AsyncConnection, changes: Changes, fleet: Fleet, shard: str) -> None:
    """Write the phases that changed; and that somebody listened, where no stored reading says so."""
    held: dict[tuple[str, int], tuple[int, int]] = {}
    for rule, pieces in changes.stood.items():
        for piece in pieces:
            devices = fleet.device_id[piece.slots].tolist()
            for device_id, *standing in zip(devices, piece.phase.tolist(), piece.since_us.tolist(), strict=True):
                held[rule, device_id] = (standing[0], standing[1])
    kept = [
        {"rule": rule, "device_id": device_id, "state": Jsonb({"phase": phase.NAMES[now], "since_us": since_us})}
        for (rule, device_id), (now, since_us) in held.items()
        if now != phase.REST
    ]
    if changes.outage is not None or (changes.scanned and not changes.heard):
        outages = [[outage.start_us, outage.end_us] for outage in changes.outages]
        watch = Jsonb({"outages": outages, "watched_until_us": changes.now_us})
        kept.append({"rule": f"{_WATCH}{shard}", "device_id": 0, "state": watch})
    gone = [{"rule": rule, "device_id": device} for (rule, device), (now, _) in held.items() if now == phase.REST]
    if kept:
        await conn.execute(UPSERT_PHASES, _columns(kept))
    if gone:
        await conn.execute(DELETE_PHASES, _columns(gone))


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _instant(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
