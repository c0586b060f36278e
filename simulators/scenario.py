"""Faults as data: which kinds a scenario has, when each strikes which device, and what it does to the readings. Pure.

A scenario file names kinds of faults; `simulators.spread` spreads them over a run from a seed, each with its ground
truth: the device, the rule that must fire, and the time by which it must have fired.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from core.errors import InvalidInput
from simulators.roster import Roster

SCENARIOS = Path(__file__).parent / "scenarios"

COOL_DOWN_S = 180.0
"""A device is left alone this long after a fault, so that one incident is over before the next (our choice)."""

APART_S = 900.0
"""What rules count together stays apart this long, so that faults do not add up to one nobody meant (our choice)."""

APART_M = 2500.0
"""How far single faults, and other faults of many devices, keep from one of many: the case of one patrol grid takes in
what happens next door (our choice: more than two patrol grids)."""

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
    sighting: str = ""
    """The device tells a fact of this kind, once."""
    together: tuple[int, int] | None = None
    """Strikes so many devices of one cell at once, from the fewest to the most."""
    apart_in: Literal["", "patrol_grid", "circuit"] = ""
    """The cells in which a rule counts such faults."""
    also: tuple[str, ...] = ()
    """Rules that may find single devices of it before its own rule finds all."""
    every_s: float = 0.0
    """It strikes no more often than this."""
    cool_down_s: float = COOL_DOWN_S
    """How long a device is left alone afterwards."""
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
    confidence: tuple[float, float] = (0.6, 0.99)


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
    together: tuple[int, ...] = ()
    """All devices that are struck at once, this one among them; the first stands for all. Empty = this one alone."""

    @property
    def stands_for_all(self) -> bool:
        """Say whether it is the one that is written down."""
        return not self.together or self.together[0] == self.device


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
        "together": [roster.label[device] for device in fault.together],
        "also": list(fault.kind.also),
        "start_ms": start_epoch_ms + round(fault.start_s * 1000),
        "end_ms": start_epoch_ms + round(fault.end_s * 1000),
        "detect_by_ms": start_epoch_ms + round(fault.detect_by_s * 1000),
    }
