"""What the rules remember between steps, as columns by slot; and the sparse changes a step makes to it. Pure.

Everything here is also in the database after each commit, so that a restart goes on where the last commit stood:
phases in `rule_state`, times and values of the newest readings in `device_state`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from alerts.rule import Rule, Rulebook
from core.fleet import Fleet
from core.origin import Origin

Slots = NDArray[np.intp]
Times = NDArray[np.int64]
S = TypeVar("S", bound=np.generic)


@dataclass(slots=True, kw_only=True)
class Standing:
    """Phase of one rule on every slot, and since when (event time). Untouched pages of zeros cost no memory."""

    phase: NDArray[np.int8]
    since_us: NDArray[np.int64]
    awake: int = 0
    """How many slots are not at rest."""

    def put(self, slots: Slots, phase: NDArray[np.int8], since_us: NDArray[np.int64]) -> None:
        """Set the phases of some slots, each named once."""
        self.awake += int(np.count_nonzero(phase)) - int(np.count_nonzero(self.phase[slots]))
        self.phase[slots] = phase
        self.since_us[slots] = since_us


@dataclass(slots=True, kw_only=True)
class Previous:
    """The newest reading's values of the channels whose change some rule watches, by slot."""

    channels: tuple[str, ...]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which nobody was listening: silence in it proves nothing. Microseconds since 1970 UTC."""

    start_us: int
    end_us: int


@dataclass(slots=True, kw_only=True)
class RuleState:
    """The memory. Only `alerts.engine.commit` writes to it; `make_room` may be called any time."""

    size: int = 0
    ts_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Event time of the newest reading; 0 = none yet."""
    heard_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """When the newest reading was received, or the device registered; moved on by outages."""
    origin: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    """Origin of the newest reading; LIVE before the first."""
    previous: dict[str, Previous] = field(default_factory=dict[str, Previous])
    standings: dict[str, Standing] = field(default_factory=dict[str, Standing])
    watched_until_us: int | None = None
    """The last instant at which somebody was listening; None = never."""
    tolerated_gap_us: int = 5_000_000
    """A longer time without a step is an outage (our choice: several ticks of the clock were missed)."""
    scanned_us: int = 0
    """When silences were last looked for."""
    outages: tuple[Outage, ...] = ()
    scopes: "Scopes | None" = None
    """Derived from the fleet, made anew when it changes."""

    def make_room(self, rulebook: Rulebook, fleet: Fleet) -> None:
        """Grow to the fleet's size: appended slots are at rest, heard of when they were registered."""
        if self.scopes is None or self.scopes.fleet is not fleet or self.scopes.rulebook is not rulebook:
            self.scopes = Scopes(rulebook, fleet)
            self._hold(rulebook)
        count = len(fleet)
        if count <= self.size:
            return
        capacity = max(count, self.size * 5 // 4)
        if len(self.ts_us) < count:
            self.ts_us = _grown(self.ts_us, capacity)
            self.heard_us = _grown(self.heard_us, capacity)
            self.origin = _grown(self.origin, capacity)
            for standing in self.standings.values():
                standing.phase = _grown(standing.phase, capacity)
                standing.since_us = _grown(standing.since_us, capacity)
            for previous in self.previous.values():
                previous.values = _grown(previous.values, capacity, np.nan)
        self.heard_us[self.size : count] = fleet.registered_us[self.size :]
        self.origin[self.size : count] = Origin.LIVE
        self.size = count

    def _hold(self, rulebook: Rulebook) -> None:
        """Make columns for rules and channels that have none yet."""
        for rule in rulebook.rules:
            if rule.name not in self.standings:
                self.standings[rule.name] = Standing(
                    phase=np.zeros(len(self.ts_us), np.int8), since_us=np.zeros(len(self.ts_us), np.int64)
                )
        for profile, channels in watched_changes(rulebook).items():
            held = self.previous.get(profile)
            if held is None or held.channels != channels:
                self.previous[profile] = Previous(
                    channels=channels, values=np.full((len(self.ts_us), len(channels)), np.nan)
                )


def watched_changes(rulebook: Rulebook) -> dict[str, tuple[str, ...]]:
    """Give, by profile, the channels whose value before is needed, in a fixed order."""
    wanted: dict[str, set[str]] = {}
    for rule in rulebook.rules:
        for condition in (rule.fires, rule.clears):
            for profile in rule.scope.profiles if condition else ():
                wanted.setdefault(profile, set()).update(condition.changes if condition else ())
    return {profile: tuple(sorted(channels)) for profile, channels in wanted.items() if channels}


class Scopes:
    """Which rules look at which slots of a fleet."""

    def __init__(self, rulebook: Rulebook, fleet: Fleet) -> None:
        self.fleet = fleet
        self.rulebook = rulebook
        self.of_profile: dict[str, tuple[Rule, ...]] = {
            profile: tuple(r for r in rulebook.rules if r.fires and profile in r.scope.profiles)
            for profile in {p for r in rulebook.rules for p in r.scope.profiles}
        }
        self.narrow: dict[str, NDArray[np.bool_]] = {
            rule.name: _within(rule, fleet)
            for rule in rulebook.rules
            if rule.fires and (rule.scope.classes or rule.scope.districts)
        }
        """Slots in scope, for rules that name classes or districts; the other rules see all of their profiles."""
        self.silences: tuple[Watched, ...] = tuple(_watched(rule, fleet) for rule in rulebook.rules if rule.absence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The slots whose silence a rule watches, and how long each may be silent."""

    rule: Rule
    slots: Slots
    allowed_us: NDArray[np.int64]
    position: NDArray[np.int32]
    """By slot: its index in `slots`, -1 = not watched."""


def _watched(rule: Rule, fleet: Fleet) -> Watched:
    assert rule.absence is not None
    codes = [code for code, name in enumerate(fleet.profiles) if name in rule.scope.profiles]
    slots = np.flatnonzero(np.isin(fleet.profile, codes) & fleet.in_service & _within(rule, fleet))
    allowed_s = rule.absence.intervals * fleet.interval_s[slots] + rule.absence.seconds
    position = np.full(len(fleet), -1, np.int32)
    position[slots] = np.arange(len(slots), dtype=np.int32)
    allowed_us = np.round(allowed_s * 1e6).astype(np.int64) + rule.for_us
    return Watched(rule=rule, slots=slots, allowed_us=allowed_us, position=position)


def _within(rule: Rule, fleet: Fleet) -> NDArray[np.bool_]:
    mask = np.ones(len(fleet), np.bool_)
    if rule.scope.classes:
        mask &= np.fromiter((code in rule.scope.classes for code in fleet.class_code), np.bool_, len(fleet))
    if rule.scope.districts:
        mask &= np.fromiter((code in rule.scope.districts for code in fleet.district_code), np.bool_, len(fleet))
    return mask


def heard_after(heard_us: NDArray[np.int64], outages: Iterable[Outage]) -> NDArray[np.int64]:
    """Give the times moved on by the outages since: what was silent before goes on where it stood."""
    for outage in outages:
        gone = outage.end_us - np.maximum(outage.start_us, heard_us)
        heard_us = np.where(heard_us < outage.end_us, heard_us + gone, heard_us)
    return heard_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The newest readings of a step, one a slot."""

    slots: Slots
    ts_us: NDArray[np.int64]
    origin: NDArray[np.int8]
    received_us: NDArray[np.int64] | None
    """When they were received; None = with the step."""
    previous: NDArray[np.float64] | None
    """In the order of `Previous.channels` of the profile; None when no rule wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """New phases of one rule, where they changed."""

    slots: Slots
    phase: NDArray[np.int8]
    since_us: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All a step changes; sparse. Applied by `alerts.engine.commit`, written down by `alerts.memory_store.keep`."""

    now_us: int
    scanned: bool
    outage: Outage | None
    outages: tuple[Outage, ...]
    """All that are still worth remembering, `outage` included."""
    heard: Mapping[str, Heard]
    stood: Mapping[str, Sequence[Stood]]
    """By rule, in the order they apply."""


def apply(state: RuleState, changes: Changes) -> None:
    """Write a step's changes into the memory."""
    if changes.outage is not None:
        state.heard_us[: state.size] = heard_after(state.heard_us[: state.size], (changes.outage,))
        state.outages = changes.outages
    state.watched_until_us = changes.now_us
    if changes.scanned:
        state.scanned_us = changes.now_us
    for profile, heard in changes.heard.items():
        state.ts_us[heard.slots] = heard.ts_us
        state.heard_us[heard.slots] = changes.now_us if heard.received_us is None else heard.received_us
        state.origin[heard.slots] = heard.origin
        if heard.previous is not None:
            state.previous[profile].values[heard.slots] = heard.previous
    for rule, pieces in changes.stood.items():
        standing = state.standings[rule]
        for piece in pieces:
            standing.put(piece.slots, piece.phase, piece.since_us)


def _grown(column: NDArray[S], capacity: int, fill: float = 0) -> NDArray[S]:
    """Give a longer copy. Only what is set is copied, so that untouched pages stay untouched."""
    shape = (capacity, *column.shape[1:])
    larger = np.full(shape, fill, column.dtype) if fill else np.zeros(shape, column.dtype)
    occupied = np.flatnonzero(column) if column.ndim == 1 else np.arange(len(column))
    larger[occupied] = column[occupied]
    return larger
