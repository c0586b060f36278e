"""What the rules remember, kept in the transaction that changes it, and loaded when a shard is taken.

Takes a connection, never commits. Phases are in `rule_state`; times and values of the newest readings in
`device_state`; what a stream holds back and looks back on is read again by `alerts.recall`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import engine, fit, memory, phase, recall
from alerts.memory import Changes, Outage, RuleState, Stream, Table, Withdrawn
from alerts.rule import Rulebook
from core.fleet import Fleet
from storage import binary_fetch
from storage.arrays import int_array

_WATCH = "@watch:"
"""Before a shard's name: the row of `rule_state` that says when somebody was listening; no rule can bear this name."""
CITY = "city"
"""The shard of a city that is not divided."""

SELECT_PHASES = """
SELECT rule, device_id, state ->> 'phase', (state ->> 'since_us')::bigint FROM rule_state
WHERE device_id = ANY(%(devices)s::int[])
"""
SELECT_WATCHES = "SELECT rule, state FROM rule_state WHERE device_id = 0"
SELECT_POSITIONS = "SELECT channel, position FROM profile_channel WHERE profile = %(profile)s"
SELECT_NEWEST = """
SELECT s.device_id, s.ts, s.received_at, s.origin{values}
FROM device_state s JOIN device d USING (device_id)
WHERE d.profile = %(profile)s
"""
VALUE = """, coalesce(s."values"[{position}], 'NaN')"""
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
FORGET_RULES = "DELETE FROM rule_state WHERE rule = ANY(%(rules)s) AND device_id = ANY(%(devices)s::int[])"
FORGET_SHADOWS = """
DELETE FROM rule_state WHERE device_id = 0 AND rule ~ '~[0-9]+$'
AND NOT split_part(rule, '~', -1)::int = ANY(%(kept)s)
"""


async def load_state(conn: AsyncConnection, rulebook: Rulebook, fleet: Fleet, shard: str = CITY) -> RuleState:
    """Give the memory as the last committed transaction left it; its cost grows with the fleet, not with history."""
    state = engine.initial(rulebook, fleet)
    devices = {"devices": int_array(fleet.device_id)}
    await _load_watch(conn, state, shard)
    for table in state.tables():
        received_us = await _load_newest(conn, table, fleet)
        state.watched_until_us = max(received_us, state.watched_until_us or 0) or None
    for stream in state.streams.values():
        if stream.offset_us:
            _by_event_time(stream, state.watched_until_us or 0)
        await recall.fill(conn, stream, fleet)
        outages = [outage.earlier(stream.offset_us) for outage in state.outages]
        for table in stream.tables.values():
            table.heard_us = memory.heard_after(table.heard_us, outages)
    await _load_phases(conn, state, fleet, devices)
    return state


async def _load_newest(conn: AsyncConnection, table: Table, fleet: Fleet) -> int:
    """Take each device's newest reading, and give when the last of them was received; 0 = there is none."""
    cursor = await conn.execute(SELECT_POSITIONS, {"profile": table.profile})
    positions: dict[str, int] = dict(await cursor.fetchall())
    channels = [channel for channel in table.channels if channel in positions]
    query = SELECT_NEWEST.format(values="".join(VALUE.format(position=positions[channel]) for channel in channels))
    kinds = {"device_id": "int4", "ts": "timestamptz", "received_at": "timestamptz", "origin": "int2"}
    values = {f"value_{channel}": "float8" for channel in channels}
    newest = await binary_fetch.fetch(conn, query, {"profile": table.profile}, kinds | values)
    slots, known = _slots(newest["device_id"].astype(np.int64), fleet)
    places = np.searchsorted(table.slots, slots)
    table.ts_us[places] = newest["ts"][known]
    table.heard_us[places] = newest["received_at"][known]
    table.origin[places] = newest["origin"][known]
    for channel in channels:
        table.values[places, table.channels.index(channel)] = newest[f"value_{channel}"][known]
    return int(newest["received_at"][known].max(initial=0))


def _by_event_time(stream: Stream, watched_until_us: int) -> None:
    """Let a stream that waits go on where it stood; new rules begin with what comes now."""
    stream.released_us = stream.released_us or watched_until_us
    for table in stream.tables.values():
        known = table.ts_us != 0
        table.heard_us[known] = table.ts_us[known]


async def _load_phases(conn: AsyncConnection, state: RuleState, fleet: Fleet, devices: Mapping[str, Any]) -> None:
    """Put every rule where it stood. Other rules' phases are theirs; what a rule looks at no more is withdrawn."""
    cursor = await conn.execute(SELECT_PHASES, devices)
    loaded: dict[str, list[tuple[int, int, int]]] = {}
    for rule, device_id, name, since_us in await cursor.fetchall():
        loaded.setdefault(rule, []).append((device_id, phase.NAMES.index(name), since_us))
    for name, rows in loaded.items():
        if (rule := state.rulebook.named(name)) is None:
            continue
        columns = np.array(rows, dtype=np.int64)
        slots, known = _slots(columns[:, 0], fleet)
        order = np.argsort(slots)
        phases, since_us = columns[known, 1].astype(np.int8)[order], columns[known, 2][order]
        slots = slots[order]
        stays = np.zeros(len(slots), np.bool_)
        for table in state.tables():
            if (column := table.column_of(name)) is not None:
                taken = fit.taken_in(table, column, slots, phases)
                table.put(column, np.searchsorted(table.slots, slots[taken]), phases[taken], since_us[taken])
                stays |= taken
        if not stays.all():
            gone = Withdrawn(rule=rule, slots=slots[~stays], phase=phases[~stays], since_us=since_us[~stays])
            state.withdrawn = (*state.withdrawn, gone)


async def _load_watch(conn: AsyncConnection, state: RuleState, shard: str) -> None:
    """Take the shard's outages and when it last listened; a new shard takes the outages of all before it."""
    cursor = await conn.execute(SELECT_WATCHES)
    watches: dict[str, Mapping[str, Any]] = {
        rule.removeprefix(_WATCH): held for rule, held in await cursor.fetchall() if rule.startswith(_WATCH)
    }
    own = watches.get(shard)
    heirs = [own] if own is not None else list(watches.values())
    outages = {(start, end) for watch in heirs for start, end in watch["outages"]}
    state.outages = tuple(Outage(start, end) for start, end in sorted(outages))
    state.watched_until_us = own["watched_until_us"] if own else None
    for offset_us, stream in state.streams.items():
        released = [watch.get("released_us", {}).get(str(offset_us), 0) for watch in heirs]
        stream.released_us = max(released, default=0)


async def forget_watch(conn: AsyncConnection, shards: Sequence[str]) -> None:
    """Forget when shards listened whose devices others carried since: they begin with what those remember."""
    await conn.execute(FORGET_WATCH, {"rules": [f"{_WATCH}{shard}" for shard in shards]})


async def forget_rules(conn: AsyncConnection, rules: Sequence[str], fleet: Fleet) -> None:
    """Forget the phases of rules that are no more, of the fleet's devices."""
    await conn.execute(FORGET_RULES, {"rules": list(rules), "devices": int_array(fleet.device_id)})


async def forget_shadows(conn: AsyncConnection, kept: Sequence[int]) -> None:
    """Forget when shadows listened that are no more (`alerts.shadow_store` names them)."""
    await conn.execute(FORGET_SHADOWS, {"kept": list(kept)})


def _slots(device_ids: memory.Times, fleet: Fleet) -> tuple[memory.Slots, memory.Slots]:
    """Give the slots of the devices that are in the fleet, and which of `device_ids` those are."""
    if not len(fleet):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    found = np.minimum(np.searchsorted(fleet.device_id, device_ids), len(fleet) - 1)
    known = np.flatnonzero(fleet.device_id[found] == device_ids)
    return found[known], known


async def keep(conn: AsyncConnection, changes: Changes, fleet: Fleet, shard: str = CITY) -> None:
    """Write the phases that changed; and up to when somebody listened, where no stored reading says so."""
    kept: list[dict[str, Any]] = []
    gone: list[dict[str, Any]] = []
    held: dict[tuple[str, int], tuple[int, int]] = {}
    for rule, pieces in changes.stood.items():
        for piece in pieces:
            devices = fleet.device_id[piece.slots].tolist()
            for device, *stands in zip(devices, piece.phase.tolist(), piece.since_us.tolist(), strict=True):
                held[rule, device] = (stands[0], stands[1])
    for (rule, device), (now, since_us) in held.items():
        row = {"rule": rule, "device_id": device}
        if now == phase.REST:
            gone.append(row)
        else:
            kept.append({**row, "state": Jsonb({"phase": phase.NAMES[now], "since_us": since_us})})
    for withdrawn in changes.withdrawn:
        devices = fleet.device_id[withdrawn.slots].tolist()
        gone.extend({"rule": withdrawn.rule.name, "device_id": device} for device in devices)
    if changes.outage is not None or changes.released_us or (changes.scanned and not changes.heard):
        kept.append({"rule": f"{_WATCH}{shard}", "device_id": 0, "state": Jsonb(_watch(changes))})
    if gone:
        await conn.execute(DELETE_PHASES, _columns(gone))
    if kept:
        await conn.execute(UPSERT_PHASES, _columns(kept))


def _watch(changes: Changes) -> Mapping[str, Any]:
    return {
        "outages": [[outage.start_us, outage.end_us] for outage in changes.outages],
        "watched_until_us": changes.now_us,
        "released_us": {str(offset_us): released_us for offset_us, released_us in changes.released_us.items()},
    }


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Iterable[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
