"""`citygrid rules` as a user sees it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import rules

RUN = CliRunner()
BAD = """\
groups:
  - name: g
    rules:
      - alert: Tilted
        expr: tlit_deg > 15
        scope: {profile: manhole_cover}
        labels: {severity: critical}
        raises: {deadline: 1 hour}
        annotations: {summary: s, summary_zh: s}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_lint_finds_nothing_wrong_with_the_default_rule_book() -> None:
    result = RUN.invoke(rules.app, ["lint"])

    assert (result.exit_code, result.stdout) == (0, "0 errors, 0 warnings\n")


def test_lint_names_what_is_wrong_and_exits_with_1(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD, encoding="utf-8")

    result = RUN.invoke(rules.app, ["lint", str(file), "--json"])

    report = json.loads(result.stdout)
    assert (result.exit_code, report["errors"]) == (1, 1)
    assert [(f["line"], f["check"]) for f in report["findings"]] == [(4, "unknown_channel")]


def test_lint_reports_a_file_that_cannot_be_read_like_any_finding(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD.replace("tlit_deg > 15", "tilt_deg >"), encoding="utf-8")

    result = RUN.invoke(rules.app, ["lint", str(file)])

    assert result.exit_code == 1
    assert f"{file}:5: error: rule Tilted: expr: column 11" in result.stdout


def test_the_default_rule_books_tests_pass() -> None:
    result = RUN.invoke(rules.app, ["test", "--json"])

    report = json.loads(result.stdout)
    assert (result.exit_code, report["failed"]) == (0, 0)
    assert len(report["tests"]) >= 14


def test_a_failing_rule_test_is_shown_and_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(BAD.replace("tlit_deg", "tilt_deg"), encoding="utf-8")
    (tmp_path / "r.test.yaml").write_text(
        """\
rule_files: [r.yaml]
devices: {a: {profile: manhole_cover}}
tests:
  - name: never tilts
    interval: 1s
    input_series: [{series: 'tilt_deg{device="a"}', values: "20"}]
    exp_incidents: []
""",
        encoding="utf-8",
    )

    result = RUN.invoke(rules.app, ["test", str(tmp_path)])

    assert result.exit_code == 1
    assert "r.test.yaml:4: FAILED never tilts" in result.stdout
    assert "unexpected incident Tilted on a, fired at 0s, open at the end" in result.stdout
    assert "0 tests passed, 1 failed" in result.stdout


def test_show_lists_every_rule_with_both_languages() -> None:
    result = RUN.invoke(rules.app, ["show", "--json"])

    shown = json.loads(result.stdout)["rules"]
    assert {"CoverDisplaced", "DeviceSilent", "LampOut"} <= {rule["rule"] for rule in shown}
    assert all(rule["summary"] and rule["summary_zh"] for rule in shown)
