"""What the rules remember between steps: a table a profile, a row a device; and the sparse changes a step makes. Pure.

A device's phases of all its rules lie side by side, so that a reading costs a few cache lines however many rules and
devices there are. Everything here is also in the database after each commit, so that a restart goes on where the last
commit stood: phases in `rule_state`, times and values of the newest readings in `device_state`, windows and readings
held back in `reading`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alerts.hold import Held
from alerts.phase import REST, Phases
from alerts.rings import Rings
from alerts.rule import Rule, Rulebook
from core.fleet import Fleet
from core.frame import Frame
from core.origin import Origin

Slots = NDArray[np.intp]
Places = NDArray[np.intp]
"""Rows of a table: the place of a device among those of its profile."""
Times = NDArray[np.int64]

NEVER_US = 2**62
BLOCK = 256
"""Devices whose earliest due silence is known together (our choice)."""


@dataclass(slots=True, kw_only=True)
class Watched:
    """A rule that watches for silence, and how long each device of a table may be silent."""

    rule: Rule
    column: int
    allowed_us: Times
    """By place; `NEVER_US` = not watched."""
    least_us: int
    """The shortest of them."""
    bound_us: Times
    """By block of places: no silence in it is due before. It only needs a look then, not at every tick."""


@dataclass(slots=True, kw_only=True)
class Table:
    """What the rules of a stream remember of the devices of one profile."""

    profile: str
    rules: tuple[Rule, ...]
    """One a column of `phase`, in the order of the rule book."""
    slots: Slots
    """Ascending."""
    phase: Phases
    """Shape (places, rules)."""
    since_us: Times
    """The same shape: when the phase began, event time; 0 at rest. Untouched pages of zeros cost no memory."""
    ts_us: Times
    """Event time of the newest reading; 0 = none yet."""
    heard_us: Times
    """When the newest reading was received (by event time in a stream that waits), or the device registered; moved on
    by outages."""
    origin: NDArray[np.int8]
    """Origin of the newest reading; LIVE before the first."""
    channels: tuple[str, ...]
    """Whose newest value some rule needs."""
    values: NDArray[np.float64]
    """Shape (places, channels)."""
    rings: Rings
    """The readings before the newest, of the channels that some rule looks back on."""
    narrow: Mapping[int, NDArray[np.bool_]]
    """By column: the places in scope, for rules that do not look at all devices of the profile."""
    excused: NDArray[np.bool_] | None
    """Places out of service, which no rule looks at; None = there are none."""
    watched: tuple[Watched, ...]

    def column_of(self, name: str) -> int | None:
        """Give the column of a rule."""
        return next((column for column, rule in enumerate(self.rules) if rule.name == name), None)

    def put(self, column: int, places: Places, phases: Phases, since_us: Times) -> None:
        """Set one rule's phases of some places, each named once."""
        self.phase[places, column] = phases
        self.since_us[places, column] = since_us
        for watched in self.watched:
            if watched.column == column:
                watched.bound_us[places // BLOCK] = 0


@dataclass(slots=True, kw_only=True)
class Stream:
    """The rules of one stated lateness, and what they remember. They see the readings `offset_us` after their time."""

    offset_us: int
    tables: dict[str, Table]
    """By profile."""
    released_us: int = 0
    """Readings up to this event time were seen, where the stream waits."""
    held: Held = field(default_factory=Held)
    """Readings that are not due yet."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which nobody was listening: silence in it proves nothing. Microseconds since 1970 UTC."""

    start_us: int
    end_us: int

    def earlier(self, by_us: int) -> "Outage":
        """Give the same for a clock that is behind."""
        return Outage(self.start_us - by_us, self.end_us - by_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """Devices on which a rule stood that looks at them no more."""

    rule: Rule
    slots: Slots
    phase: Phases
    since_us: Times


@dataclass(slots=True, kw_only=True)
class RuleState:
    """The memory. Only `alerts.engine.commit` writes to it; `alerts.fit` fits it to rule book and fleet any time."""

    rulebook: Rulebook = field(default_factory=Rulebook)
    fleet: Fleet | None = None
    """What the tables are made for."""
    place: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """By slot: its place in the tables of its profile."""
    streams: dict[int, Stream] = field(default_factory=dict[int, Stream])
    """By offset."""
    withdrawn: tuple[Withdrawn, ...] = ()
    """What the next step has to end."""
    watched_until_us: int | None = None
    """The last instant at which somebody was listening; None = never."""
    tolerated_gap_us: int = 5_000_000
    """A longer time without a step is an outage (our choice: several ticks of the clock were missed)."""
    scanned_us: int = 0
    """When `Changes.scanned` last said so."""
    outages: tuple[Outage, ...] = ()

    def tables(self) -> Iterable[Table]:
        """Give all tables."""
        for stream in self.streams.values():
            yield from stream.tables.values()

    def columns_of(self, rule: str) -> Iterable[tuple[Table, int]]:
        """Give the tables of a rule, and its column in each."""
        for table in self.tables():
            if (column := table.column_of(rule)) is not None:
                yield table, column

    def held(self, rule: str, slot: int) -> tuple[int, int]:
        """Give where a rule stands on a device, and since when."""
        for table, column in self.columns_of(rule):
            place = int(self.place[slot])
            if place < len(table.slots) and table.slots[place] == slot:
                return int(table.phase[place, column]), int(table.since_us[place, column])
        return REST, 0

    def awake(self, rule: str) -> Slots:
        """Give the slots on which a rule is not at rest, ascending."""
        found = [table.slots[np.flatnonzero(table.phase[:, column])] for table, column in self.columns_of(rule)]
        return np.sort(np.concatenate(found)) if found else np.zeros(0, np.intp)

    def origin_of(self, slot: int) -> int:
        """Give the origin of a device's newest reading, as far as any rule looks at it."""
        for table in self.tables():
            place = int(self.place[slot])
            if place < len(table.slots) and table.slots[place] == slot:
                return int(table.origin[place])
        return int(Origin.LIVE)

    def put(self, rule: str, slots: Slots, phases: Phases, since_us: Times) -> None:
        """Set one rule's phases on some slots, each named once."""
        for table, column in self.columns_of(rule):
            if not len(table.slots):
                continue  # no device of the profile
            place = np.minimum(self.place[slots], len(table.slots) - 1)
            ours = table.slots[place] == slots
            table.put(column, place[ours].astype(np.intp), phases[ours], since_us[ours])

    def forget(self, rule: str) -> None:
        """Put a rule to rest everywhere, without a word."""
        for table, column in self.columns_of(rule):
            table.phase[:, column] = REST
            table.since_us[:, column] = 0


def heard_after(heard_us: Times, outages: Iterable[Outage]) -> Times:
    """Give the times moved on by the outages since: what was silent before goes on where it stood."""
    for outage in outages:
        gone = outage.end_us - np.maximum(outage.start_us, heard_us)
        heard_us = np.where(heard_us < outage.end_us, heard_us + gone, heard_us)
    return heard_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A step's readings of one table, as far as they are remembered."""

    places: Places
    """Of the newest readings, each once."""
    ts_us: Times
    heard_us: Times | int
    origin: NDArray[np.int8]
    values: NDArray[np.float64] | None
    """In the order of `Table.channels`; None when no rule wants any."""
    rows: tuple[Places, Frame] | None
    """All readings, by place and time, for the windows; None when no rule looks back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """New phases of one rule, where they changed."""

    slots: Slots
    phase: Phases
    since_us: Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Blocks that were looked at for silences, and until when they need no other look."""

    watched: Watched
    blocks: NDArray[np.intp]
    bound_us: Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All a step changes; sparse. Applied by `alerts.engine.commit`, written down by `alerts.memory_store.keep`."""

    now_us: int
    scanned: bool
    """Whether it is time to look what the clock alone ends, and to write down that somebody listens."""
    outage: Outage | None
    outages: tuple[Outage, ...]
    """All that are still worth remembering, `outage` included."""
    heard: Mapping[tuple[int, str], Heard]
    """By offset and profile."""
    stood: Mapping[str, Sequence[Stood]]
    """By rule, in the order they apply."""
    withdrawn: Sequence[Withdrawn]
    looked: Sequence[Looked]
    held: Mapping[int, Held]
    """By offset: what is not due yet."""
    released_us: Mapping[int, int]
    """By offset."""


def apply(state: RuleState, changes: Changes) -> None:
    """Write a step's changes into the memory."""
    if changes.outage is not None:
        _move_on(state, changes.outage)
        state.outages = changes.outages
    clock_set_back = changes.now_us < (state.watched_until_us or 0)
    state.watched_until_us = changes.now_us
    if changes.scanned:
        state.scanned_us = changes.now_us
    for (offset_us, profile), heard in changes.heard.items():
        _hear(state.streams[offset_us].tables[profile], heard)
    for rule, pieces in changes.stood.items():
        for piece in pieces:
            state.put(rule, piece.slots, piece.phase, piece.since_us)
    for looked in changes.looked:
        looked.watched.bound_us[looked.blocks] = looked.bound_us
    for offset_us, held in changes.held.items():
        state.streams[offset_us].held = held
        state.streams[offset_us].released_us = changes.released_us[offset_us]
    state.withdrawn = ()
    if clock_set_back:
        _look_everywhere(state)


def _move_on(state: RuleState, outage: Outage) -> None:
    for stream in state.streams.values():
        for table in stream.tables.values():
            table.heard_us[:] = heard_after(table.heard_us, (outage.earlier(stream.offset_us),))


def _look_everywhere(state: RuleState) -> None:
    for table in state.tables():
        for watched in table.watched:
            watched.bound_us[:] = 0


def _hear(table: Table, heard: Heard) -> None:
    table.ts_us[heard.places] = heard.ts_us
    table.heard_us[heard.places] = heard.heard_us
    if (table.origin.take(heard.places) != heard.origin).any():
        table.origin[heard.places] = heard.origin
    if heard.values is not None:
        table.values[heard.places] = heard.values
    if heard.rows is not None:
        table.rings.append(*heard.rows)
