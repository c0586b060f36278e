"""What rules would have raised in the past: the journey's own steps, with no people and no database. Pure.

The same functions decide as live, on the same batches: readings as they were received, at the time they were received.
Nobody acknowledges or closes anything here, so a case ends when its rule recovers and a later firing is a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from alerts import engine, fan_in, sightings
from alerts.case import Change, Joining, Merging, Opening, Recovery
from alerts.engine import Proof, RuleState, Transition
from alerts.mute import Silence
from alerts.rule import Rule, Rulebook
from core.facts import LocatedFact
from core.fleet import Fleet
from core.frame import Frame

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER_US = 2**62


@dataclass(slots=True, kw_only=True)
class Raised:
    """A case the rules would have opened."""

    cause: str
    rule: Rule
    slot: int
    """Of the device that decided."""
    members: set[int]
    """Slots of all its devices."""
    fired_us: int
    """Event time of what decided."""
    since_us: int
    """Event time at which the condition began."""
    opened_us: int
    """When it would have been opened: the time of arrival of what decided."""
    recovered_us: int | None = None
    merged_into: str | None = None
    origin: int
    proof: Proof
    unit_grid_id: int
    """Where it happened; 0 = outside the grids."""
    lon_deg: float
    lat_deg: float
    geometry: bytes | None
    """WKB of what the rule saw; None = the place above."""


@dataclass(slots=True, kw_only=True)
class Replay:
    """Rules at work on the past."""

    rulebook: Rulebook
    fleet: Fleet
    silences: tuple[Silence, ...] = ()
    """Silences and maintenance windows of the time; they hold back here as they did live."""
    raised: list[Raised] = field(default_factory=list[Raised])
    readings: int = 0
    _state: RuleState = field(init=False)
    _cases: fan_in.Cases = field(init=False)
    _open: dict[str, Raised] = field(default_factory=dict[str, Raised])
    _grid: NDArray[np.int32] = field(init=False)
    _place: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self._state = engine.initial(self.rulebook, self.fleet)
        self._cases = fan_in.Cases(silences=self.silences)
        self._grid = self.fleet.unit_grid_id.copy()
        self._place = np.column_stack([self.fleet.lon_deg, self.fleet.lat_deg])

    def take(
        self, frames: Sequence[Frame], now_us: int, facts: Sequence[LocatedFact] = (), *, after_outage: bool = False
    ) -> None:
        """Take what was received up to `now_us`; `after_outage`: nobody was listening since the call before."""
        self._state.tolerated_gap_us = 0 if after_outage else NEVER_US
        now = _EPOCH + timedelta(microseconds=now_us)
        for frame in frames:
            self._remember_place(frame)
            self.readings += len(frame)
        step = engine.step(self._state, frames, self.rulebook, self.fleet, now)
        step = sightings.see(self._state, step, facts, self.rulebook, self.fleet)
        decided = fan_in.decide(self._cases, step, self.rulebook, self.fleet, now)
        for change in decided.changes:
            self._note(change, now_us)
        engine.commit(self._state, step)
        fan_in.commit(self._cases, decided)

    def _note(self, change: Change, now_us: int) -> None:
        if isinstance(change, Opening):
            raised = self._opened(change, now_us)
            if self._open.setdefault(change.cause, raised) is raised:
                self.raised.append(raised)
        elif isinstance(change, Joining) and change.cause in self._open:
            held = self._open[change.cause]
            held.members.add(change.slot)
            held.geometry = change.geometry or held.geometry
        elif isinstance(change, Recovery | Merging) and change.cause in self._open:
            ended = self._open.pop(change.cause)
            ended.recovered_us = change.transition.ts_us
            ended.merged_into = change.into if isinstance(change, Merging) else None

    def _opened(self, opening: Opening, now_us: int) -> Raised:
        transition = opening.transition
        lon_deg, lat_deg = self._where(transition)
        moved = transition.unit_grid_id >= 0 and np.isfinite(transition.lon_deg)
        return Raised(
            cause=opening.cause,
            rule=opening.rule,
            slot=transition.slot,
            members={transition.slot, *opening.members},
            fired_us=transition.ts_us,
            since_us=transition.since_us,
            opened_us=now_us,
            origin=transition.origin,
            proof=transition.proof,
            unit_grid_id=transition.unit_grid_id if moved else int(self._grid[transition.slot]),
            lon_deg=lon_deg,
            lat_deg=lat_deg,
            geometry=opening.geometry,
        )

    def _where(self, transition: Transition) -> tuple[float, float]:
        """Give where the reading that decided was taken; failing that, where the device was last."""
        if np.isfinite(transition.lon_deg):
            return transition.lon_deg, transition.lat_deg
        lon_deg, lat_deg = self._place[transition.slot]
        return float(lon_deg), float(lat_deg)

    def _remember_place(self, frame: Frame) -> None:
        if "lon_deg" not in frame.channels:
            return
        known = np.isfinite(frame.column("lon_deg")) & np.isfinite(frame.column("lat_deg"))
        slots = frame.slot[known]
        self._grid[slots] = frame.unit_grid_id[known]
        self._place[slots, 0] = frame.column("lon_deg")[known]
        self._place[slots, 1] = frame.column("lat_deg")[known]


def warm_up_us(rulebook: Rulebook, fleet: Fleet) -> int:
    """Give how long before a span rules must see readings, to know at its start what they would know live.

    The longest window, `for`, `keep_firing_for` and stated lateness of a rule together, or the longest silence; and two
    reports of its devices, the one that begins it and the one that ends it. What has held for longer than that fires in
    the warm-up, and is not counted, though live fired earlier.
    """
    return max((_looks_back_us(rule, fleet) for rule in rulebook.rules), default=0)


def _looks_back_us(rule: Rule, fleet: Fleet) -> int:
    conditions = [condition for condition in (rule.fires, rule.clears) if condition is not None]
    window_us = max((span_us for condition in conditions for _, span_us in condition.windows), default=0)
    codes = [code for code, name in enumerate(fleet.profiles) if name in rule.scope.profiles]
    longest_s = float(fleet.interval_s[np.isin(fleet.profile, codes)].max(initial=0.0))
    silent_s = rule.absence.intervals * longest_s + rule.absence.seconds if rule.absence else 0.0
    return window_us + rule.for_us + rule.keep_firing_us + rule.offset_us + round((silent_s + 2 * longest_s) * 1e6)
