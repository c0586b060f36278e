"""Rules that are Prometheus' own, run as Prometheus runs them: over instant vectors, once an evaluation interval. Pure.

For rule tests whose rule files hold no key of ours, so that they end as `promtool test rules` ends them. Here a series
is known by its labels, its newest sample counts for five minutes, and an alert is over when its series is gone.
Source: Prometheus 2.42, rules/alerting.go, promql/engine.go and cmd/promtool/unittest.go.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alerts import syntax, template
from alerts.columns import Floats, Mask, Times
from alerts.condition import Condition, Part
from alerts.signatures import SIGNATURES
from core.errors import InvalidInput

LOOKBACK_US = 300_000_000
"""How long a sample counts as its series' value."""

Labels = tuple[tuple[str, str], ...]
"""Sorted pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRule:
    """An alerting rule as Prometheus has it."""

    name: str
    condition: Condition
    for_us: int = 0
    keep_firing_us: int = 0
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSeries:
    """Samples of one metric with one set of labels."""

    metric: str
    labels: Labels
    times_us: NDArray[np.int64]
    values: Floats
    ends_us: NDArray[np.int64]
    """When it was marked stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """An alert that fires at an instant, as it is told of."""

    labels: Labels
    annotations: Labels


@dataclass(slots=True)
class _Active:
    since_us: int
    annotations: Labels
    firing: bool = False
    missing_since_us: int | None = None


def check(condition: Condition) -> None:
    """Raise `InvalidInput` when a condition means something here and something else, or nothing, in Prometheus."""
    for node in syntax.walk(condition.tree):
        name = getattr(node, "function", "change" if isinstance(node, syntax.Change) else "")
        if name and (SIGNATURES[name].ours or SIGNATURES[name].kind == "instant"):
            raise InvalidInput(f"{name}() is no function of Prometheus' for a series: give the rule a `scope:`")
        if isinstance(node, syntax.Negation):
            raise InvalidInput("Prometheus has no `not`: turn the comparison round, or give the rule a `scope:`")


def firing_at(
    rules: Sequence[PlainRule], series: Sequence[PlainSeries], evaluated_us: Sequence[int]
) -> dict[tuple[str, int], list[Firing]]:
    """Give what fires, by alert name and instant, when the rules are evaluated at these instants, in order.

    Raises: `InvalidInput` when two alerts of a rule would bear the same labels.
    """
    rows = tuple(sorted({one.labels for one in series}))
    memories: list[dict[Labels, _Active]] = [{} for _ in rules]
    found: dict[tuple[str, int], list[Firing]] = {}
    for now_us in evaluated_us:
        columns = _Vectors(rows, series, now_us)
        for rule, memory in zip(rules, memories, strict=True):
            _evaluate(rule, memory, columns, now_us)
            firing = [Firing(labels=key, annotations=a.annotations) for key, a in memory.items() if a.firing]
            found.setdefault((rule.name, now_us), []).extend(firing)
    return found


def _evaluate(rule: PlainRule, memory: dict[Labels, _Active], columns: "_Vectors", now_us: int) -> None:
    results = dict(_results(rule, columns))
    for key, annotations in results.items():
        if key in memory:
            memory[key].annotations = annotations
        else:
            memory[key] = _Active(now_us, annotations)
    for key, active in list(memory.items()):
        if key in results:
            active.missing_since_us = None
        else:
            if active.missing_since_us is None:
                active.missing_since_us = now_us
            if not active.firing or now_us - active.missing_since_us >= rule.keep_firing_us:
                del memory[key]
                continue
        active.firing = active.firing or now_us - active.since_us >= rule.for_us


def _results(rule: PlainRule, columns: "_Vectors") -> Iterator[tuple[Labels, Labels]]:
    """Give labels and annotations of the alerts a rule's expression gives now."""
    there, values = _vector(rule.condition.tree, iter(rule.condition.parts), columns)
    seen: set[Labels] = set()
    for row in np.flatnonzero(there):
        own, value = dict(columns.rows[row]), float(values[row])
        given = {name: template.rendered(text, own, value) for name, text in rule.labels.items()}
        merged = {**own, **given, "alertname": rule.name}
        key = _pairs({name: text for name, text in merged.items() if text})
        if key in seen:
            raise InvalidInput(f"{rule.name}: two alerts bear the labels {dict(key)}")
        seen.add(key)
        yield key, _pairs({name: template.rendered(text, own, value) for name, text in rule.annotations.items()})


def _pairs(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _vector(node: syntax.Truth, parts: Iterator[Part], columns: "_Vectors") -> tuple[Mask, Floats]:
    """Give which series are in the vector of a condition, and their values; `parts` are its comparisons in order."""
    count = len(columns)
    match node:
        case syntax.Junction(every, inner):
            there, values = _vector(inner[0], parts, columns)
            for other in inner[1:]:
                also, others = _vector(other, parts, columns)
                values = values if every else np.where(there, values, others)
                there = there & also if every else there | also
            return there, values
        case syntax.Unless(left, right):
            there, values = _vector(left, parts, columns)
            return there & ~_vector(right, parts, columns)[0], values
        case _:
            part = next(parts)
            holds = np.broadcast_to(part.holds(columns), count)
            return holds, np.broadcast_to(part.value(columns), count)


@dataclass(slots=True)
class _Vectors:
    """The columns of a condition: a row a set of labels, at one instant."""

    rows: tuple[Labels, ...]
    series: Sequence[PlainSeries]
    now_us: int
    _place: dict[tuple[str, Labels], PlainSeries] = field(init=False)

    def __post_init__(self) -> None:
        self._place = {(one.metric, one.labels): one for one in self.series}

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, channel: str) -> Floats:
        """Give each row's newest sample of a metric, NaN = none, too old, or ended."""
        return np.array([self._newest(self._place.get((channel, row))) for row in self.rows], np.float64)

    def _newest(self, one: PlainSeries | None) -> float:
        if one is None:
            return np.nan
        last = int(np.searchsorted(one.times_us, self.now_us, "right")) - 1
        if last < 0 or one.times_us[last] < self.now_us - LOOKBACK_US:
            return np.nan
        ended = (one.times_us[last] < one.ends_us) & (one.ends_us <= self.now_us)
        return np.nan if ended.any() else float(one.values[last])

    def window(self, channel: str, span_us: int) -> tuple[Floats, Times]:
        """Give each row's samples of the span, newest last; padded in front with NaN."""
        found: list[tuple[Floats, Times]] = []
        for row in self.rows:
            one = self._place.get((channel, row))
            if one is None:
                found.append((np.empty(0), np.empty(0, np.int64)))
                continue
            within = (one.times_us >= self.now_us - span_us) & (one.times_us <= self.now_us)
            found.append((one.values[within], self.now_us - one.times_us[within]))
        most = max((len(values) for values, _ in found), default=0) or 1
        values, ages = np.full((len(self), most), np.nan), np.zeros((len(self), most), np.int64)
        for number, (own, old) in enumerate(found):
            values[number, most - len(own) :], ages[number, most - len(own) :] = own, old
        return values, ages

    def ts_us(self) -> Times:
        """Give the instant of the evaluation, for every row."""
        return np.full(len(self), self.now_us, np.int64)

    def _unknown(self) -> Floats:
        """Say nothing: `check` refuses conditions that ask."""
        return np.full(len(self), np.nan)

    def change(self, channel: str) -> Floats:  # noqa: ARG002
        """Not asked."""
        return self._unknown()

    def neighbours(self, channel: str, radius_m: float) -> Floats:  # noqa: ARG002
        """Not asked."""
        return self._unknown()[:, None]

    def inside(self, area: str) -> Floats:  # noqa: ARG002
        """Not asked."""
        return self._unknown()

    inside_before = inside

    def elapsed_s(self) -> Floats:
        """Not asked."""
        return self._unknown()

    lon_deg = lat_deg = off_route_m = elapsed_s
