"""Silences: devices that did not speak for longer than allowed, and those that spoke again. Pure.

Whatever ticks there were, a device that speaks after its time fired at the very end of that time and recovered with the
reading. A tick only finds earlier what the next reading would have shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alerts import phase
from alerts.clock import MINUTE_US
from alerts.memory import BLOCK, NEVER_US, Looked, Outage, Places, Stood, Table, Times, Watched, heard_after
from alerts.rows import Rows
from alerts.rule import Rule
from alerts.transition import Kind, Proof, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What became of the silences that one rule watches in one table."""

    rule: Rule
    transitions: list[Transition]
    stood: list[Stood]
    looked: list[Looked]


def find(table: Table, rows: Rows | None, clock_us: int, outage: Outage | None) -> Iterator[Found]:
    """Give what the readings of a table and the clock say. `clock_us` and `outage` are by the stream's clock."""
    for watched in table.watched:
        found = Found(rule=watched.rule, transitions=[], stood=[], looked=[])
        if rows is not None:
            _ended(table, watched, rows, found)
        _begun(table, watched, rows, (clock_us, outage), found)
        yield found


def _ended(table: Table, watched: Watched, rows: Rows, found: Found) -> None:
    """End the silences of devices that reported, and tell of those that nobody had noticed yet."""
    gone_us = rows.heard_at_us - rows.heard_before_us
    over = gone_us > watched.least_us
    awake = bool(rows.awake()[watched.column])
    if not awake and not over.any():
        return
    allowed_us = watched.allowed_us.take(rows.place)
    over &= gone_us > allowed_us
    silent = np.zeros(len(rows), np.bool_)
    silent[rows.starts] = rows.phases()[rows.starts, watched.column] != phase.REST
    silent &= allowed_us < NEVER_US
    fired_us = np.full(len(rows), NEVER_US)
    due_us = rows.heard_before_us[over] + allowed_us[over]
    fired_us[over] = _starts(watched.rule, due_us, rows.heard_at_us[over])
    over &= fired_us < NEVER_US
    for row in np.flatnonzero(over | silent).tolist():
        place = int(rows.place[row])
        if silent[row]:
            since_us = int(table.since_us[place, watched.column])
        else:
            since_us = int(fired_us[row])
            before = rows.before()[row]
            origin = int(rows.frame.origin[before] if before >= 0 else table.origin[place])
            found.transitions.append(_fired(watched, table, place, (int(rows.heard_before_us[row]), since_us), origin))
        found.transitions.append(_recovered(watched, rows, row, since_us))
    if silent.any():
        places = rows.place[silent]
        found.stood.append(_stood(table, places, phase.REST, np.zeros(len(places), np.int64)))


def _begun(table: Table, watched: Watched, rows: Rows | None, until: tuple[int, Outage | None], found: Found) -> None:
    """Find the devices whose time is over; looks only where one can be."""
    clock_us, outage = until
    blocks = np.flatnonzero(watched.bound_us < clock_us)
    last = rows.last() if rows is not None else np.zeros(0, np.intp)
    if rows is not None and (long_ago := rows.heard_at_us[last] + watched.least_us < clock_us).any():
        blocks = np.union1d(blocks, rows.place[last[long_ago]] // BLOCK)
    if not len(blocks):
        return
    places = (blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel()
    places = places[places < len(table.slots)]
    heard_us, origin = table.heard_us[places], table.origin[places]
    if outage is not None:
        heard_us = heard_after(heard_us, (outage,))
    rest = table.phase[places, watched.column] == phase.REST
    if rows is not None:  # what is heard in this step, and not remembered yet
        at = np.minimum(np.searchsorted(places, rows.place[last]), len(places) - 1)
        inside = places[at] == rows.place[last]
        at, last = at[inside], last[inside]
        heard_us[at], origin[at], rest[at] = rows.heard_at_us[last], rows.frame.origin[last], True
    due_us = heard_us + watched.allowed_us[places]
    over = rest & (due_us < clock_us)
    due_us[over] = _starts(watched.rule, due_us[over], np.full(np.count_nonzero(over), clock_us))
    waits = due_us == NEVER_US
    due_us[waits] = (clock_us // MINUTE_US + 1) * MINUTE_US  # a schedule changes at full minutes
    over &= ~waits
    for place, *times, came_from in zip(
        places[over].tolist(), heard_us[over].tolist(), due_us[over].tolist(), origin[over].tolist(), strict=True
    ):
        found.transitions.append(_fired(watched, table, place, (times[0], times[1]), came_from))
    if over.any():
        found.stood.append(_stood(table, places[over], phase.FIRING, due_us[over]))
    left_us = np.where(rest & ~over, due_us, NEVER_US)
    first = np.flatnonzero(np.diff(places // BLOCK, prepend=-1))
    found.looked.append(Looked(watched=watched, blocks=blocks, bound_us=np.minimum.reduceat(left_us, first)))


def _starts(rule: Rule, due_us: Times, until_us: Times) -> Times:
    """Give when silences that are due begin to fire: then, or when the rule's schedule begins; `NEVER_US` = not yet."""
    if rule.schedule is None:
        return due_us
    starts_us = due_us.copy()
    for number in np.flatnonzero(~rule.schedule.active(due_us)).tolist():
        minutes = np.arange(due_us[number] // MINUTE_US + 1, (until_us[number] - 1) // MINUTE_US + 1) * MINUTE_US
        active = np.flatnonzero(rule.schedule.active(minutes))
        starts_us[number] = minutes[active[0]] if len(active) else NEVER_US
    return starts_us


def _stood(table: Table, places: Places, now: int, since_us: Times) -> Stood:
    return Stood(slots=table.slots[places], phase=np.full(len(places), now, np.int8), since_us=since_us)


def _fired(watched: Watched, table: Table, place: int, span_us: tuple[int, int], origin: int) -> Transition:
    """Tell of a silence since, that fired at."""
    since_us, at_us = span_us
    return Transition(
        kind=Kind.FIRED,
        rule=watched.rule,
        slot=int(table.slots[place]),
        ts_us=at_us,
        since_us=since_us,
        origin=origin,
        unit_grid_id=-1,
        lon_deg=np.nan,
        lat_deg=np.nan,
        proof=_proof(watched, place, (at_us - since_us) / 1e6),
    )


def _recovered(watched: Watched, rows: Rows, row: int, since_us: int) -> Transition:
    frame = rows.frame
    return Transition(
        kind=Kind.RECOVERED,
        rule=watched.rule,
        slot=int(frame.slot[row]),
        ts_us=max(int(frame.ts_us[row]), since_us),
        since_us=since_us,
        origin=int(frame.origin[row]),
        unit_grid_id=int(frame.unit_grid_id[row]),
        lon_deg=float(rows.column("lon_deg")[row]),
        lat_deg=float(rows.column("lat_deg")[row]),
        proof=_proof(watched, int(rows.place[row]), 0.0),
    )


def _proof(watched: Watched, place: int, silent_s: float) -> Proof:
    assert watched.rule.absence is not None
    return Proof(
        channel=None,
        comparison=watched.rule.absence.text,
        threshold=float(watched.allowed_us[place]) / 1e6,
        value=silent_s,
    )
