"""Part of step 7 of the journey: members of incidents, and the memory of cases, in the caller's transaction.

Takes a connection, never commits. `take` writes what people see, `keep` what `alerts.fan_in` remembers, `load` gives
that back as the last committed transaction left it.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import labels, member_sql
from alerts.case import Change, Decided, Joining, Leaving, Member, Merging, Opening, Recovery
from alerts.case_memory import Case, Cases, Draft, Firing
from alerts.engine import Kind, Proof, Transition
from alerts.rule import Rule, Rulebook
from core.facts import LocatedFact
from core.fleet import Fleet
from core.places import CellKind
from storage.arrays import int_array

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN_INTERVALS = 10
_SHOWN_AT_LEAST_S = 600.0
"""How far back a member's readings are shown as proof (our choice): ten reports, and ten minutes at least."""


async def opened(conn: AsyncConnection, openings: Sequence[Opening], fleet: Fleet) -> None:
    """Write the members of the incidents that have just opened, and where their rules saw them."""
    rows = [
        _member(opening.cause, opening.rule, member, fleet)
        for opening in openings
        for member in opening.joined or (Member(slot=opening.transition.slot, transition=opening.transition),)
    ]
    await _add(conn, rows)
    placed = [it for it in openings if it.geometry is not None or it.component_id is not None]
    if placed:
        rows = [{"cause": it.cause, "geometry": it.geometry, "component_id": it.component_id} for it in placed]
        await conn.execute(member_sql.PLACE, _columns(rows))
    followed = [it for it in openings if it.follows]
    await _follow(conn, [(it.cause, it.transition, it.transition.since_us) for it in followed], fleet)


async def recovering(conn: AsyncConnection, recoveries: Sequence[Recovery], fleet: Fleet) -> None:
    """Note that all members left, before the incidents end."""
    rows = [{"cause": it.cause, "left_ts": _instant(it.transition.ts_us)} for it in recoveries]
    await conn.execute(member_sql.ALL_LEFT, _columns(rows))
    followed = {it.cause: it.transition for it in recoveries if it.follows}
    if followed:
        cursor = await conn.execute(member_sql.OPENED_SINCE, {"causes": list(followed)})
        since: dict[str, int | None] = dict(await cursor.fetchall())
        ways = [(cause, followed[cause], ms * 1000) for cause, ms in since.items() if ms is not None]
        await _follow(conn, ways, fleet)


async def take(conn: AsyncConnection, changes: Iterable[Change], fleet: Fleet, now: datetime) -> int:
    """Write joinings, leavings and mergings of causes that each stand in one of them; give the number of events."""
    changes = list(changes)
    joinings = [change for change in changes if isinstance(change, Joining)]
    leavings = [change for change in changes if isinstance(change, Leaving)]
    mergings = [change for change in changes if isinstance(change, Merging)]
    events = 0
    if joinings:
        members = [(it, Member(slot=it.slot, transition=it.transition)) for it in joinings]
        await _add(conn, [_member(it.cause, it.rule, member, fleet) for it, member in members])
        events += await _tell(conn, joinings, "joined", fleet, now)
    if leavings:
        rows = [
            {
                "cause": it.cause,
                "device_id": int(fleet.device_id[it.slot]),
                "left_ts": _instant(it.transition.ts_us),
            }
            for it in leavings
        ]
        await conn.execute(member_sql.LEFT, _columns(rows))
        events += await _tell(conn, leavings, "left", fleet, now)
    if mergings:
        rows = [
            {"cause": it.cause, "into": it.into, "ts": _instant(it.transition.ts_us), "geometry": it.geometry}
            for it in mergings
        ]
        cursor = await conn.execute(member_sql.MERGE, {"now": now, **_columns(rows)})
        events += len(await cursor.fetchall())
    return events


async def keep(conn: AsyncConnection, decided: Decided, fleet: Fleet) -> None:
    """Write down what changes in the memory of cases."""
    draft = decided.draft
    if draft is None:
        return
    await _keep_firings(conn, draft, fleet)
    cases = [
        {"cause": case.cause, "rule": case.rule.name, "state": Jsonb(_case_state(case, fleet))}
        for case in draft.cases.changed.values()
        if case is not None
    ]
    gone = [cause for cause, case in draft.cases.changed.items() if case is None]
    if cases:
        await conn.execute(member_sql.PUT_CASES, _columns(cases))
    if gone:
        await conn.execute(member_sql.DROP_CASES, {"causes": gone})


async def load(conn: AsyncConnection, rulebook: Rulebook, fleet: Fleet) -> Cases:
    """Give the memory of the fleet's cases; what rules no book holds any more remembered is left out."""
    memory = Cases()
    memory.standing = memory.standing.with_rules(rulebook.inhibit_rules)
    rules = {rule.name: rule for rule in rulebook.rules}
    slots = {device_id: slot for slot, device_id in enumerate(fleet.device_id.tolist())}
    cursor = await conn.execute(member_sql.LOAD_FIRINGS, {"devices": int_array(fleet.device_id)})
    members: dict[str, set[int]] = {}
    draft = Draft(memory)
    for name, device_id, cause, state in await cursor.fetchall():
        rule, slot = rules.get(name), slots.get(device_id)
        if rule is None or slot is None:
            continue
        transition = _transition(state["transition"], rule, slot)
        firing = Firing(rule=rule, transition=transition, cause=cause, until_us=state["until_us"])
        draft.put_firing(firing, _region(firing, fleet))
        if cause:
            members.setdefault(cause, set()).add(slot)
    cursor = await conn.execute(member_sql.LOAD_CASES, {"causes": list(members)})
    for cause, name, state in await cursor.fetchall():
        case = _case(cause, rules[name], state, frozenset(members[cause]), slots)
        draft.put_case(case)
        draft.standing.put(cause, labels.of_case(case.rule, case.transition.slot, fleet))
    draft.apply()
    return memory


async def rules_that_fire(conn: AsyncConnection) -> set[str]:
    """Give the names of all rules that remember a firing, in whatever book they are or were."""
    cursor = await conn.execute("SELECT DISTINCT rule FROM rule_firing")
    return {row[0] for row in await cursor.fetchall()}


async def _keep_firings(conn: AsyncConnection, draft: Draft, fleet: Fleet) -> None:
    kept = [
        {
            "rule": name,
            "device_id": int(fleet.device_id[slot]),
            "cause": firing.cause,
            "state": Jsonb({"until_us": firing.until_us, "transition": _transition_state(firing.transition)}),
        }
        for (name, slot), firing in draft.firings.changed.items()
        if firing is not None
    ]
    gone = [
        {"rule": name, "device_id": int(fleet.device_id[slot])}
        for (name, slot), firing in draft.firings.changed.items()
        if firing is None
    ]
    if kept:
        await conn.execute(member_sql.PUT_FIRINGS, _columns(kept))
    if gone:
        await conn.execute(member_sql.DROP_FIRINGS, _columns(gone))


async def _add(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    bounds = {"earliest": min(row["shown_from"] for row in rows), "latest": max(row["joined_ts"] for row in rows)}
    await conn.execute(member_sql.ADD, {**bounds, **_columns(rows)})


async def _tell(
    conn: AsyncConnection, changes: Sequence[Joining | Leaving], kind: str, fleet: Fleet, now: datetime
) -> int:
    rows = [
        {
            "cause": it.cause,
            "device_id": int(fleet.device_id[it.slot]),
            "geometry": it.geometry if isinstance(it, Joining) else None,
            "detail": Jsonb({"ts_ms": it.transition.ts_us // 1000, **_said(it.transition.proof)}),
        }
        for it in changes
    ]
    cursor = await conn.execute(member_sql.JOIN, {"now": now, "kind": kind, **_columns(rows)})
    return len(await cursor.fetchall())


async def _follow(conn: AsyncConnection, ways: Sequence[tuple[str, Transition, int]], fleet: Fleet) -> None:
    if not ways:
        return
    rows = [
        {
            "cause": cause,
            "device_id": int(fleet.device_id[transition.slot]),
            "since": _instant(since_us),
            "until": _instant(transition.ts_us),
        }
        for cause, transition, since_us in ways
    ]
    bounds = {"earliest": min(row["since"] for row in rows), "latest": max(row["until"] for row in rows)}
    await conn.execute(member_sql.FOLLOW, {**bounds, **_columns(rows)})


def _member(cause: str, rule: Rule, member: Member, fleet: Fleet) -> dict[str, Any]:
    transition = member.transition
    shown_s = max(_SHOWN_AT_LEAST_S, _SHOWN_INTERVALS * float(fleet.interval_s[member.slot]))
    return {
        "cause": cause,
        "device_id": int(fleet.device_id[member.slot]),
        "joined_ts": _instant(transition.ts_us),
        "channel": transition.proof.channel,
        "shown_from": _instant(transition.since_us) - timedelta(seconds=shown_s),
        "evidence": Jsonb(
            {
                **_said(transition.proof),
                "threshold": _number(transition.proof.threshold),
                "unit": "s" if transition.proof.channel is None else None,
                "for_s": rule.for_us / 1e6,
                "since_ms": transition.since_us // 1000,
            }
        ),
    }


def _said(proof: Proof) -> dict[str, Any]:
    return {"channel": proof.channel, "comparison": proof.comparison, "value": _number(proof.value)}


def _case_state(case: Case, fleet: Fleet) -> dict[str, Any]:
    cells = sorted(case.nodes)
    return {
        "opened_us": case.opened_us,
        "device_id": int(fleet.device_id[case.transition.slot]),
        "transition": _transition_state(case.transition),
        "nodes": cells if case.kind is not None else fleet.device_id[cells].tolist(),
        "kind": case.kind,
        "cell": case.cell,
        "component_id": case.component_id,
        "held_by": case.held_by,
    }


def _case(cause: str, rule: Rule, state: Mapping[str, Any], members: frozenset[int], slots: Mapping[int, int]) -> Case:
    kind = CellKind(state["kind"]) if state["kind"] else None
    nodes = state["nodes"] if kind is not None else [slots[it] for it in state["nodes"] if it in slots]
    decided = slots.get(state["device_id"], min(members))
    return Case(
        cause=cause,
        rule=rule,
        transition=_transition(state["transition"], rule, decided),
        opened_us=state["opened_us"],
        members=members,
        nodes=frozenset(nodes),
        kind=kind,
        cell=state["cell"],
        component_id=state["component_id"],
        held_by=state["held_by"],
    )


def _transition_state(transition: Transition) -> dict[str, Any]:
    """Give a transition without its rule and slot, which the row names; not a number is null."""
    plain = {
        field.name: getattr(transition, field.name)
        for field in dataclasses.fields(transition)
        if field.name not in {"rule", "slot", "proof"}
    }
    proof = {field.name: getattr(transition.proof, field.name) for field in dataclasses.fields(transition.proof)}
    seen = transition.proof.seen
    return {name: _number(value) for name, value in plain.items()} | {
        "proof": {
            **{name: _number(value) for name, value in proof.items()},
            "parts": [[_number(value) for value in part] for part in transition.proof.parts],
            "seen": None if seen is None else dataclasses.asdict(seen),
        }
    }


def _transition(state: Mapping[str, Any], rule: Rule, slot: int) -> Transition:
    plain: dict[str, Any] = {name: math.nan if it is None else it for name, it in state.items() if name != "proof"}
    proof: dict[str, Any] = dict(state["proof"])
    if proof["value"] is None:
        proof["value"] = math.nan
    proof["parts"] = tuple((text, threshold, value) for text, threshold, value in proof["parts"])
    if proof["seen"] is not None:
        seen: dict[str, Any] = {**proof["seen"], "slot": slot}
        proof["seen"] = LocatedFact(**seen)
    plain["kind"] = Kind(plain["kind"])
    return Transition(**plain, rule=rule, slot=slot, proof=Proof(**proof))


def _region(firing: Firing, fleet: Fleet) -> int:
    """Give the cell a firing is counted under, as `alerts.neighbourhood` does."""
    together = firing.rule.together
    if together is None or together.in_ == "radius":
        return 0
    kind = CellKind.PIPE if together.in_ == "downstream" else CellKind(together.in_)
    return int(fleet.places.cell_of(kind)[firing.transition.slot])


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _instant(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
