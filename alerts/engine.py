"""Step 6 of the journey: readings and the clock, through the rules, to transitions. Pure; next: `alerts.fan_in.decide`.

`step` decides and changes nothing; `commit` applies what it decided, once the database has committed. A batch that is
repeated after a crash therefore meets the same memory and gives the same transitions.

Event time decides `for`, `keep_firing_for`, rates and changes. A silence is measured on the clock, from when the newest
reading was *received*: a device that delivers its backlog is not silent. Time in which nobody listened (no step for
longer than `RuleState.tolerated_gap_us`, e.g. while this process was down) does not count as a device's silence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from alerts import memory, phase, rows
from alerts.memory import Changes, Heard, Outage, RuleState, Stood, Watched
from alerts.rows import Part, Rows
from alerts.rule import Rule, Rulebook
from core.facts import LocatedFact
from core.fleet import Fleet
from core.frame import Frame

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCAN_US = 500_000
"""Silences are looked for twice a second at most (our choice): a scan costs time in proportion to the fleet."""
_OUTAGES_KEPT = 64


class Kind(StrEnum):
    """What became of a cause."""

    FIRED = "fired"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The comparison that decided: `value` stood against `threshold`. For a silence both are seconds, no channel."""

    channel: str | None
    comparison: str
    threshold: float | None
    value: float
    parts: tuple[tuple[str, float | None, float | None], ...] = ()
    """Of a condition of several comparisons each one, its threshold and its value; None = it varies, or is unknown."""
    seen: LocatedFact | None = None
    """The fact, of a rule on facts; `value` is how sure it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A rule fired on a device, or recovered."""

    kind: Kind
    rule: Rule
    slot: int
    ts_us: int
    """Event time of the reading that decided; of a silence, when it had lasted long enough."""
    since_us: int
    """When the condition began; of a recovery, when the phase that ends began."""
    origin: int
    unit_grid_id: int
    """Grid of the reading that decided; -1 = no reading did: where the device was last."""
    lon_deg: float
    lat_deg: float
    """Where a moving device was; NaN = where it is registered, or last reported."""
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What `step` decided."""

    transitions: tuple[Transition, ...]
    changes: Changes


def initial(rulebook: Rulebook, fleet: Fleet) -> RuleState:
    """Give the memory of rules that have seen nothing yet."""
    state = RuleState()
    state.make_room(rulebook, fleet)
    return state


def step(state: RuleState, frames: Sequence[Frame], rulebook: Rulebook, fleet: Fleet, now: datetime) -> Step:
    """Give what the readings and the clock bring about; the memory is only read (it may be given room to grow).

    Shape: rows of one slot ascend in time over `frames`; late rows are skipped; no frames = a tick of the clock.
    """
    state.make_room(rulebook, fleet)
    now_us = (now - _EPOCH) // timedelta(microseconds=1)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # unknown values are NaN, and meant to be
        transitions, changes = _decide(state, rows.gather(frames, state, fleet), now_us)
    transitions.sort(key=lambda t: t.ts_us)
    return Step(transitions=tuple(transitions), changes=changes)


def _decide(state: RuleState, gathered: Sequence[Rows], now_us: int) -> tuple[list[Transition], Changes]:
    """Run the rules over the readings, then look for silences."""
    assert state.scopes is not None
    outage = _outage(state, now_us)
    transitions: list[Transition] = []
    stood: dict[str, list[Stood]] = {}
    for readings in gathered:
        for rule in state.scopes.of_profile.get(readings.frame.profile, ()):
            if piece := _apply(rule, readings, state, transitions):
                stood.setdefault(rule.name, []).append(piece)
    heard = {readings.frame.profile: _heard(readings) for readings in gathered}
    scan = now_us - state.scanned_us >= _SCAN_US or outage is not None
    for watched in state.scopes.silences:
        pieces = list(_ended(watched, gathered, state, transitions))
        if scan:
            pieces.extend(_begun(watched, heard, state, outage, now_us, transitions))
        if pieces:
            stood[watched.rule.name] = pieces
    changes = Changes(
        now_us=now_us,
        scanned=scan,
        outage=outage,
        outages=_remembered(state, outage, now_us),
        heard=heard,
        stood=stood,
    )
    return transitions, changes


def commit(state: RuleState, step: Step) -> None:
    """Apply a step to the memory: after the database committed, never before."""
    memory.apply(state, step.changes)


def _outage(state: RuleState, now_us: int) -> Outage | None:
    if state.watched_until_us is None:
        return Outage(0, now_us)
    if now_us - state.watched_until_us > state.tolerated_gap_us:
        return Outage(state.watched_until_us, now_us)
    return None


def _remembered(state: RuleState, outage: Outage | None, now_us: int) -> tuple[Outage, ...]:
    """Leave out the outages before which no silence can have begun that is still being measured."""
    if outage is None:
        return state.outages
    assert state.scopes is not None
    longest_us = max((int(w.allowed_us.max(initial=0)) for w in state.scopes.silences), default=0)
    kept = [past for past in state.outages if past.end_us > now_us - 2 * longest_us]
    return (*kept, outage)[-_OUTAGES_KEPT:]


def _heard(readings: Rows) -> Heard:
    last = readings.last_of_slot()
    frame = readings.frame
    previous = readings.state.previous.get(frame.profile)
    return Heard(
        slots=frame.slot[last].astype(np.intp),
        ts_us=frame.ts_us[last],
        origin=frame.origin[last],
        received_us=None if frame.received_us is None else frame.received_us[last],
        previous=np.column_stack([readings.column(c)[last] for c in previous.channels]) if previous else None,
    )


def _apply(rule: Rule, readings: Rows, state: RuleState, transitions: list[Transition]) -> Stood | None:
    """Run one rule over one profile's rows; quiet rows cost a comparison, the others go through the phases in waves."""
    assert rule.fires is not None and state.scopes is not None  # noqa: PT018
    slot = readings.frame.slot
    standing = state.standings[rule.name]
    awake = rule.fires.holds(readings)
    if standing.awake:
        awake = awake | (standing.phase[slot] != phase.REST)
    if readings.excused is not None:
        awake &= ~readings.excused
    if (narrow := state.scopes.narrow.get(rule.name)) is not None:
        awake &= narrow[slot]
    if not awake.any():
        return None
    chosen = np.flatnonzero(awake if readings.lone else np.isin(slot, slot[awake]))
    seen = _seen(rule, Part(readings, chosen))
    slots, local = np.unique(slot[chosen], return_inverse=True)
    before = memory.Standing(phase=standing.phase[slots], since_us=standing.since_us[slots])
    now = memory.Standing(phase=before.phase, since_us=before.since_us)
    for wave in _waves(slot[chosen], lone=readings.lone):
        at = local[wave]
        began_us = now.since_us[at]
        moved = phase.advance(now.phase[at], began_us, _only(seen, wave), rule.for_us, rule.keep_firing_us)
        now.phase, now.since_us = now.phase.copy(), now.since_us.copy()
        now.phase[at], now.since_us[at] = moved.phase, moved.since_us
        for index in np.flatnonzero(moved.fired | moved.recovered):
            row, fired = int(chosen[wave[index]]), bool(moved.fired[index])
            since_us = int(began_us[index]) if began_us[index] else int(readings.frame.ts_us[row])
            transitions.append(_transition(rule, readings, row, since_us, fired=fired))
    changed = (now.phase != before.phase) | (now.since_us != before.since_us)
    if not changed.any():
        return None
    return Stood(slots=slots[changed].astype(np.intp), phase=now.phase[changed], since_us=now.since_us[changed])


def _seen(rule: Rule, part: Part) -> phase.Seen:
    assert rule.fires is not None
    fires, not_fires = rule.fires.holds(part), rule.fires.fails(part)
    clears, not_clears = (rule.clears.holds(part), rule.clears.fails(part)) if rule.clears else (not_fires, fires)
    return phase.Seen(
        ts_us=part.rows.frame.ts_us[part.chosen],
        fires=fires,
        not_fires=not_fires,
        clears=clears,
        not_clears=not_clears,
    )


def _only(seen: phase.Seen, wave: NDArray[np.intp]) -> phase.Seen:
    return phase.Seen(
        ts_us=seen.ts_us[wave],
        fires=seen.fires[wave],
        not_fires=seen.not_fires[wave],
        clears=seen.clears[wave],
        not_clears=seen.not_clears[wave],
    )


def _waves(slot: NDArray[np.int32], *, lone: bool) -> Iterator[NDArray[np.intp]]:
    """Give the rows in waves that hold each slot once, so that a device's readings are taken in order."""
    if lone:
        yield np.arange(len(slot))
        return
    rank = rows.ranks(slot)
    order = np.argsort(rank, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(rank))[:-1])


def _transition(rule: Rule, readings: Rows, row: int, since_us: int, *, fired: bool) -> Transition:
    frame = readings.frame
    return Transition(
        kind=Kind.FIRED if fired else Kind.RECOVERED,
        rule=rule,
        slot=int(frame.slot[row]),
        ts_us=int(frame.ts_us[row]),
        since_us=since_us,
        origin=int(frame.origin[row]),
        unit_grid_id=int(frame.unit_grid_id[row]),
        lon_deg=float(readings.column("lon_deg")[row]),
        lat_deg=float(readings.column("lat_deg")[row]),
        proof=_proof(rule, Part(readings, np.array([row])), fired=fired),
    )


def _proof(rule: Rule, row: Part, *, fired: bool) -> Proof:
    """Give the first comparison that held on the row; failing that, the first one with its value."""
    condition = rule.fires if fired or rule.clears is None else rule.clears
    assert condition is not None
    part = next((p for p in condition.parts if bool(p.holds(row)[0])), condition.parts[0])
    values = [float(p.value(row)[0]) for p in condition.parts]
    return Proof(
        channel=part.channel,
        comparison=part.text,
        threshold=part.threshold,
        value=values[condition.parts.index(part)],
        parts=tuple(
            (p.text, p.threshold, value if value - value == 0 else None)
            for p, value in zip(condition.parts, values, strict=True)
        )
        if len(values) > 1
        else (),
    )


def _ended(
    watched: Watched, gathered: Sequence[Rows], state: RuleState, transitions: list[Transition]
) -> Iterator[Stood]:
    """End the silences of devices that reported."""
    standing = state.standings[watched.rule.name]
    if not standing.awake:
        return
    for readings in gathered:
        if readings.frame.profile not in watched.rule.scope.profiles:
            continue
        first = readings.first_of_slot()
        slots = readings.frame.slot[first].astype(np.intp)
        ended = (standing.phase[slots] == phase.FIRING) & (watched.position[slots] >= 0)
        since_us = standing.since_us[slots[ended]]
        transitions.extend(
            _spoke(watched, readings, int(row), int(since)) for row, since in zip(first[ended], since_us, strict=True)
        )
        if ended.any():
            nothing = np.zeros(int(ended.sum()), np.int64)
            yield Stood(slots=slots[ended], phase=nothing.astype(np.int8), since_us=nothing)


def _spoke(watched: Watched, readings: Rows, row: int, since_us: int) -> Transition:
    frame = readings.frame
    proof = _silence(watched, int(watched.position[frame.slot[row]]), 0.0)
    return Transition(
        kind=Kind.RECOVERED,
        rule=watched.rule,
        slot=int(frame.slot[row]),
        ts_us=int(frame.ts_us[row]),
        since_us=since_us,
        origin=int(frame.origin[row]),
        unit_grid_id=int(frame.unit_grid_id[row]),
        lon_deg=float(readings.column("lon_deg")[row]),
        lat_deg=float(readings.column("lat_deg")[row]),
        proof=proof,
    )


def _begun(
    watched: Watched,
    heard: dict[str, Heard],
    state: RuleState,
    outage: Outage | None,
    now_us: int,
    transitions: list[Transition],
) -> Iterator[Stood]:
    """Fire on the devices that have been silent for too long."""
    standing = state.standings[watched.rule.name]
    heard_us = state.heard_us[watched.slots]
    if outage is not None:
        heard_us = memory.heard_after(heard_us, (outage,))
    over = np.flatnonzero(heard_us + watched.allowed_us <= now_us)
    over = over[standing.phase[watched.slots[over]] == phase.REST]
    if len(over):
        just_heard = [h.slots for p, h in heard.items() if p in watched.rule.scope.profiles]
        over = over[~np.isin(watched.slots[over], np.concatenate(just_heard))] if just_heard else over
    if not len(over):
        return
    slots = watched.slots[over]
    due_us = heard_us[over] + watched.allowed_us[over]
    for position, slot, since_us, ts_us in zip(over, slots, heard_us[over], due_us, strict=True):
        transitions.append(
            Transition(
                kind=Kind.FIRED,
                rule=watched.rule,
                slot=int(slot),
                ts_us=int(ts_us),
                since_us=int(since_us),
                origin=int(state.origin[slot]),
                unit_grid_id=-1,
                lon_deg=np.nan,
                lat_deg=np.nan,
                proof=_silence(watched, int(position), (now_us - int(since_us)) / 1e6),
            )
        )
    yield Stood(slots=slots, phase=np.full(len(slots), phase.FIRING, np.int8), since_us=due_us)


def _silence(watched: Watched, position: int, silent_s: float) -> Proof:
    assert watched.rule.absence is not None
    return Proof(
        channel=None,
        comparison=watched.rule.absence.text,
        threshold=float(watched.allowed_us[position]) / 1e6,
        value=silent_s,
    )
