"""Rule and test files that are Prometheus' own, read and run: see `alerts.plain`. Mistakes name file, line and field.

A file is plain when no rule in it has a key of ours and the test describes nothing of ours: then it can be given to
promtool as it is, and its verdict is promtool's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alerts import condition, plain, rulefields, series, template
from alerts.notation import Entry
from alerts.plain import PlainRule, PlainSeries
from alerts.syntax import SyntaxFault
from core.errors import InvalidInput

RULE_KEYS = frozenset({"alert", "expr", "for", "keep_firing_for", "labels", "annotations"})
TEST_KEYS = frozenset({"name", "interval", "input_series", "alert_rule_test"})
FILE_KEYS = frozenset({"rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare", "tests"})
_DEFAULT_INTERVAL_US = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must fire at an instant, exactly."""

    eval_us: int
    rule: str
    alerts: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...]
    """Labels and annotations of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTrial:
    """One test in the shape of promtool's."""

    name: str
    line: int
    interval_us: int
    evaluation_us: int
    series: tuple[PlainSeries, ...]
    ends_us: int
    """Time of the last sample, or of the gap after it, that the input describes."""
    expected: tuple[Expected, ...]


def is_plain(test_file: Entry, rule_files: Sequence[Entry]) -> bool:
    """Say whether the files hold nothing that promtool would not know."""
    if not set(test_file.names()) <= FILE_KEYS:
        return False
    if any(not set(test.names()) <= TEST_KEYS for test in test_file.need("tests").items()):
        return False
    return all(
        set(top.names()) <= {"groups"} and set(rule.names()) <= RULE_KEYS
        for top in rule_files
        for group in top.need("groups").items()
        for rule in group.need("rules").items()
    )


def rules(rule_files: Sequence[Entry]) -> tuple[PlainRule, ...]:
    """Give the rules of plain files; raises `Mistake`."""
    return tuple(_rules(rule_files))


def _rules(rule_files: Sequence[Entry]) -> Iterator[PlainRule]:
    for top in rule_files:
        for group in top.need("groups").items():
            group.allow("name", "interval", "rules")
            group.need("name")
            rulefields.duration_us(group.get("interval"))  # promtool evaluates all groups at the test's own interval
            for rule in group.need("rules").items():
                yield _rule(rule)


def _rule(entry: Entry) -> PlainRule:
    name = entry.need("alert").text()
    entry = entry.of_rule(name)
    expr = entry.need("expr")
    try:
        compiled = condition.compiled(expr.text())
        plain.check(compiled)
    except (SyntaxFault, InvalidInput) as fault:
        raise expr.mistake(str(fault)) from fault
    return PlainRule(
        name=name,
        condition=compiled,
        for_us=rulefields.duration_us(entry.get("for")),
        keep_firing_us=rulefields.duration_us(entry.get("keep_firing_for")),
        labels=_templates(entry.get("labels")),
        annotations=_templates(entry.get("annotations")),
    )


def _templates(entry: Entry | None) -> Mapping[str, str]:
    for key in entry.names() if entry else ():
        assert entry is not None
        try:
            template.check(entry.need(key).text())
        except InvalidInput as error:
            raise entry.need(key).mistake(str(error)) from error
    return _written(entry)


def _written(entry: Entry | None) -> Mapping[str, str]:
    """Give a mapping of texts as they were written, blanks at their ends and all."""
    return {key: str(entry.need(key).node.value) for key in entry.names()} if entry else {}


def trials(test_file: Entry) -> tuple[PlainTrial, ...]:
    """Give the tests of a plain file; raises `Mistake`."""
    every = rulefields.duration_us(test_file.get("evaluation_interval")) or _DEFAULT_INTERVAL_US
    return tuple(_trial(test, every) for test in test_file.need("tests").items())


def _trial(entry: Entry, evaluation_us: int) -> PlainTrial:
    named = entry.get("name")
    name = named.text() if named else f"line {entry.line}"
    entry = entry.of_rule(name, noun="test")
    interval_us = rulefields.duration_us(entry.need("interval"))
    if interval_us <= 0:
        raise entry.need("interval").mistake("must be above 0")
    checks, inputs = entry.get("alert_rule_test"), entry.get("input_series")
    given = [_series(one, interval_us) for one in inputs.items()] if inputs else []
    known: set[object] = set()
    for one, source in zip(given, inputs.items() if inputs else (), strict=True):
        if (one[0].metric, one[0].labels) in known:
            raise source.mistake("stands here twice")
        known.add((one[0].metric, one[0].labels))
    return PlainTrial(
        name=name,
        line=entry.line,
        interval_us=interval_us,
        evaluation_us=evaluation_us,
        series=tuple(one for one, _ in given),
        ends_us=max((count - 1 for _, count in given), default=-1) * interval_us,
        expected=tuple(_expected(check) for check in checks.items()) if checks else (),
    )


def _series(entry: Entry, interval_us: int) -> tuple[PlainSeries, int]:
    entry.allow("series", "values")
    try:
        metric, labels = series.name_and_labels(entry.need("series").text())
        samples = series.samples(entry.need("values").text())
    except InvalidInput as error:
        raise entry.mistake(str(error)) from error
    at = np.arange(len(samples), dtype=np.int64) * interval_us
    values = np.array([np.inf if sample is None else sample for sample in samples], np.float64)
    there, stale = np.isfinite(values), np.isnan(values)
    one = PlainSeries(
        metric=metric,
        labels=tuple(sorted((name, text) for name, text in labels.items() if text)),
        times_us=at[there],
        values=values[there],
        ends_us=at[stale],
    )
    return one, len(samples)


def _expected(entry: Entry) -> Expected:
    entry.allow("eval_time", "alertname", "exp_alerts")
    alerts = entry.get("exp_alerts")
    return Expected(
        eval_us=rulefields.duration_us(entry.need("eval_time")),
        rule=entry.need("alertname").text(),
        alerts=tuple(_alert(alert) for alert in alerts.items()) if alerts else (),
    )


def _alert(entry: Entry) -> tuple[Mapping[str, str], Mapping[str, str]]:
    entry.allow("exp_labels", "exp_annotations")
    return _written(entry.get("exp_labels")), _written(entry.get("exp_annotations"))


def failures(trial: PlainTrial, rules: Sequence[PlainRule]) -> tuple[str, ...]:
    """Run a test and give what differs from what it expects; nothing = it passes."""
    last_us = max((check.eval_us for check in trial.expected), default=0)
    if last_us > trial.ends_us:
        return (too_short(trial.ends_us, last_us),)
    evaluated = range(0, last_us + 1, trial.evaluation_us)
    try:
        found = plain.firing_at(rules, trial.series, evaluated)
    except InvalidInput as error:
        return (str(error),)
    return tuple(failure for check in trial.expected for failure in _differences(check, trial, found))


def too_short(end_us: int, wanted_us: int) -> str:
    """Say that an input ends before something is asked."""
    return (
        f"the input ends at {max(end_us, 0) / 1e6:g}s, before eval_time {wanted_us / 1e6:g}s: "
        "lengthen the series (`_x10` is no data)"
    )


def _differences(
    check: Expected, trial: PlainTrial, found: Mapping[tuple[str, int], Sequence[plain.Firing]]
) -> Iterator[str]:
    at_us = check.eval_us // trial.evaluation_us * trial.evaluation_us
    firing = sorted((one.labels, one.annotations) for one in found.get((check.rule, at_us), ()))
    wanted = sorted(
        (_pairs({**labels, "alertname": check.rule}), _pairs(annotations)) for labels, annotations in check.alerts
    )
    if firing != wanted:
        yield f"{check.rule} at {check.eval_us / 1e6:g}s: expected {_said(wanted)}, firing: {_said(firing)}"


def _pairs(texts: Mapping[str, str]) -> plain.Labels:
    return tuple(sorted(texts.items()))


def _said(alerts: Sequence[tuple[plain.Labels, plain.Labels]]) -> str:
    return "; ".join(f"{dict(labels)} {dict(annotations)}" for labels, annotations in alerts) or "nothing"
