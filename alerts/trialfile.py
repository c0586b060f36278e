"""Rule test files: YAML in the shape of `promtool test rules` to `Trial`s. Mistakes name file, line, test and field.

`rule_files`, `evaluation_interval`, `tests`, `name`, `interval`, `input_series`, `alert_rule_test` mean what they mean
in promtool. Our own describe what stands behind the series (`devices`, `components`, `grids`, `areas`, `routes`: for
all tests, or a test's own), what else comes in (`input_events`, `silences`) and what comes of it (`exp_incidents`,
`exp_suppressed_by`). Rules of ours run as readings arrive, and while the clock ticks between: `evaluation_interval` is
read and not used. A file that holds nothing of ours is promtool's: see `alerts.plainfile`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from alerts import mutefile, notation, plainfile, rulebook, series, trial
from alerts.mute import Silence
from alerts.notation import Entry
from alerts.plain import PlainRule
from alerts.plainfile import PlainTrial
from alerts.rule import Rulebook
from alerts.trial import Alert, AlertCheck, Incident, InputEvent, Series, Suppressed, Trial
from alerts.trialcity import Component, Device, LittleCity, Point
from core.errors import InvalidInput

_CITY = ("devices", "components", "grids", "areas", "routes")
_TOP = ("rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare", "tests", *_CITY)
_TEST = (
    *("name", "interval", "start_timestamp", "input_series", "input_events", "silences", "alert_rule_test"),
    *("exp_incidents", "exp_suppressed_by", *_CITY),
)
_POSITION = r"-?[0-9]{1,3}(?:\.[0-9]{1,9})?"
_PROMQL = "is not tested here: write `alert_rule_test` or `exp_incidents`"


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
    trials = tuple(_trial(test, top) for test in top.need("tests").items())
    return TrialFile(path=path, rulebook=rulebook.parse(texts), trials=trials)


def verdicts(file: TrialFile) -> tuple[Verdict, ...]:
    """Run the tests of a file."""
    plain = [(one, plainfile.failures(one, file.plain_rules)) for one in file.plain_trials]
    ours = [(one, trial.failures(one, file.rulebook)) for one in file.trials]
    return tuple(
        Verdict(file=str(file.path), line=one.line, name=one.name, failures=failures)
        for one, failures in (*plain, *ours)
    )


def _trial(entry: Entry, top: Entry) -> Trial:
    named = entry.get("name")
    name = named.text() if named else f"line {entry.line}"
    entry = entry.of_rule(name, noun="test")
    if promql := entry.get("promql_expr_test"):
        raise promql.mistake(_PROMQL)
    entry.allow(*_TEST)
    given = entry.get("start_timestamp")
    start = _instant(given) if given else trial.START
    interval_s = _seconds(entry.need("interval"))
    inputs = tuple(_series(one) for one in entry.need("input_series").items())
    events = tuple(_event(one) for one in _items(entry, "input_events"))
    spoken = [*(one.device for one in inputs), *(one.device for one in events)]
    city = _city(_merged(entry, top, "components"), entry, top)
    checks, incidents, suppressed = (
        entry.get(key) for key in ("alert_rule_test", "exp_incidents", "exp_suppressed_by")
    )
    if checks is None and incidents is None and suppressed is None:
        raise entry.mistake("checks nothing: it needs `alert_rule_test`, `exp_incidents` or `exp_suppressed_by`")
    return Trial(
        name=name,
        interval_s=interval_s,
        start=start,
        devices=_devices(entry, top, spoken, city, interval_s),
        city=city,
        series=inputs,
        events=events,
        silences=tuple(_silence(one, n, start) for n, one in enumerate(_items(entry, "silences"), 1)),
        checks=tuple(_check(check) for check in checks.items()) if checks else (),
        incidents=tuple(_incident(one) for one in incidents.items()) if incidents else None,
        suppressed=tuple(_suppressed(one) for one in suppressed.items()) if suppressed else None,
        line=entry.line,
    )


def _items(entry: Entry, key: str) -> tuple[Entry, ...]:
    found = entry.get(key)
    return found.items() if found else ()


def _merged(entry: Entry, top: Entry, key: str) -> dict[str, Entry]:
    """Give the entries under a key by name, the test's own before those of the file."""
    sources = [source for source in (top.get(key), entry.get(key)) if source is not None]
    return {name: source.need(name) for source in sources for name in source.names()}


def _devices(entry: Entry, top: Entry, spoken: list[str], city: LittleCity, interval_s: float) -> tuple[Device, ...]:
    """Give the devices that speak, and those that the test itself describes."""
    known, own = _merged(entry, top, "devices"), entry.get("devices")
    found: list[Device] = []
    for label in dict.fromkeys([*spoken, *(own.names() if own else ())]):
        kind = known.get(label)
        if kind is None:
            raise entry.need("input_series").mistake(f"device {label} is not described under `devices:`")
        found.append(_device(label, kind, city, interval_s))
    return tuple(found)


def _device(label: str, kind: Entry, city: LittleCity, interval_s: float) -> Device:
    kind.allow("profile", "class", "district", "interval", "component", "at", "tags", "subsystem", "route")
    interval, at, tags, component = kind.get("interval"), kind.get("at"), kind.get("tags"), kind.get("component")
    if component and component.text() not in city.components:
        raise component.mistake(f"{component.text()} is not described under `components:`")
    return Device(
        label=label,
        profile=kind.need("profile").text(),
        class_code=_optional(kind, "class"),
        district_code=_optional(kind, "district"),
        interval_s=_seconds(interval) if interval else interval_s,
        component=component.text() if component else "",
        at=_point(at) if at else None,
        tags=tags.texts() if tags else (),
        subsystem=_optional(kind, "subsystem"),
        route=_optional(kind, "route"),
    )


def _city(components: Mapping[str, Entry], entry: Entry, top: Entry) -> LittleCity:
    return LittleCity(
        components={code: _component(one, components) for code, one in components.items()},
        grids={code: _box(one) for code, one in _merged(entry, top, "grids").items()},
        areas={name: _box(one) for name, one in _merged(entry, top, "areas").items()},
        routes={
            name: shapely.LineString([_point(point) for point in one.items()])
            for name, one in _merged(entry, top, "routes").items()
        },
    )


def _component(entry: Entry, known: Mapping[str, Entry]) -> Component:
    entry.allow("class", "at", "feeds", "drains_to")
    at, feeds, drains_to = entry.get("at"), entry.get("feeds"), entry.get("drains_to")
    for other in (feeds, drains_to):
        for name in other.texts() if other else ():
            if other is not None and name not in known:
                raise other.mistake(f"{name} is not described under `components:`")
    return Component(
        class_code=_optional(entry, "class"),
        at=_point(at) if at else None,
        feeds=feeds.texts() if feeds else (),
        drains_to=drains_to.text() if drains_to else "",
    )


def _point(entry: Entry) -> Point:
    found = entry.texts(_POSITION, "a longitude or a latitude, degrees")
    if len(found) != 2:
        raise entry.mistake("must be a longitude and a latitude, e.g. [118.18, 39.63]")
    return float(found[0]), float(found[1])


def _box(entry: Entry) -> BaseGeometry:
    found = entry.texts(_POSITION, "a longitude or a latitude, degrees")
    if len(found) != 4:
        raise entry.mistake("must be west, south, east and north, e.g. [118.18, 39.63, 118.19, 39.64]")
    west, south, east, north = (float(edge) for edge in found)
    return shapely.box(west, south, east, north)


def _event(entry: Entry) -> InputEvent:
    entry.allow("device", "at", "kind", "confidence", "plate")
    confidence = entry.get("confidence")
    return InputEvent(
        device=entry.need("device").text(),
        at_s=_seconds(entry.need("at")),
        kind=entry.need("kind").text(),
        confidence=confidence.number(0, 1) if confidence else None,
        plate=_optional(entry, "plate") or None,
    )


def _silence(entry: Entry, number: int, start: datetime) -> Silence:
    entry.allow("matchers", "from", "until", "reason")
    return Silence(
        silence_id=number,
        matchers=mutefile.matchers(entry.need("matchers")),
        starts_at=start + timedelta(seconds=_seconds(entry.need("from"))),
        ends_at=start + timedelta(seconds=_seconds(entry.need("until"))),
        author="test",
        reason=_optional(entry, "reason"),
    )


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


def _incident(entry: Entry) -> Incident:
    entry.allow("rule", "device", "cell", "fired", "resolved", "members")
    device, cell, resolved, members = (entry.get(key) for key in ("device", "cell", "resolved", "members"))
    place = cell or device
    if place is None or (cell and device):
        raise entry.mistake("needs one of `device` and `cell` (the code of a grid, or of a circuit's cabinet)")
    return Incident(
        rule=entry.need("rule").text(),
        place=place.text(),
        fired_s=_seconds(entry.need("fired")),
        resolved_s=_seconds(resolved) if resolved else None,
        members=tuple(sorted(members.texts())) if members else None,
    )


def _suppressed(entry: Entry) -> Suppressed:
    entry.allow("rule", "device", "by")
    return Suppressed(rule=entry.need("rule").text(), device=entry.need("device").text(), by=entry.need("by").text())


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
