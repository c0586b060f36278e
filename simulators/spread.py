"""Which fault strikes which devices when: the kinds of a scenario, spread over a run from a seed. Pure."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from simulators import signals
from simulators.roster import Roster
from simulators.routes import M_PER_DEG_LAT
from simulators.scenario import APART_M, APART_S, LEAD_IN_S, Fault, FaultKind, Plan, Scenario

Devices = NDArray[np.intp]
WHOLE_SHARE = 0.9
"""A kind that may strike a whole cell waits until nearly all of it is free: its rule asks for a share (our choice)."""

BRIGHT_LX = 8000.0
"""Light that is day beyond doubt; a lamp that burns then is a day burner (our choice)."""


def faults(scenario: Scenario, roster: Roster, plan: Plan) -> Iterator[Fault]:
    """Give the faults of a run in the order of their starts; endless when the plan has no end.

    Kinds take turns in a shuffled order, so that a short run sees as many kinds as fit; a kind that could not be
    detected before the end, or not at this time of day, gives its turn to the next one.
    """
    if not scenario.faults or plan.per_minute <= 0:
        return
    spread = Spread(scenario.faults, roster, plan)
    spacing_s = 60.0 / plan.per_minute
    for turn in itertools.count():
        start_s = LEAD_IN_S + spacing_s * (turn + spread.jitter())
        if plan.until_s is not None and start_s >= plan.until_s:
            return
        yield from spread.next_faults(start_s)


class Spread:
    """Whose turn it is: the kinds still waiting in this round, when each device is free again, what struck where."""

    def __init__(self, kinds: Sequence[FaultKind], roster: Roster, plan: Plan) -> None:
        self._kinds = kinds
        self._members = {kind.profile: roster.of_profile(kind.profile) for kind in kinds}
        self._roster = roster
        self._plan = plan
        self._rng = np.random.default_rng([plan.seed, 0xFA17])
        self._free_from_s = np.zeros(len(roster))
        self._kind_free_from_s: dict[str, float] = {}
        self._waiting: list[FaultKind] = []
        self._count = 0
        self._struck: list[tuple[float, FaultKind, Devices]] = []
        """When, what, and which devices; only of kinds that keep apart."""
        self._cells: Mapping[str, NDArray[np.str_]] = {
            "patrol_grid": np.array(roster.patrol_code, np.str_),
            "circuit": np.array(roster.circuit, np.str_),
        }

    def jitter(self) -> float:
        """Give a share of the spacing between two faults."""
        return float(self._rng.uniform(0, 0.8))

    def next_faults(self, start_s: float) -> list[Fault]:
        """Give what strikes at `start_s`: one fault, one of many devices, or nothing when no kind fits in there."""
        for _ in range(2):
            for kind in self._waiting:
                found = self._of_kind(kind, start_s)
                if found:
                    self._waiting.remove(kind)
                    return found
            self._waiting = [self._kinds[int(k)] for k in self._rng.permutation(len(self._kinds))]
        return []

    def _of_kind(self, kind: FaultKind, start_s: float) -> list[Fault]:
        rng, plan = self._rng, self._plan
        if start_s < self._kind_free_from_s.get(kind.kind, 0.0):
            return []
        members = self._members[kind.profile]
        interval_s = self._roster.interval_s[members]
        report_s = np.minimum(kind.report_s, interval_s)
        detect_by_s = start_s + kind.detect_s + kind.detect_intervals * interval_s + report_s
        possible = self._free_from_s[members] <= start_s
        if plan.until_s is not None:
            possible &= detect_by_s <= plan.until_s
        possible &= self._stands_apart(kind, members, start_s)
        picked = self._picked(kind, members, np.flatnonzero(possible))
        if not len(picked):
            return []
        last_s = float((detect_by_s + 2 * report_s)[picked].max())
        end_s = max(start_s + float(rng.uniform(*kind.duration_s)), last_s)
        if not _in_its_light(kind, plan.start_epoch_s + start_s, plan.start_epoch_s + end_s):
            return []
        devices = members[picked]
        self._note(kind, devices, start_s, end_s)
        together = tuple(devices.tolist()) if kind.together else ()
        detected_s = float(detect_by_s[picked].max())
        return [self._fault(kind, int(device), (start_s, end_s, detected_s), together) for device in devices]

    def _picked(self, kind: FaultKind, members: Devices, candidates: Devices) -> Devices:
        """Give one of the candidates, or as many of one cell as the kind strikes at once; none = it does not fit."""
        if not len(candidates):
            return candidates
        if kind.together is None:
            return self._rng.choice(candidates, 1)
        fewest, most = kind.together
        cells = self._cells[kind.apart_in][members]
        names, counts = np.unique(cells[candidates], return_counts=True)
        whole = dict(zip(*np.unique(cells, return_counts=True), strict=True))
        enough = (counts >= fewest) & ((counts > most) | (counts >= WHOLE_SHARE * np.array([whole[n] for n in names])))
        fit = [name for name, is_enough in zip(names, enough, strict=True) if name and is_enough]
        if not fit:
            return candidates[:0]
        here = candidates[cells[candidates] == self._rng.choice(fit)]
        return np.sort(self._rng.choice(here, min(len(here), most), replace=False))

    def _stands_apart(self, kind: FaultKind, members: Devices, start_s: float) -> NDArray[np.bool_]:
        """Say which devices are far enough from faults that a rule would count together with this one."""
        free = np.ones(len(members), np.bool_)
        if not kind.apart_in:
            return free
        cells = self._cells[kind.apart_in]
        self._struck = [struck for struck in self._struck if struck[0] > start_s - APART_S]
        for _, other, devices in self._struck:
            if other.apart_in == kind.apart_in:
                free &= ~np.isin(cells[members], [cell for cell in cells[devices] if cell])
                if other.together and kind.apart_in == "patrol_grid":
                    free &= self._away_m(members, devices) > APART_M
        return free

    def _away_m(self, members: Devices, devices: Devices) -> NDArray[np.float64]:
        roster = self._roster
        north = (roster.lat_deg[members] - roster.lat_deg[devices].mean()) * M_PER_DEG_LAT
        east = (roster.lon_deg[members] - roster.lon_deg[devices].mean()) * M_PER_DEG_LAT
        return np.hypot(north, east * np.cos(np.radians(roster.lat_deg[members])))

    def _note(self, kind: FaultKind, devices: Devices, start_s: float, end_s: float) -> None:
        self._free_from_s[devices] = end_s + kind.cool_down_s
        self._kind_free_from_s[kind.kind] = start_s + kind.every_s
        if kind.apart_in:
            self._struck.append((start_s, kind, devices))

    def _fault(
        self, kind: FaultKind, device: int, times_s: tuple[float, float, float], together: tuple[int, ...]
    ) -> Fault:
        rng = self._rng
        self._count += 1
        start_s, end_s, detect_by_s = times_s
        return Fault(
            fault_id=self._count,
            kind=kind,
            device=device,
            start_s=start_s,
            end_s=end_s,
            detect_by_s=detect_by_s,
            targets={channel: float(rng.uniform(*effect.to)) for channel, effect in kind.effects.items()},
            detour_m=float(rng.uniform(*kind.detour_m)) if kind.detour_m else 0.0,
            together=together,
        )


def _in_its_light(kind: FaultKind, start_epoch_s: float, end_epoch_s: float) -> bool:
    if kind.when == "any":
        return True
    if kind.when == "lit":
        return signals.lamps_are_lit(start_epoch_s) and signals.lamps_are_lit(end_epoch_s)
    return min(signals.daylight_lx(start_epoch_s), signals.daylight_lx(end_epoch_s)) > BRIGHT_LX
