"""Rule tests: series in, incidents expected, on a virtual clock, through the whole chain as live. Pure.

The shape is that of `promtool test rules`; ours are what stands behind the series (`alerts.trialcity`), facts
(`input_events`), silences, and `exp_incidents` (the whole list of incidents of all rules, so that a test also shows
what does not fire) and `exp_suppressed_by`. Unlike promtool, a test whose input ends before its last `eval_time` fails.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from alerts import engine, fan_in, labels, plainfile, sightings
from alerts.case import Change, Joining, Merging, Muting, Opening, Recovery
from alerts.engine import Kind, Transition
from alerts.mute import Silence
from alerts.rule import Rulebook
from alerts.template import rendered
from alerts.trialcity import Device, LittleCity, fleet
from core.facts import LocatedFact
from core.fleet import Fleet
from core.frame import Frame

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Where a test's clock starts, unless it says otherwise (promtool starts at 0; a reading's time must be above it)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS = 20
"""Between two samples the clock ticks so often, and not more than once a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One channel of one device, a sample each `Trial.interval_s`; NaN is a mark that it ended: no sample either."""

    device: str
    channel: str
    samples: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputEvent:
    """A fact a device tells."""

    device: str
    at_s: float
    kind: str
    confidence: float | None = None
    plate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert that is expected to fire, with exactly these labels and annotations."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCheck:
    """At `eval_s` exactly these alerts of one rule fire."""

    eval_s: float
    rule: str
    alerts: tuple[Alert, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident, expected or found."""

    rule: str
    place: str
    """The deciding device, or the cell of a case of many: a grid, a circuit's cabinet."""
    fired_s: float
    resolved_s: float | None = None
    """None = still open at the end."""
    members: tuple[str, ...] | None = None
    """Labels of its devices, sorted; None = not checked."""

    def __str__(self) -> str:
        end = f"resolved at {self.resolved_s:g}s" if self.resolved_s is not None else "open at the end"
        about = "" if self.members is None else f", members {', '.join(self.members)}"
        return f"{self.rule} on {self.place}, fired at {self.fired_s:g}s, {end}{about}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """A rule that fired on a device and opened no incident."""

    rule: str
    device: str
    by: str
    """A rule, or `silence`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One test."""

    name: str
    interval_s: float
    start: datetime
    devices: tuple[Device, ...]
    city: LittleCity = field(default_factory=LittleCity)
    series: tuple[Series, ...]
    events: tuple[InputEvent, ...] = ()
    silences: tuple[Silence, ...] = ()
    checks: tuple[AlertCheck, ...]
    incidents: tuple[Incident, ...] | None
    """None = not checked."""
    suppressed: tuple[Suppressed, ...] | None = None
    """None = not checked."""
    line: int

    @property
    def end_s(self) -> float:
        """When the input ends."""
        return (max((len(series.samples) for series in self.series), default=0) - 1) * self.interval_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A span in which a rule fired on a device, seconds since the test's start."""

    rule: str
    device: str
    fired_s: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    resolved_s: float | None = None

    def fires_at(self, at_s: float) -> bool:
        """Say whether it was firing at an instant."""
        return self.fired_s <= at_s and (self.resolved_s is None or at_s < self.resolved_s)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a test's input brought about, in the order it began."""

    firings: list[Firing] = field(default_factory=list[Firing])
    incidents: list[Incident] = field(default_factory=list[Incident])
    suppressed: list[Suppressed] = field(default_factory=list[Suppressed])


def failures(trial: Trial, rulebook: Rulebook) -> tuple[str, ...]:
    """Run a test and give what differs from what it expects; nothing = it passes."""
    wanted_s = max((check.eval_s for check in trial.checks), default=0.0)
    if wanted_s > trial.end_s:
        return (plainfile.too_short(round(trial.end_s * 1e6), round(wanted_s * 1e6)),)
    if strangers := {check.rule for check in trial.checks if rulebook.named(check.rule) is None}:
        return (f"the rule files hold no {', '.join(sorted(strangers))}: what does not exist never fires",)
    outcome = run(trial, rulebook)
    return (*_alert_failures(trial, outcome), *_incident_failures(trial, outcome), *_suppressed(trial, outcome))


def run(trial: Trial, rulebook: Rulebook) -> Outcome:
    """Give what a test's input brings about."""
    devices = fleet(trial.devices, trial.city, _micros(trial.start))
    state, cases = engine.initial(rulebook, devices), fan_in.Cases(silences=trial.silences)
    state.tolerated_gap_us = np.iinfo(np.int64).max  # the virtual clock leaps
    notes = _Notes(trial=trial, fleet=devices)
    for at, frames, facts in _ticks(trial, devices):
        step = engine.step(state, frames, rulebook, devices, at)
        step = sightings.see(state, step, facts, rulebook, devices)
        decided = fan_in.decide(cases, step, rulebook, devices, at)
        engine.commit(state, step)
        fan_in.commit(cases, decided)
        for transition in step.transitions:
            notes.fired(transition)
        for change in decided.changes:
            notes.changed(change)
    return notes.outcome


def _ticks(trial: Trial, devices: Fleet) -> Iterator[tuple[datetime, list[Frame], list[LocatedFact]]]:
    """Give the test's instants with what is received at each; between the samples the clock ticks."""
    count = round(trial.end_s / trial.interval_s) + 1
    told: dict[float, list[LocatedFact]] = {}
    for number, event in enumerate(trial.events):
        told.setdefault(event.at_s, []).append(_fact(event, number, trial, devices))
    every_s = max(1.0, trial.interval_s / _TICKS)
    between = {number * every_s for number in range(int(trial.end_s / every_s) + 1)}
    sampled = {number * trial.interval_s: number for number in range(count)}
    for at_s in sorted({*between, *sampled, *told}):
        frames = _frames(trial, sampled[at_s]) if at_s in sampled else []
        yield trial.start + timedelta(seconds=at_s), frames, told.get(at_s, [])


def _fact(event: InputEvent, number: int, trial: Trial, devices: Fleet) -> LocatedFact:
    slot = devices.label.index(event.device)
    return LocatedFact(
        slot=slot,
        ts_us=_micros(trial.start) + round(event.at_s * 1e6),
        seq=number,
        kind=event.kind,
        confidence=event.confidence,
        plate=event.plate,
        snapshot_url=None,
        snapshot_sha256=None,
        origin=0,
        unit_grid_id=int(devices.unit_grid_id[slot]),
        quality=0,
        detail={},
        message=number,
    )


def _frames(trial: Trial, number: int) -> list[Frame]:
    ts_us = _micros(trial.start) + round(number * trial.interval_s * 1e6)
    frames: list[Frame] = []
    for profile in dict.fromkeys(device.profile for device in trial.devices):
        slots = [slot for slot, device in enumerate(trial.devices) if device.profile == profile]
        rows = {trial.devices[slot].label: row for row, slot in enumerate(slots)}
        channels = tuple(dict.fromkeys(series.channel for series in trial.series if series.device in rows))
        values = np.full((len(slots), len(channels)), np.nan)
        for series in trial.series:
            if series.device in rows and number < len(series.samples):
                sample = series.samples[number]
                values[rows[series.device], channels.index(series.channel)] = np.nan if sample is None else sample
        said = ~np.isnan(values).all(axis=1)
        if said.any():
            frames.append(_frame(profile, channels, np.array(slots, dtype=np.int32)[said], values[said], ts_us))
    return frames


def _frame(
    profile: str, channels: tuple[str, ...], slot: NDArray[np.int32], values: NDArray[np.float64], ts_us: int
) -> Frame:
    count = len(slot)
    return Frame(
        profile=profile,
        channels=channels,
        slot=slot,
        ts_us=np.full(count, ts_us, dtype=np.int64),
        seq=np.zeros(count, dtype=np.int32),
        values=values,
        quality=np.zeros(count, dtype=np.int16),
        origin=np.zeros(count, dtype=np.int8),
        unit_grid_id=np.zeros(count, dtype=np.int32),
        message=np.arange(count, dtype=np.int32),
    )


@dataclass(slots=True, kw_only=True)
class _Notes:
    """Puts together what fired, and which incidents there were."""

    trial: Trial
    fleet: Fleet
    outcome: Outcome = field(default_factory=Outcome)
    _firing: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    _open: dict[str, int] = field(default_factory=dict[str, int])

    def fired(self, transition: Transition) -> None:
        """Note that a rule fired on a device, or recovered."""
        key, spans = (transition.rule.name, transition.slot), self.outcome.firings
        if transition.kind is Kind.FIRED:
            self._firing[key] = len(spans)
            spans.append(self._span(transition))
        elif key in self._firing:
            index = self._firing.pop(key)
            spans[index] = replace(spans[index], resolved_s=self._at_s(transition))

    def changed(self, change: Change) -> None:
        """Note what became of a case."""
        if isinstance(change, Opening):
            self._open[change.cause] = len(self.outcome.incidents)
            self.outcome.incidents.append(self._incident(change))
        elif isinstance(change, Muting):
            rule = "silence" if change.by.startswith("silence") else change.by.partition("/")[0]
            device = self.fleet.label[change.transition.slot]
            self.outcome.suppressed.append(Suppressed(rule=change.rule.name, device=device, by=rule))
        elif change.cause in self._open:
            index = self._open[change.cause]
            held = self.outcome.incidents[index]
            if isinstance(change, Joining):
                joined = tuple(sorted({*(held.members or ()), self.fleet.label[change.slot]}))
                self.outcome.incidents[index] = replace(held, members=joined)
            elif isinstance(change, Recovery | Merging):
                self._open.pop(change.cause)
                self.outcome.incidents[index] = replace(held, resolved_s=self._at_s(change.transition))

    def _incident(self, opening: Opening) -> Incident:
        place = self.fleet.label[opening.transition.slot]
        if opening.cell_kind is not None and opening.cell:
            place = self.fleet.places.code_of(opening.cell_kind, opening.cell)
        members = tuple(sorted({self.fleet.label[slot] for slot in opening.members}))
        fired_s = self._at_s(opening.transition)
        return Incident(rule=opening.rule.name, place=place, fired_s=fired_s, members=members)

    def _span(self, transition: Transition) -> Firing:
        rule = transition.rule
        given = {**labels.of_case(rule, transition.slot, self.fleet), **sightings.labels(transition.proof)}
        said = {key: rendered(text, given, transition.proof.value) for key, text in rule.annotations.items()}
        return Firing(
            rule=rule.name,
            device=self.fleet.label[transition.slot],
            fired_s=self._at_s(transition),
            labels=given,
            annotations=said,
        )

    def _at_s(self, transition: Transition) -> float:
        return (transition.ts_us - _micros(self.trial.start)) / 1e6


def _alert_failures(trial: Trial, outcome: Outcome) -> Iterator[str]:
    for check in trial.checks:
        firing = [
            (dict(f.labels), dict(f.annotations))
            for f in outcome.firings
            if f.rule == check.rule and f.fires_at(check.eval_s)
        ]
        wanted = [({**alert.labels, "alertname": check.rule}, dict(alert.annotations)) for alert in check.alerts]
        if not _same(firing, wanted):
            yield f"{check.rule} at {check.eval_s:g}s: expected {_said(wanted)}, firing: {_said(firing)}"


_Alerts = Sequence[tuple[dict[str, str], dict[str, str]]]


def _same(firing: _Alerts, wanted: _Alerts) -> bool:
    left = list(wanted)
    for alert in firing:
        if alert not in left:
            return False
        left.remove(alert)
    return not left


def _said(alerts: _Alerts) -> str:
    return "; ".join(f"{one} {said}" for one, said in alerts) or "nothing"


def _incident_failures(trial: Trial, outcome: Outcome) -> Iterator[str]:
    if trial.incidents is None:
        return
    found, missing = list(outcome.incidents), list[Incident]()
    for wanted in trial.incidents:
        match = next((one for one in found if replace(one, members=_shown(one, wanted)) == wanted), None)
        if match is None:
            missing.append(wanted)
        else:
            found.remove(match)
    yield from (f"no incident {one}" for one in missing)
    yield from (f"unexpected incident {one}" for one in found)


def _shown(found: Incident, wanted: Incident) -> tuple[str, ...] | None:
    return found.members if wanted.members is not None else None


def _suppressed(trial: Trial, outcome: Outcome) -> Iterator[str]:
    if trial.suppressed is None:
        return
    wanted, found = set(trial.suppressed), set(outcome.suppressed)
    for one in sorted(wanted - found, key=str):
        yield f"{one.rule} on {one.device} is not suppressed by {one.by}"
    for one in sorted(found - wanted, key=str):
        yield f"{one.rule} on {one.device} is suppressed by {one.by}, unexpectedly"


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
