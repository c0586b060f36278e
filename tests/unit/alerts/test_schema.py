"""The published schemas take what the parser takes, and refuse what a schema can see is wrong."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from typer.testing import CliRunner

import alerts
from alerts import rulebook, schema, trial_schema, trialfile
from alerts.rulebook import WrongRules
from cli.main import tree
from core.errors import InvalidInput

CODE = Path(alerts.__file__).parent
BOOKS = sorted(CODE.glob("rulebooks/*.yaml"))
RULES = [book for book in BOOKS if not book.name.endswith(rulebook.TEST_SUFFIX)]
TESTS = [book for book in BOOKS if book.name.endswith(rulebook.TEST_SUFFIX)]
GOOD = """\
inhibit_rules:
  - {name: cabinet, source_matchers: ['alertname="CabinetOut"'], target_matchers: [severity=~minor], equal: circuit}
groups:
  - name: all
    interval: 30s
    query_offset: 1m
    labels: {team: lamps}
    rules:
      - alert: LampOut
        expr: commanded_on > 0.5 and power_w < 10
        clear: power_w > 20
        for: 0
        keep_firing_for: 1m30s
        scope:
          {profile: [streetlight], class: "0137", subsystem: lighting,
           district: ["130202"], grid: "130202001", tag: new}
        schedule:
          - times: [{start_time: '18:00', end_time: '24:00'}]
            weekdays: ['monday:friday', sunday]
            days_of_month: ['1:-1', 15]
            months: ['may:august', 9, '10:11']
            years: ['2026:2028', 2030]
            location: Asia/Shanghai
        mode: shadow
        labels: {severity: minor}
        raises:
          {deadline: 2 work_day, class: "0137", condition: out, files: by_itself, on_recovery: close,
           department: {zh: 路灯, en: Lighting}}
        annotations: {summary: "{{ $value }}", summary_zh: 灭}
        source: our choice
      - alert: CircuitOut
        expr: power_w < 10
        scope: {profile: streetlight}
        together: {in: circuit, at_least: 3, share: 0.5, within: 10m, merge: false, clear_below: 2, replaces: LampOut}
        labels: {severity: major}
        raises: {deadline: 4 urgent_hour}
        annotations: {summary: a, summary_zh: b}
      - alert: Flood
        expr: power_w < 10
        scope: {profile: streetlight}
        together: {in: radius, radius: 1.5km, per_km2: 2.5}
        labels: {severity: major}
        raises: {deadline: 4 urgent_hour}
        annotations: {summary: a, summary_zh: b}
      - alert: Rubbish
        event: {kind: exposed_rubbish, confidence: 0.7}
        keep_firing_for: 30m
        scope: {profile: camera}
        same_place: {radius: 50m, within: 2h}
        labels: {severity: info}
        raises: {deadline: 1 day}
        annotations: {summary: a, summary_zh: b}
      - alert: Silent
        absent_for: 3 intervals
        scope: {profile: streetlight}
        labels: {severity: minor}
        raises: {deadline: 1 work_day}
        annotations: {summary: a, summary_zh: b}
"""
WRONG = [
    ("groups:", "group:"),
    ("alert: LampOut", "alert: lamp_out"),
    ("        expr: commanded_on > 0.5 and power_w < 10\n        clear: power_w > 20\n", ""),
    ("absent_for: 3 intervals", "absent_for: 3 intervals\n        expr: power_w > 1"),
    ("absent_for: 3 intervals", "absent_for: 3 intervals\n        clear: power_w > 1"),
    ("absent_for: 3 intervals", "absent_for: soon"),
    ("keep_firing_for: 1m30s", "keep_firing_for: 90"),
    ("keep_firing_for: 1m30s", "keep_firing_for: 30s1m"),
    ("keep_firing_for: 1m30s", "keep_firing: 1m30s"),
    ("query_offset: 1m", "query_offset: one minute"),
    ("profile: [streetlight], ", ""),
    ('class: "0137", subsystem', 'class: "137", subsystem'),
    ('district: ["130202"]', 'district: ["1302"]'),
    ('grid: "130202001"', 'grid: "13 02"'),
    ("start_time: '18:00'", "start_time: '8:00'"),
    ("'monday:friday'", "mon"),
    ("days_of_month: ['1:-1', 15]", "days_of_month: [0]"),
    ("'may:august'", "'13'"),
    ("2030]", "30]"),
    ("mode: shadow", "mode: test"),
    ("2 work_day", "2 working_days"),
    ("files: by_itself", "files: at_once"),
    ("on_recovery: close", "on_recovery: nothing"),
    ("{zh: 路灯, en: Lighting}", "{zh: 路灯}"),
    ("summary_zh: 灭", "other: 灭"),
    ("in: circuit", "in: town"),
    ("at_least: 3, share: 0.5, ", ""),
    ("at_least: 3", "at_least: some"),
    ("share: 0.5", "share: 50"),
    ("clear_below: 2", "clear_below: 0"),
    ("merge: false", "merge: maybe"),
    ("radius: 1.5km, ", ""),
    ("radius: 1.5km", "radius: 1500"),
    ("share: 0.5", "radius: 100m"),
    ("confidence: 0.7", "confidence: 7"),
    ("{radius: 50m, within: 2h}", "{radius: 50m}"),
    ("source_matchers: ['alertname=\"CabinetOut\"'], ", ""),
]


def typed(of: dict[str, Any], text: str) -> list[str]:
    """As an editor sees it: numbers are numbers."""
    return [error.message for error in Draft7Validator(of).iter_errors(yaml.safe_load(text))]


def test_the_schemas_are_schemas() -> None:
    Draft7Validator.check_schema(schema.rules())
    Draft7Validator.check_schema(trial_schema.rule_tests())


@pytest.mark.parametrize("book", RULES, ids=lambda book: book.name)
def test_a_shipped_rule_file_fits_the_schema_and_names_it(book: Path) -> None:
    text = book.read_text(encoding="utf-8")

    assert typed(schema.rules(), text) == []
    assert text.startswith("# yaml-language-server: $schema=../../docs/schemas/rules.schema.json\n")


@pytest.mark.parametrize("book", TESTS, ids=lambda book: book.name)
def test_a_shipped_test_file_fits_the_schema_and_names_it(book: Path) -> None:
    text = book.read_text(encoding="utf-8")

    assert typed(trial_schema.rule_tests(), text) == []
    assert text.startswith("# yaml-language-server: $schema=../../docs/schemas/rule-tests.schema.json\n")


def test_a_file_with_every_key_is_read_and_fits_the_schema() -> None:
    assert len(rulebook.parse({"r.yaml": GOOD}).rules) == 5
    assert typed(schema.rules(), GOOD) == []


@pytest.mark.parametrize(("old", "new"), WRONG)
def test_a_wrong_file_is_refused_by_parser_and_schema(old: str, new: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)

    assert typed(schema.rules(), text) != []
    with pytest.raises(WrongRules):
        rulebook.parse({"r.yaml": text})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rule_files: [r.yaml]", "rule_file: r.yaml"),
        ("interval: 10s", "interval: 10"),
        ("input_series", "series"),
        ("alert_rule_test: [{eval_time: 0s, alertname: LampOut}]", "name: x"),
        ("alertname: LampOut", "alert: LampOut"),
        ("profile: streetlight, ", ""),
    ],
)
def test_a_wrong_test_file_is_refused_by_reader_and_schema(old: str, new: str, tmp_path: Path) -> None:
    good = """\
rule_files: [r.yaml]
devices: {lamp: {profile: streetlight, class: "0137", interval: 10s}}
tests:
  - interval: 10s
    input_series: [{series: 'power_w{device="lamp"}', values: 1 2 3}]
    alert_rule_test: [{eval_time: 0s, alertname: LampOut}]
"""
    (tmp_path / "r.yaml").write_text(GOOD, encoding="utf-8")
    path = tmp_path / "r.test.yaml"
    path.write_text(good, encoding="utf-8")
    assert len(trialfile.load(path).trials) == 1
    assert typed(trial_schema.rule_tests(), good) == []
    assert old in good

    path.write_text(good.replace(old, new, 1), encoding="utf-8")

    assert typed(trial_schema.rule_tests(), path.read_text(encoding="utf-8")) != []
    with pytest.raises(InvalidInput):
        trialfile.load(path)


def names(of: object) -> Iterator[str]:
    """All keys a schema knows."""
    if isinstance(of, dict):
        yield from of.get("properties", {})
        for part in of.values():
            yield from names(part)
    elif isinstance(of, list):
        for part in of:
            yield from names(part)


@pytest.mark.parametrize(
    ("of", "readers"),
    [
        (schema.rules(), ["rulebook", "rulefields", "schedulefile"]),
        (trial_schema.rule_tests(), ["trialfile"]),
    ],
    ids=["rules", "tests"],
)
def test_the_schema_knows_every_key_the_reader_asks_for(of: dict[str, Any], readers: list[str]) -> None:
    code = "".join((CODE / f"{reader}.py").read_text(encoding="utf-8") for reader in readers)
    asked = set(re.findall(r'\.(?:get|need)\("(\w+)"\)', code))
    refused = {"limit", "promql_expr_test"}  # asked for, to say that it has no meaning

    assert asked - set(names(of)) - refused == set()


@pytest.mark.parametrize(("options", "expected"), [([], schema.rules()), (["--tests"], trial_schema.rule_tests())])
def test_the_command_prints_the_schema(options: list[str], expected: dict[str, Any]) -> None:
    result = CliRunner().invoke(tree(), ["rules", "schema", *options])

    assert (result.exit_code, json.loads(result.stdout)) == (0, expected)
