"""What a back-test found, against what was raised live and what was really wrong. Pure.

Live and back-test agree on an incident when rule, cause and the time it fired agree. Faults are fitted as in the demo
(`runtime.demo.match`): right rule, right device, while the fault lasted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from runtime.demo.match import Injected, Seen, match, quantile

SAME_US = 1_000_000
"""Times of firing that differ by no more are the same (our choice: a silence is noticed at the next look)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An incident, of a back-test or of the live run."""

    number: int
    """Its place in the back-test, or its `incident_id`."""
    rule: str
    severity: str
    cause: str
    device: str
    fired_us: int
    opened_us: int
    recovered_us: int | None = None
    unit_grid: str = ""
    patrol_grid: str = ""
    lon_deg: float = float("nan")
    lat_deg: float = float("nan")
    comparison: str = ""
    value: float | None = None
    devices: int = 1
    geometry: Mapping[str, Any] | None = None
    """GeoJSON of what the rule saw; None = the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a back-test compares with what was raised live."""

    same: Mapping[int, int]
    """Number in the back-test -> incident_id."""
    only_backtest: tuple[Found, ...]
    only_live: tuple[Found, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How a back-test compares with labelled faults."""

    faults: int
    found: Mapping[int, int]
    """fault_id -> number in the back-test."""
    missed: tuple[Injected, ...]
    unexplained: tuple[Found, ...]
    precision: float | None
    """Of the incidents, the share a fault explains; None = there were no incidents."""
    recall: float | None
    """Of the faults, the share that was found; None = there were no faults."""
    delay_median_s: float | None
    """From a fault's beginning to the reading that decided, event time."""
    delay_p95_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything a back-test tells."""

    start: datetime
    end: datetime
    warm_up_s: float
    covered_s: float
    """From the first reading, of the warm-up if there was one, to the end."""
    rules: str
    """What was run: a path, or the version."""
    devices: int
    readings: int
    took_s: float
    incidents: tuple[Found, ...]
    live: Agreement | None
    score: Score | None
    timezone: str
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Chinese and English name of patrol grids."""

    @property
    def times_real_time(self) -> float:
        """Give how much faster it was than the time it went through, warm-up included."""
        return self.covered_s / max(self.took_s, 1e-9)

    def by_day(self) -> dict[str, int]:
        """Give how many incidents opened on each day of the city."""
        return _counted(day_of(it, self.timezone) for it in self.incidents)

    def by_grid(self) -> dict[str, int]:
        """Give how many incidents opened in each patrol grid; empty = outside."""
        return _counted(it.patrol_grid for it in self.incidents)

    def by_rule(self) -> dict[str, int]:
        """Give how many incidents each rule opened."""
        return _counted(it.rule for it in self.incidents)


def day_of(found: Found, timezone: str) -> str:
    """Give the day of the city on which an incident opened."""
    return datetime.fromtimestamp(found.opened_us / 1e6, ZoneInfo(timezone)).date().isoformat()


def agreement(backtest: Sequence[Found], live: Sequence[Found]) -> Agreement:
    """Fit what a back-test and the live run raised, each at most once."""
    waiting: dict[tuple[str, str], list[Found]] = {}
    for found in live:
        waiting.setdefault((found.rule, found.cause), []).append(found)
    same: dict[int, int] = {}
    for found in backtest:
        candidates = waiting.get((found.rule, found.cause), [])
        twin = next((it for it in candidates if abs(it.fired_us - found.fired_us) <= SAME_US), None)
        if twin is not None:
            candidates.remove(twin)
            same[found.number] = twin.number
    return Agreement(
        same=same,
        only_backtest=tuple(it for it in backtest if it.number not in same),
        only_live=tuple(it for rest in waiting.values() for it in rest),
    )


def score(backtest: Sequence[Found], faults: Sequence[Injected]) -> Score:
    """Fit incidents to labelled faults."""
    seen = [
        Seen(
            incident_id=it.number,
            rule=it.rule,
            severity=it.severity,
            device_label=it.device,
            unit_grid_code=it.unit_grid,
            fired_ms=it.fired_us // 1000,
        )
        for it in backtest
    ]
    where = {(it.device_label, it.fired_ms): it.unit_grid_code for it in seen}
    verdict = match(faults, seen, where)
    fired_us = {it.number: it.fired_us for it in backtest}
    begun = {fault.fault_id: fault.start_ms for fault in faults}
    delays_s = [fired_us[number] / 1e6 - begun[fault_id] / 1e3 for fault_id, number in verdict.matched.items()]
    unexplained = {it.incident_id for it in verdict.unexplained}
    return Score(
        faults=len(faults),
        found=verdict.matched,
        missed=verdict.missed,
        unexplained=tuple(it for it in backtest if it.number in unexplained),
        precision=1 - len(unexplained) / len(backtest) if backtest else None,
        recall=len(verdict.matched) / len(faults) if faults else None,
        delay_median_s=quantile(delays_s, 0.5),
        delay_p95_s=quantile(delays_s, 0.95),
    )


def document(outcome: Outcome) -> dict[str, Any]:
    """Give an outcome as JSON."""
    explained = {number: fault for fault, number in outcome.score.found.items()} if outcome.score else {}
    live = outcome.live
    return {
        "from": outcome.start.isoformat(),
        "to": outcome.end.isoformat(),
        "warm_up_s": outcome.warm_up_s,
        "rules": outcome.rules,
        "devices": outcome.devices,
        "readings": outcome.readings,
        "took_s": round(outcome.took_s, 3),
        "readings_per_s": round(outcome.readings / max(outcome.took_s, 1e-9)),
        "times_real_time": round(outcome.times_real_time, 1),
        "by_day": outcome.by_day(),
        "by_rule": outcome.by_rule(),
        "by_grid": outcome.by_grid(),
        "incidents": [
            {
                **_described(it),
                "live_incident": live.same.get(it.number) if live else None,
                "fault": explained.get(it.number),
            }
            for it in outcome.incidents
        ],
        "live": {
            "same": len(live.same),
            "only_backtest": [it.number for it in live.only_backtest],
            "only_live": [_described(it) for it in live.only_live],
        }
        if live
        else None,
        "faults": _scored(outcome.score) if outcome.score else None,
    }


def _scored(found: Score) -> dict[str, Any]:
    return {
        "faults": found.faults,
        "found": len(found.found),
        "missed": [
            {"fault": it.fault_id, "kind": it.kind, "rule": it.rule, "device": it.device_label, "start_ms": it.start_ms}
            for it in found.missed
        ],
        "unexplained": [it.number for it in found.unexplained],
        "precision": found.precision,
        "recall": found.recall,
        "delay_median_s": found.delay_median_s,
        "delay_p95_s": found.delay_p95_s,
    }


def _described(it: Found) -> dict[str, Any]:
    return {
        "number": it.number,
        "rule": it.rule,
        "severity": it.severity,
        "cause": it.cause,
        "device": it.device,
        "devices": it.devices,
        "fired_ts": instant(it.fired_us),
        "opened_at": instant(it.opened_us),
        "recovered_ts": instant(it.recovered_us) if it.recovered_us is not None else None,
        "unit_grid": it.unit_grid,
        "patrol_grid": it.patrol_grid,
        "lon": None if it.lon_deg != it.lon_deg else round(it.lon_deg, 6),
        "lat": None if it.lat_deg != it.lat_deg else round(it.lat_deg, 6),
        "comparison": it.comparison,
        "value": None if it.value is None or it.value != it.value else it.value,
    }


def features(outcome: Outcome) -> dict[str, Any]:
    """Give the incidents as a GeoJSON collection; one without a place has no geometry."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": it.geometry or _point(it),
                "properties": _described(it),
            }
            for it in outcome.incidents
        ],
    }


def _point(it: Found) -> dict[str, Any] | None:
    if it.lon_deg != it.lon_deg or it.lat_deg != it.lat_deg:
        return None
    return {"type": "Point", "coordinates": [round(it.lon_deg, 6), round(it.lat_deg, 6)]}


def instant(at_us: int) -> str:
    """Give a time as RFC 3339, UTC, to the millisecond."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")


def _counted(keys: Any) -> dict[str, int]:
    return dict(sorted(Counter(keys).items()))
