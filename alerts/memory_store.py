"""What the rules remember, kept in the transaction that changes it, and loaded when a shard is taken.

Takes a connection, never commits. Phases are in `rule_state`; times and values of the newest readings in
`device_state`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import engine, memory, phase
from alerts.memory import Changes, Outage, RuleState
from alerts.rule import Rulebook
from core.fleet import Fleet
from storage.arrays import int_array

_WATCH = "@watch:"
"""Before a shard's name: the row of `rule_state` that says when somebody was listening; no rule can bear this name."""
CITY = "city"
"""The shard of a city that is not divided."""

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
FORGET_RULES = "DELETE FROM rule_state WHERE rule = ANY(%(rules)s) AND device_id = ANY(%(devices)s::int[])"
FORGET_SHADOWS = """
DELETE FROM rule_state WHERE device_id = 0 AND rule ~ '~[0-9]+$'
AND NOT split_part(rule, '~', -1)::int = ANY(%(kept)s)
"""


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
