"""Rule test files: YAML in the shape of `promtool test rules` to `Trial`s. Mistakes name file, line, test and field.

`rule_files`, `evaluation_interval`, `tests`, `name`, `interval`, `input_series`, `alert_rule_test` mean what they mean
in promtool. Our own: `devices` (a default for all tests, or a test's own) and `exp_incidents`. Rules run as readings
arrive, and once a second between: `evaluation_interval` is read and not used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alerts import notation, plainfile, rulebook, series, trial
from alerts.notation import Entry
from alerts.plain import PlainRule
from alerts.plainfile import PlainTrial
from alerts.rule import Rulebook
from alerts.trial import Alert, AlertCheck, Device, ExpectedIncident, Series, Trial
from core.errors import InvalidInput

_TOP = ("rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare", "devices", "tests")
_TEST = ("name", "interval", "start_timestamp", "input_series", "devices", "alert_rule_test", "exp_incidents")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFile:
    """The tests of a file, and the rules they are about: ours, or Prometheus' own."""

    path: Path
    rulebook: Rulebook
    trials: tuple[Trial, ...]
    plain_rules: tuple[PlainRule, ...] = ()
    plain_trials: tuple[PlainTrial, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one test."""

    file: str
    line: int
    name: str
    failures: tuple[str, ...]


def load(path: Path) -> TrialFile:
    """Give the tests of a file and the rule files it names, relative to it; raises `InvalidInput`."""
    top = notation.read(path.read_text(encoding="utf-8"), str(path))
    top.allow(*_TOP)
    texts: dict[str, str] = {}
    for entry in top.need("rule_files").items():
        file = path.parent / entry.text()
        if not file.is_file():
            raise entry.mistake(f"there is no file {entry.text()} beside this one")
        texts[str(file)] = file.read_text(encoding="utf-8")
    tops = [notation.read(text, file) for file, text in texts.items()]
    if plainfile.is_plain(top, tops):
        return TrialFile(
            path=path,
            rulebook=Rulebook(),
            trials=(),
            plain_rules=plainfile.rules(tops),
            plain_trials=plainfile.trials(top),
        )
    shared = top.get("devices")
    trials = tuple(_trial(test, shared) for test in top.need("tests").items())
    return TrialFile(path=path, rulebook=rulebook.parse(texts), trials=trials)


def verdicts(file: TrialFile) -> tuple[Verdict, ...]:
    """Run the tests of a file."""
    plain = [(one, plainfile.failures(one, file.plain_rules)) for one in file.plain_trials]
    ours = [(one, trial.failures(one, file.rulebook)) for one in file.trials]
    return tuple(
        Verdict(file=str(file.path), line=one.line, name=one.name, failures=failures)
        for one, failures in (*plain, *ours)
    )


def _trial(entry: Entry, shared: Entry | None) -> Trial:
    named = entry.get("name")
    name = named.text() if named else f"line {entry.line}"
    entry = entry.of_rule(name, noun="test")
    entry.allow(*_TEST)
    start = entry.get("start_timestamp")
    interval_s = _seconds(entry.need("interval"))
    sources = [source for source in (shared, entry.get("devices")) if source is not None]
    kinds = {label: source.need(label) for source in sources for label in source.names()}
    inputs = tuple(_series(one) for one in entry.need("input_series").items())
    devices = _devices(entry, inputs, kinds, interval_s)
    checks, incidents = entry.get("alert_rule_test"), entry.get("exp_incidents")
    if checks is None and incidents is None:
        raise entry.mistake("checks nothing: it needs `alert_rule_test` or `exp_incidents`")
    return Trial(
        name=name,
        interval_s=interval_s,
        start=_instant(start) if start else trial.START,
        devices=devices,
        series=inputs,
        checks=tuple(_check(check) for check in checks.items()) if checks else (),
        incidents=tuple(_incident(one) for one in incidents.items()) if incidents else None,
        line=entry.line,
    )


def _devices(
    entry: Entry, inputs: tuple[Series, ...], kinds: Mapping[str, Entry], interval_s: float
) -> tuple[Device, ...]:
    found: list[Device] = []
    for label in dict.fromkeys(one.device for one in inputs):
        kind = kinds.get(label)
        if kind is None:
            raise entry.need("input_series").mistake(f"device {label} is not described under `devices:`")
        kind.allow("profile", "class", "district", "interval")
        own = kind.get("interval")
        found.append(
            Device(
                label=label,
                profile=kind.need("profile").text(),
                class_code=_optional(kind, "class"),
                district_code=_optional(kind, "district"),
                interval_s=_seconds(own) if own else interval_s,
            )
        )
    return tuple(found)


def _series(entry: Entry) -> Series:
    entry.allow("series", "values")
    name, values = entry.need("series"), entry.need("values")
    try:
        channel, labels = series.name_and_labels(name.text())
        samples = series.samples(values.text())
    except InvalidInput as error:
        raise entry.mistake(str(error)) from error
    if set(labels) != {"device"}:
        raise name.mistake('names its device and nothing else, e.g. tilt_deg{device="cover"}')
    return Series(device=labels["device"], channel=channel, samples=tuple(samples))


def _check(entry: Entry) -> AlertCheck:
    entry.allow("eval_time", "alertname", "exp_alerts")
    expected = entry.get("exp_alerts")
    return AlertCheck(
        eval_s=_seconds(entry.need("eval_time")),
        rule=entry.need("alertname").text(),
        alerts=tuple(_alert(alert) for alert in expected.items()) if expected else (),
        line=entry.line,
    )


def _alert(entry: Entry) -> Alert:
    entry.allow("exp_labels", "exp_annotations")
    labels, annotations = entry.get("exp_labels"), entry.get("exp_annotations")
    return Alert(
        labels={key: labels.need(key).text() for key in labels.names()} if labels else {},
        annotations={key: annotations.need(key).text() for key in annotations.names()} if annotations else {},
    )


def _incident(entry: Entry) -> ExpectedIncident:
    entry.allow("rule", "device", "fired", "resolved")
    resolved = entry.get("resolved")
    return ExpectedIncident(
        rule=entry.need("rule").text(),
        device=entry.need("device").text(),
        fired_s=_seconds(entry.need("fired")),
        resolved_s=_seconds(resolved) if resolved else None,
    )


def _optional(entry: Entry, key: str) -> str:
    found = entry.get(key)
    return found.text() if found else ""


def _seconds(entry: Entry) -> float:
    try:
        return notation.duration_us(entry.text()) / 1e6
    except InvalidInput as error:
        raise entry.mistake(str(error)) from error


def _instant(entry: Entry) -> datetime:
    try:
        return datetime.fromisoformat(entry.text())
    except ValueError as error:
        raise entry.mistake(f"{entry.text()!r} is no time: write e.g. 2026-11-22T04:00:00Z") from error
