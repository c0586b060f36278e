"""Step 6 of the journey: readings and the clock, through the rules, to transitions. Pure; next: `alerts.fan_in.decide`.

`step` decides and changes nothing; `commit` applies what it decided, once the database has committed. A batch that is
repeated after a crash therefore meets the same memory and gives the same transitions.

Rules of one stated lateness form a stream. Without one, readings are seen on arrival, in each device's own order, and a
silence is measured from when the newest reading was *received*: a device that delivers its backlog is not silent. With
one, everything runs by event time (`alerts.hold`). Time in which nobody listened (no step for longer than
`RuleState.tolerated_gap_us`, e.g. while this process was down) does not count as a device's silence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from alerts import absence, fit, hold, memory, phase, rows
from alerts.memory import Changes, Heard, Looked, Outage, RuleState, Stood, Stream, Withdrawn
from alerts.rows import Part, Rows
from alerts.rule import Rule, Rulebook
from alerts.transition import Kind, Proof, Transition
from alerts.waves import Moved, Piece, moves
from core.fleet import Fleet
from core.frame import Frame

__all__ = ["Kind", "Proof", "RuleState", "Step", "Transition", "commit", "initial", "step"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCAN_US = 500_000
"""What the clock alone ends, and that somebody listens, is looked at twice a second at most (our choice)."""
_OUTAGES_KEPT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What `step` decided."""

    transitions: tuple[Transition, ...]
    """By event time and device; those of one rule and device in the order they happened."""
    changes: Changes
    late: tuple[Frame, ...] = ()
    """Readings that came too late for some rules: stored and marked, and they change nothing that was decided."""


@dataclass(slots=True)
class _Draft:
    """What a step has decided so far."""

    transitions: list[Transition] = field(default_factory=list[Transition])
    heard: dict[tuple[int, str], Heard] = field(default_factory=dict[tuple[int, str], Heard])
    stood: dict[str, list[Stood]] = field(default_factory=dict[str, list[Stood]])
    looked: list[Looked] = field(default_factory=list[Looked])
    held: dict[int, hold.Held] = field(default_factory=dict[int, hold.Held])
    released_us: dict[int, int] = field(default_factory=dict[int, int])
    late: list[Frame] = field(default_factory=list[Frame])


def initial(rulebook: Rulebook, fleet: Fleet) -> RuleState:
    """Give the memory of rules that have seen nothing yet."""
    state = RuleState()
    fit.fit(state, rulebook, fleet)
    return state


def step(state: RuleState, frames: Sequence[Frame], rulebook: Rulebook, fleet: Fleet, now: datetime) -> Step:
    """Give what the readings and the clock bring about; the memory is only read (it may be fitted to new rules).

    Shape: rows of one slot ascend in time over `frames`, those marked late apart; no frames = a tick of the clock.
    """
    fit.fit(state, rulebook, fleet)
    now_us = (now - _EPOCH) // timedelta(microseconds=1)
    outage = _outage(state, now_us)
    draft = _Draft()
    for withdrawn in state.withdrawn:
        draft.transitions.extend(_withdrawals(withdrawn, state, now_us))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # unknown values are NaN, and meant to be
        for stream in state.streams.values():
            _run(stream, state, frames, now_us, outage, draft)
    draft.transitions.sort(key=lambda t: (t.ts_us, t.slot))
    changes = Changes(
        now_us=now_us,
        scanned=outage is not None or abs(now_us - state.scanned_us) >= _SCAN_US,
        outage=outage,
        outages=_remembered(state, outage, now_us),
        heard=draft.heard,
        stood=draft.stood,
        withdrawn=state.withdrawn,
        looked=draft.looked,
        held=draft.held,
        released_us=draft.released_us,
    )
    return Step(transitions=tuple(draft.transitions), changes=changes, late=tuple(draft.late))


def commit(state: RuleState, step: Step) -> None:
    """Apply a step to the memory: after the database committed, never before."""
    memory.apply(state, step.changes)


def _run(
    stream: Stream, state: RuleState, frames: Sequence[Frame], now_us: int, outage: Outage | None, draft: _Draft
) -> None:
    """Run one stream's rules over the readings it may see now, then look for silences."""
    clock_us = now_us - stream.offset_us
    past = outage.earlier(stream.offset_us) if outage is not None else None
    seen = _release(stream, frames, clock_us, draft)
    assert state.fleet is not None
    gathered = rows.gather(seen, stream, state.place, state.fleet, clock_us, past)
    pieces = [piece for readings in gathered.values() for piece in _pieces(readings)]
    for piece, moved in moves(pieces):
        draft.transitions.extend(_transitions(piece, moved))
        if len(moved.places):
            stood = Stood(slots=piece.readings.table.slots[moved.places], phase=moved.phase, since_us=moved.since_us)
            draft.stood.setdefault(piece.rule.name, []).append(stood)
    for profile, readings in gathered.items():
        draft.heard[stream.offset_us, profile] = _heard(readings)
    for profile, table in stream.tables.items():
        for found in absence.find(table, gathered.get(profile), clock_us, past):
            draft.transitions.extend(found.transitions)
            if found.stood:
                draft.stood.setdefault(found.rule.name, []).extend(found.stood)
            draft.looked.extend(found.looked)


def _release(stream: Stream, frames: Sequence[Frame], clock_us: int, draft: _Draft) -> Sequence[Frame]:
    """Give what the stream may see now."""
    wanted = [frame for frame in frames if frame.profile in stream.tables]
    if not stream.offset_us:
        released = hold.on_arrival(wanted)
    else:
        due_us = max(clock_us, stream.released_us)  # the clock may be set back: what was seen stays seen
        released = hold.by_event_time(stream.held, wanted, due_us, stream.offset_us)
        draft.held[stream.offset_us], draft.released_us[stream.offset_us] = released.held, due_us
    draft.late.extend(released.late)
    return released.seen


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
    longest_us = fit.longest_silence_us(state.streams.values())
    kept = [past for past in state.outages if past.end_us > now_us - 2 * longest_us]
    return (*kept, outage)[-_OUTAGES_KEPT:]


def _heard(readings: Rows) -> Heard:
    table, last = readings.table, readings.last()
    lone = readings.lone
    values = np.column_stack([readings.column(c) for c in table.channels]) if table.channels else None
    return Heard(
        places=readings.place if lone else readings.place[last],
        ts_us=readings.frame.ts_us if lone else readings.frame.ts_us[last],
        heard_us=readings.heard_at_us if lone else readings.heard_at_us[last],
        origin=readings.frame.origin if lone else readings.frame.origin[last],
        values=values if lone or values is None else values[last],
        rows=(readings.place, readings.frame) if table.rings.channels else None,
    )


def _pieces(readings: Rows) -> Iterator[Piece]:
    """Give, rule by rule, the rows on which something may move: quiet rows cost a comparison."""
    table = readings.table
    phases, awake_rules = readings.phases(), readings.awake()
    excused = table.excused[readings.place] if table.excused is not None else None
    for column, rule in enumerate(table.rules):
        if rule.fires is None:
            continue
        fires = rule.fires.holds(readings)
        awake = np.logical_or(fires, phases[:, column]) if awake_rules[column] else fires
        if not awake.any():
            continue
        if excused is not None:
            awake = awake & ~excused
        if (narrow := table.narrow.get(column)) is not None:
            awake = awake & narrow[readings.place]
        if awake.any():
            yield _piece(readings, column, rule, awake, fires)


def _piece(readings: Rows, column: int, rule: Rule, awake: NDArray[np.bool_], fires: NDArray[np.bool_]) -> Piece:
    """Take all rows of the devices that have one awake."""
    assert rule.fires is not None
    if readings.lone:
        chosen = np.flatnonzero(awake)
        device, places = np.arange(len(chosen)), readings.place[chosen]
    else:
        has = np.logical_or.reduceat(awake, readings.starts)
        chosen, counts = np.flatnonzero(np.repeat(has, readings.counts)), readings.counts[has]
        device, places = np.repeat(np.arange(len(counts)), counts), readings.place[readings.starts[has]]
    part = Part(readings, chosen)
    fires, not_fires = fires[chosen], rule.fires.fails(part)
    clears, not_clears = (rule.clears.holds(part), rule.clears.fails(part)) if rule.clears else (not_fires, fires)
    judged = phase.Judged(readings.frame.ts_us[chosen], fires, not_fires, clears, not_clears)
    return Piece(readings=readings, column=column, rule=rule, rows=chosen, device=device, places=places, judged=judged)


def _transitions(piece: Piece, moved: Moved) -> Iterator[Transition]:
    frame = piece.readings.frame
    for row, fired, since_us in moved.events:
        yield Transition(
            kind=Kind.FIRED if fired else Kind.RECOVERED,
            rule=piece.rule,
            slot=int(frame.slot[row]),
            ts_us=int(frame.ts_us[row]),
            since_us=since_us or int(frame.ts_us[row]),
            origin=int(frame.origin[row]),
            unit_grid_id=int(frame.unit_grid_id[row]),
            lon_deg=float(piece.readings.column("lon_deg")[row]),
            lat_deg=float(piece.readings.column("lat_deg")[row]),
            proof=_proof(piece.rule, Part(piece.readings, np.array([row])), fired=fired),
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


def _withdrawals(withdrawn: Withdrawn, state: RuleState, now_us: int) -> Iterator[Transition]:
    """End what a rule held that looks at these devices no more."""
    firing = withdrawn.phase != phase.PENDING
    for slot, since_us in zip(withdrawn.slots[firing].tolist(), withdrawn.since_us[firing].tolist(), strict=True):
        yield Transition(
            kind=Kind.RECOVERED,
            rule=withdrawn.rule,
            slot=slot,
            ts_us=max(now_us, since_us),
            since_us=since_us,
            origin=state.origin_of(slot),
            unit_grid_id=-1,
            lon_deg=np.nan,
            lat_deg=np.nan,
            proof=Proof(channel=None, comparison="rule withdrawn", threshold=None, value=np.nan),
        )
