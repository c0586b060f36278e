"""Rule tests: series in, incidents expected, on a virtual clock, through the same engine as live. Pure.

The shape is that of `promtool test rules`; ours are `devices` (what stands behind the series) and `exp_incidents` (the
whole list of incidents of all rules, so that a test also shows what does not fire). Unlike promtool, a test whose input
ends before its last `eval_time` fails.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from alerts import engine
from alerts.engine import Kind, Transition
from alerts.rule import Rulebook
from alerts.template import rendered
from core.fleet import Fleet
from core.frame import Frame

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Where a test's clock starts, unless it says otherwise (promtool starts at 0; a reading's time must be above it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device of a test."""

    label: str
    profile: str
    class_code: str = ""
    district_code: str = ""
    interval_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One channel of one device, a sample each `Trial.interval_s`."""

    device: str
    channel: str
    samples: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert that is expected to fire, with the labels that must be there and the annotations that must match."""

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
class ExpectedIncident:
    """An incident; `resolved_s` None = still open at the end."""

    rule: str
    device: str
    fired_s: float
    resolved_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One test."""

    name: str
    interval_s: float
    start: datetime
    devices: tuple[Device, ...]
    series: tuple[Series, ...]
    checks: tuple[AlertCheck, ...]
    incidents: tuple[ExpectedIncident, ...] | None
    """None = not checked."""
    line: int


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


def failures(trial: Trial, rulebook: Rulebook) -> tuple[str, ...]:
    """Run a test and give what differs from what it expects; nothing = it passes."""
    end_s = (max((len(series.samples) for series in trial.series), default=0) - 1) * trial.interval_s
    wanted_s = max((check.eval_s for check in trial.checks), default=0.0)
    if wanted_s > end_s:
        return (
            f"the input ends at {end_s:g}s, before eval_time {wanted_s:g}s: lengthen the series (`_x10` is no data)",
        )
    if strangers := {check.rule for check in trial.checks if rulebook.named(check.rule) is None}:
        return (f"the rule files hold no {', '.join(sorted(strangers))}: what does not exist never fires",)
    firings = run(trial, rulebook)
    return (*_alert_failures(trial, firings), *_incident_failures(trial, firings))


def run(trial: Trial, rulebook: Rulebook) -> tuple[Firing, ...]:
    """Give every span of firing of a test's input, in the order they began."""
    fleet = _fleet(trial)
    state = engine.initial(rulebook, fleet)
    state.tolerated_gap_us = np.iinfo(np.int64).max  # the virtual clock leaps
    transitions: list[Transition] = []
    for at, frames in _ticks(trial):
        step = engine.step(state, frames, rulebook, fleet, at)
        engine.commit(state, step)
        transitions.extend(step.transitions)
    return _firings(transitions, trial, fleet)


def _fleet(trial: Trial) -> Fleet:
    devices = trial.devices
    count = len(devices)
    profiles = tuple(dict.fromkeys(device.profile for device in devices))
    return Fleet(
        device_id=np.arange(1, count + 1, dtype=np.int32),
        label=tuple(device.label for device in devices),
        profile=np.array([profiles.index(device.profile) for device in devices], dtype=np.int16),
        profiles=profiles,
        class_code=tuple(device.class_code for device in devices),
        component_id=np.zeros(count, dtype=np.int32),
        district_code=tuple(device.district_code for device in devices),
        unit_grid_id=np.zeros(count, dtype=np.int32),
        interval_s=np.array([device.interval_s for device in devices], dtype=np.float64),
        in_service=np.ones(count, dtype=np.bool_),
        lon_deg=np.zeros(count),
        lat_deg=np.zeros(count),
        registered_us=np.full(count, _micros(trial.start), dtype=np.int64),
    )


def _ticks(trial: Trial) -> Iterator[tuple[datetime, list[Frame]]]:
    """Give the test's instants with the readings of each; between them the clock ticks once a second."""
    count = max((len(series.samples) for series in trial.series), default=0)
    for number in range(count):
        at_s = number * trial.interval_s
        yield trial.start + timedelta(seconds=at_s), _frames(trial, number)
        for second in range(1, int(np.ceil(trial.interval_s)) if number < count - 1 else 0):
            yield trial.start + timedelta(seconds=at_s + second), []


def _frames(trial: Trial, number: int) -> list[Frame]:
    ts_us = _micros(trial.start) + round(number * trial.interval_s * 1e6)
    frames: list[Frame] = []
    for profile in dict.fromkeys(device.profile for device in trial.devices):
        slots = [slot for slot, device in enumerate(trial.devices) if device.profile == profile]
        labels = {trial.devices[slot].label: row for row, slot in enumerate(slots)}
        channels = tuple(dict.fromkeys(series.channel for series in trial.series if series.device in labels))
        values = np.full((len(slots), len(channels)), np.nan)
        for series in trial.series:
            if series.device in labels and number < len(series.samples):
                sample = series.samples[number]
                values[labels[series.device], channels.index(series.channel)] = np.nan if sample is None else sample
        said = ~np.isnan(values).all(axis=1)
        if said.any():
            frames.append(_frame(profile, channels, np.array(slots, dtype=np.int32)[said], values[said], ts_us))
    return frames


def _frame(profile: str, channels: tuple[str, ...], slot: np.ndarray, values: np.ndarray, ts_us: int) -> Frame:
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


def _firings(transitions: Sequence[Transition], trial: Trial, fleet: Fleet) -> tuple[Firing, ...]:
    spans: list[Firing] = []
    open_at: dict[tuple[str, int], int] = {}
    for transition in transitions:
        at_s = (transition.ts_us - _micros(trial.start)) / 1e6
        key = (transition.rule.name, transition.slot)
        if transition.kind is Kind.FIRED:
            open_at[key] = len(spans)
            spans.append(_span(transition, fleet, at_s))
        else:
            index = open_at.pop(key)
            spans[index] = _ended(spans[index], at_s)
    return tuple(spans)


def _span(transition: Transition, fleet: Fleet, at_s: float) -> Firing:
    rule, device = transition.rule, fleet.label[transition.slot]
    labels = {**rule.labels, "device": device}
    return Firing(
        rule=rule.name,
        device=device,
        fired_s=at_s,
        labels=labels,
        annotations={key: rendered(text, labels, transition.proof.value) for key, text in rule.annotations.items()},
    )


def _ended(span: Firing, at_s: float) -> Firing:
    return Firing(
        rule=span.rule,
        device=span.device,
        fired_s=span.fired_s,
        labels=span.labels,
        annotations=span.annotations,
        resolved_s=at_s,
    )


def _alert_failures(trial: Trial, firings: Sequence[Firing]) -> Iterator[str]:
    for check in trial.checks:
        firing = [f for f in firings if f.rule == check.rule and f.fires_at(check.eval_s)]
        missing = [alert for alert in check.alerts if not any(_is(alert, span) for span in firing)]
        unexpected = [span for span in firing if not any(_is(alert, span) for alert in check.alerts)]
        for alert in missing:
            found = "; ".join(str(dict(f.labels)) for f in firing) or "nothing"
            yield f"{check.rule} at {check.eval_s:g}s: expected {dict(alert.labels)}, firing: {found}"
        for span in unexpected:
            yield f"{check.rule} at {check.eval_s:g}s: fires unexpectedly with {dict(span.labels)}"


def _is(alert: Alert, span: Firing) -> bool:
    labelled = all(span.labels.get(key) == value for key, value in alert.labels.items())
    return labelled and all(span.annotations.get(key) == value for key, value in alert.annotations.items())


def _incident_failures(trial: Trial, firings: Sequence[Firing]) -> Iterator[str]:
    if trial.incidents is None:
        return
    expected = {(i.rule, i.device, i.fired_s, i.resolved_s) for i in trial.incidents}
    found = {(f.rule, f.device, f.fired_s, f.resolved_s) for f in firings}
    for rule, device, fired_s, resolved_s in sorted(expected - found, key=str):
        yield f"no incident {_text(rule, device, fired_s, resolved_s)}"
    for rule, device, fired_s, resolved_s in sorted(found - expected, key=str):
        yield f"unexpected incident {_text(rule, device, fired_s, resolved_s)}"


def _text(rule: str, device: str, fired_s: float, resolved_s: float | None) -> str:
    end = f"resolved at {resolved_s:g}s" if resolved_s is not None else "open at the end"
    return f"{rule} on {device}, fired at {fired_s:g}s, {end}"


def _micros(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
