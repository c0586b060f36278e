"""Faults as data: which kinds a scenario has, when each strikes which device, and what it does to the readings. Pure.

A scenario file names kinds of faults; `faults` spreads them over a run from a seed, each with its ground truth: the
device, the rule that must fire, and the time by which it must have fired.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import yaml

from core.errors import InvalidInput
from simulators import signals
from simulators.roster import Roster

SCENARIOS = Path(__file__).parent / "scenarios"

COOL_DOWN_S = 180.0
"""A device is left alone this long after a fault, so that one incident is over before the next (our choice)."""

LEAD_IN_S = 3.0
"""No fault in the first seconds of a run: every fault follows a healthy reading (our choice)."""


class Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a fault does to one channel: it goes to a value drawn from `to`, at once or in `over_s` seconds."""

    to: tuple[float, float]
    over_s: float = 0.0


class FaultKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of fault and the rule that must find it."""

    kind: str
    profile: str
    rule: str
    effects: dict[str, Effect] = {}
    detour_m: tuple[float, float] | None = None
    """Moves the device this far to the side of its way."""
    silent: bool = False
    """The device stops reporting."""
    when: Literal["any", "lit", "daylight"] = "any"
    detect_s: float = 1.0
    """The rule's `for`, and whatever else the rule waits for, seconds."""
    detect_intervals: float = 0.0
    """How many of the device's own intervals the rule waits for beside `detect_s`."""
    report_s: float = 5.0
    """How often the device reports while the fault lasts, if its interval is longer."""
    duration_s: tuple[float, float] = (30.0, 60.0)


class Defects(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Deliberately bad messages: how many a minute, of which kinds (`simulators.defects`)."""

    per_minute: float = 0.0
    kinds: tuple[str, ...] = ()


class Detections(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What cameras recognise: how often in the whole city, and which kinds (`simulators.detections`)."""

    per_minute: float = 0.0
    kinds: tuple[str, ...] = ()


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named set of fault kinds."""

    scenario: str
    title_zh: str
    title_en: str
    faults: tuple[FaultKind, ...] = ()
    defects: Defects = Defects()
    detections: Detections = Detections()
    faults_per_minute: float = 12.0
    drop_out_share: float = 0.005
    """Share of reports a healthy device loses by itself; never two in a row."""


BRIGHT_LX = 8000.0
"""Light that is day beyond doubt; a lamp that burns then is a day burner (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault on one device: the ground truth. Times are seconds since the run's start."""

    fault_id: int
    kind: FaultKind
    device: int
    """Position in the roster."""
    start_s: float
    end_s: float
    detect_by_s: float
    """The rule has fired by then, transport left aside."""
    targets: Mapping[str, float]
    """Value each affected channel goes to."""
    detour_m: float


def parse(text: str, source: str) -> Scenario:
    """Give the scenario a YAML text describes; raises `InvalidInput` naming `source` and the field."""
    try:
        return msgspec.convert(yaml.safe_load(text), Scenario)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise InvalidInput(f"{source}: {error}") from error


def named(name: str) -> Scenario:
    """Give a shipped scenario by name, or the one in a file; raises `InvalidInput` with the names there are."""
    file = SCENARIOS / f"{name}.yaml"
    if not file.exists():
        file = Path(name)
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
        raise InvalidInput(f"no scenario {name!r}: there are {known}, or give a file")
    return parse(file.read_text(encoding="utf-8"), file.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How faults are spread: from `start_epoch_s` on, `per_minute`, until `until_s` (None = without end)."""

    seed: int
    start_epoch_s: float
    per_minute: float
    until_s: float | None


def faults(scenario: Scenario, roster: Roster, plan: Plan) -> Iterator[Fault]:
    """Give the faults of a run in the order of their starts; endless when the plan has no end.

    Kinds take turns in a shuffled order, so that a short run sees as many kinds as fit; a kind that could not be
    detected before the end, or not at this time of day, gives its turn to the next one.
    """
    if not scenario.faults or plan.per_minute <= 0:
        return
    spread = _Spread(scenario, roster, plan)
    spacing_s = 60.0 / plan.per_minute
    for turn in itertools.count():
        start_s = LEAD_IN_S + spacing_s * (turn + spread.jitter())
        if plan.until_s is not None and start_s >= plan.until_s:
            return
        fault = spread.next_fault(start_s)
        if fault is not None:
            yield fault


class _Spread:
    """Whose turn it is: the kinds still waiting in this round, and when each device is free again."""

    def __init__(self, scenario: Scenario, roster: Roster, plan: Plan) -> None:
        self._kinds = scenario.faults
        self._members = {kind.profile: roster.of_profile(kind.profile) for kind in scenario.faults}
        self._roster = roster
        self._plan = plan
        self._rng = np.random.default_rng([plan.seed, 0xFA17])
        self._free_from_s = np.zeros(len(roster))
        self._waiting: list[FaultKind] = []
        self._count = 0

    def jitter(self) -> float:
        """Give a share of the spacing between two faults."""
        return float(self._rng.uniform(0, 0.8))

    def next_fault(self, start_s: float) -> Fault | None:
        """Give the fault that strikes at `start_s`, or None when no kind fits in there."""
        for _ in range(2):
            for kind in self._waiting:
                fault = self._of_kind(kind, start_s)
                if fault is not None:
                    self._waiting.remove(kind)
                    return fault
            self._waiting = [self._kinds[int(k)] for k in self._rng.permutation(len(self._kinds))]
        return None

    def _of_kind(self, kind: FaultKind, start_s: float) -> Fault | None:
        rng, plan = self._rng, self._plan
        members = self._members[kind.profile]
        interval_s = self._roster.interval_s[members]
        report_s = np.minimum(kind.report_s, interval_s)
        detect_by_s = start_s + kind.detect_s + kind.detect_intervals * interval_s + report_s
        possible = self._free_from_s[members] <= start_s
        if plan.until_s is not None:
            possible &= detect_by_s <= plan.until_s
        candidates = np.flatnonzero(possible)
        if not len(candidates):
            return None
        pick = int(rng.choice(candidates))
        end_s = max(start_s + float(rng.uniform(*kind.duration_s)), float(detect_by_s[pick] + 2 * report_s[pick]))
        if not _in_its_light(kind, plan.start_epoch_s + start_s, plan.start_epoch_s + end_s):
            return None
        device = int(members[pick])
        self._free_from_s[device] = end_s + COOL_DOWN_S
        self._count += 1
        return Fault(
            fault_id=self._count,
            kind=kind,
            device=device,
            start_s=start_s,
            end_s=end_s,
            detect_by_s=float(detect_by_s[pick]),
            targets={channel: float(rng.uniform(*effect.to)) for channel, effect in kind.effects.items()},
            detour_m=float(rng.uniform(*kind.detour_m)) if kind.detour_m else 0.0,
        )


def _in_its_light(kind: FaultKind, start_epoch_s: float, end_epoch_s: float) -> bool:
    if kind.when == "any":
        return True
    if kind.when == "lit":
        return signals.lamps_are_lit(start_epoch_s) and signals.lamps_are_lit(end_epoch_s)
    return min(signals.daylight_lx(start_epoch_s), signals.daylight_lx(end_epoch_s)) > BRIGHT_LX


def label(fault: Fault, roster: Roster, start_epoch_ms: int) -> dict[str, object]:
    """Give the ground truth of a fault as it is written down for checkers."""
    return {
        "fault_id": fault.fault_id,
        "kind": fault.kind.kind,
        "rule": fault.kind.rule,
        "device_label": roster.label[fault.device],
        "profile": roster.profile[fault.device],
        "unit_grid_code": roster.unit_grid_code[fault.device],
        "patrol_grid_code": roster.patrol_code[fault.device],
        "start_ms": start_epoch_ms + round(fault.start_s * 1000),
        "end_ms": start_epoch_ms + round(fault.end_s * 1000),
        "detect_by_ms": start_epoch_ms + round(fault.detect_by_s * 1000),
    }
