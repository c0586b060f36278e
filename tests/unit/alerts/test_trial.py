"""The runner of rule tests: notation, verdicts, and mistakes in test files."""

from pathlib import Path

import pytest

from alerts import series, trialfile
from core.errors import InvalidInput

RULES = """\
groups:
  - name: g
    rules:
      - alert: Tilted
        expr: tilt_deg > 15
        for: 10s
        scope: {profile: manhole_cover}
        labels: {severity: critical}
        raises: {deadline: 1 hour}
        annotations: {summary: "at {{ $value }}", summary_zh: 倾斜}
"""
TEST = """\
rule_files: [r.yaml]
devices:
  cover: {profile: manhole_cover}
tests:
  - name: tilted
    interval: 10s
    input_series:
      - {series: 'tilt_deg{device="cover"}', values: "1 20x2 1"}
    alert_rule_test:
      - {eval_time: 10s, alertname: Tilted}
      - eval_time: 20s
        alertname: Tilted
        exp_alerts:
          - exp_labels: {device: cover, severity: critical, profile: manhole_cover}
            exp_annotations: {summary: at 20, summary_zh: 倾斜}
    exp_incidents:
      - {rule: Tilted, device: cover, fired: 20s, resolved: 40s}
"""


def failures(tmp_path: Path, test: str) -> tuple[str, ...]:
    (tmp_path / "r.yaml").write_text(RULES, encoding="utf-8")
    (tmp_path / "r.test.yaml").write_text(test, encoding="utf-8")
    (verdict,) = trialfile.verdicts(trialfile.load(tmp_path / "r.test.yaml"))
    return verdict.failures


def test_a_test_that_is_right_passes(tmp_path: Path) -> None:
    assert failures(tmp_path, TEST) == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "eval_time: 10s",
            "eval_time: 30s",
            "Tilted at 30s: expected nothing, firing: {'severity': 'critical', 'alertname': 'Tilted', 'device'",
        ),
        ("{device: cover,", "{device: other,", "Tilted at 20s: expected {'device': 'other'"),
        ("severity: critical, profile", "profile", "Tilted at 20s: expected {'device': 'cover', 'profile'"),
        ("summary: at 20", "summary: at 21", "'summary': 'at 21'"),
        ("fired: 20s, resolved: 40s", "fired: 20s", "no incident Tilted on cover, fired at 20s, open at the end"),
        ("      - {rule: Tilted, device: cover, fired: 20s, resolved: 40s}", "      []", "unexpected incident Tilted"),
        ("eval_time: 20s", "eval_time: 50s", "the input ends at 40s, before eval_time 50s"),
        ("eval_time: 10s, alertname: Tilted", "eval_time: 10s, alertname: Tlited", "the rule files hold no Tlited"),
    ],
)
def test_a_test_that_is_wrong_fails_and_says_how(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEST

    assert any(expected in failure for failure in failures(tmp_path, TEST.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("1 20x2 1", "1 twenty", "r.test.yaml:8: test tilted: input_series: 'twenty' is no sample"),
        ('{device="cover"}', "", "names its device and nothing else"),
        ('{device="cover"}', '{device="lid"}', "device lid is not described under `devices:`"),
        ("[r.yaml]", "[other.yaml]", "r.test.yaml:1: rule_files: there is no file other.yaml beside this one"),
        ("interval: 10s", "interval: ten", "'ten' is no duration"),
        ("    alert_rule_test:", "    alert_rule_tests:", "alert_rule_tests: is no known key"),
        ("eval_time: 10s", "evaltime: 10s", "evaltime: is no known key"),
    ],
)
def test_a_mistake_in_a_test_file_is_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEST

    with pytest.raises(InvalidInput) as mistake:
        failures(tmp_path, TEST.replace(old, new))

    assert expected in str(mistake.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2.5 -3", [1, 2.5, -3]),
        ("1x3", [1, 1, 1, 1]),
        ("1+2x3", [1, 3, 5, 7]),
        ("10-2.5x2", [10, 7.5, 5]),
        ("_ 1 _x2 stale 2", [None, 1, None, None, pytest.approx(series.STALE, nan_ok=True), 2]),
        ("1e3", [1000]),
    ],
)
def test_samples_are_written_as_in_promtool(text: str, expected: list[float | None]) -> None:
    assert series.samples(text) == expected


@pytest.mark.parametrize("text", ["1y3", "x3", "1+x3", "__"])
def test_what_is_no_sample_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no sample"):
        series.samples(text)


@pytest.mark.parametrize("text", ["", 'tilt{device="a"', "tilt{device=a}", "1tilt"])
def test_what_is_no_series_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"is no series|is no label"):
        series.name_and_labels(text)
