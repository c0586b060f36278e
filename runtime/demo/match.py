"""Which fault explains which incident, and how long it took people to see it. Pure.

An incident is explained by a fault on the same device, found by the rule the fault names, while the fault lasted (with
some tolerance) and in the fault's unit grid: the grid of the installed device, or for a vehicle the grid that its
published position lies in. A fault of many devices explains the case its rule makes of them, on any of them, and what
other rules said of single ones before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

TOLERANCE_MS = 15_000
"""An incident may fire this much after its fault has ended: delivery, retries, a restart in between (our choice)."""
NOBODY_PUBLISHES = "DeviceSilent"
"""A silence is found by the clock; no message of its device precedes it, so it has no time from publish to visible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """A fault that has begun: the ground truth."""

    fault_id: int
    kind: str
    rule: str
    device_label: str
    unit_grid_code: str
    is_moving: bool
    start_ms: int
    end_ms: int
    detect_by_ms: int
    together: tuple[str, ...] = ()
    """Labels of all devices of a fault that strikes many; empty = the one alone."""
    also: tuple[str, ...] = ()
    """Rules that may find single devices of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An incident of the platform, as stored or as told by the live stream."""

    incident_id: int
    rule: str
    severity: str
    device_label: str
    unit_grid_code: str
    fired_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How faults and incidents fit together."""

    matched: Mapping[int, int]
    """Fault -> the first incident it explains."""
    missed: tuple[Injected, ...]
    unexplained: tuple[Seen, ...]
    misplaced: tuple[tuple[Injected, Seen], ...] = field(default=())
    """Right rule and device, but another grid: counted as missed and as unexplained too."""


def match(
    faults: Sequence[Injected], incidents: Sequence[Seen], grid_of_vehicle: Mapping[tuple[str, int], str]
) -> Verdict:
    """Fit incidents to faults; `grid_of_vehicle` gives the grid a vehicle was in when it published, by (label, ms)."""
    by_device: dict[tuple[str, str], list[Injected]] = {}
    for fault in faults:
        for label in fault.together or (fault.device_label,):
            for rule in (fault.rule, *fault.also):
                by_device.setdefault((label, rule), []).append(fault)
    matched: dict[int, int] = {}
    unexplained: list[Seen] = []
    misplaced: list[tuple[Injected, Seen]] = []
    for incident in sorted(incidents, key=lambda it: it.fired_ms):
        fault = _cause(incident, by_device.get((incident.device_label, incident.rule), ()))
        if fault is None:
            unexplained.append(incident)
        elif not fault.together and incident.unit_grid_code != _grid(fault, incident, grid_of_vehicle):
            misplaced.append((fault, incident))
            unexplained.append(incident)
        elif incident.rule == fault.rule:
            matched.setdefault(fault.fault_id, incident.incident_id)
    missed = tuple(fault for fault in faults if fault.fault_id not in matched)
    return Verdict(matched=matched, missed=missed, unexplained=tuple(unexplained), misplaced=tuple(misplaced))


def cut_short(verdict: Verdict, ended_ms: int) -> tuple[Injected, ...]:
    """Give the missed faults that nobody could have found yet when the run was ended."""
    return tuple(fault for fault in verdict.missed if fault.detect_by_ms > ended_ms)


def without(verdict: Verdict, faults: Sequence[Injected]) -> Verdict:
    """Give the verdict without some of the missed faults."""
    return replace(verdict, missed=tuple(fault for fault in verdict.missed if fault not in faults))


def _cause(incident: Seen, candidates: Sequence[Injected]) -> Injected | None:
    for fault in candidates:
        if fault.start_ms <= incident.fired_ms <= max(fault.end_ms, fault.detect_by_ms) + TOLERANCE_MS:
            return fault
    return None


def _grid(fault: Injected, incident: Seen, grid_of_vehicle: Mapping[tuple[str, int], str]) -> str:
    if not fault.is_moving:
        return fault.unit_grid_code
    return grid_of_vehicle.get((fault.device_label, incident.fired_ms), "")


def quantile(samples_s: Sequence[float], share: float) -> float | None:
    """Give the smallest sample that at least `share` of all do not exceed; None without samples."""
    if not samples_s:
        return None
    ordered = sorted(samples_s)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]
