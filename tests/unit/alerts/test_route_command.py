"""`citygrid notices routes`: asked as amtool is asked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.notices import app
from core.errors import InvalidInput

FILE = """
route:
  receiver: desk
  group_by: [district]
  routes:
    - {matchers: [severity="critical"], receiver: phones, continue: true}
    - {matchers: [district="130202"], receiver: lunan}
receivers:
  - {name: desk, urls: ["json://127.0.0.1:1/"]}
  - {name: phones, duty: night}
  - {name: lunan, webhooks: [{url: "http://127.0.0.1:1/hook"}]}
people: [{name: li, urls: ["json://127.0.0.1:1/li"]}]
rosters: [{name: night, shifts: [{people: li, from: 2026-11-01}]}]
"""
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    (tmp_path / "routes.yaml").write_text(FILE, encoding="utf-8")
    monkeypatch.setenv("CITYGRID_NOTIFY_ROUTES", str(tmp_path / "routes.yaml"))
    return lambda *words: CliRunner().invoke(app, ["routes", *words])


def test_it_says_who_would_be_told_and_in_which_group(run: Run) -> None:
    told = json.loads(run("test", "--severity", "critical", "--district", "130202", "--json").stdout)["told"]

    assert [(each["receiver"], each["on_duty"], each["addresses"]) for each in told] == [
        ("phones", ["li"], ["JSON"]),
        ("lunan", [], ["webhook 127.0.0.1"]),
    ]
    assert told[1]["group_key"] == '{}/{district="130202"}:{district="130202"}'


def test_a_notice_no_route_takes_goes_to_the_top(run: Run) -> None:
    assert run("test", "--severity", "minor").stdout.startswith("desk: JSON")


@pytest.mark.parametrize(("expected", "status"), [("phones", 0), ("phones, lunan", 1), ("desk", 1)])
def test_other_receivers_than_expected_fail(run: Run, expected: str, status: int) -> None:
    assert run("test", "--severity", "critical", "--expect", expected).exit_code == status


def test_before_the_roster_begins_nobody_is_told(run: Run) -> None:
    assert "nobody: it would be parked" in run("test", "--severity", "critical", "--at", "2026-10-01T00:00:00Z").stdout


def test_an_unknown_label_is_refused(run: Run) -> None:
    result = run("test", "--label", "sverity=critical")

    assert isinstance(result.exception, InvalidInput)


def test_a_right_file_passes(run: Run) -> None:
    assert run("lint").exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("people:", "  - {name: idle, urls: [json://127.0.0.1:1/]}\npeople:", "receiver idle: no route leads to it"),
        ('[{name: li, urls: ["json://127.0.0.1:1/li"]}]', "[{name: li}]", "person li: has no address"),
        (', urls: ["json://127.0.0.1:1/"]', "", "receiver desk: has no address"),
        (", duty: night", "", "roster night: no receiver asks it"),
        ('matchers: [severity="critical"], ', "", ""),
        (
            '{matchers: [severity="critical"], receiver: phones, continue: true}',
            "{receiver: phones}",
            "line 7: is never asked: the route in line 6 takes everything",
        ),
    ],
)
def test_what_is_surely_not_meant_is_found(run: Run, tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "wrong.yaml").write_text(FILE.replace(old, new, 1), encoding="utf-8")

    result = run("lint", str(tmp_path / "wrong.yaml"))

    assert result.exit_code == (1 if says else 0)
    assert says in result.stdout


def test_a_wrong_file_is_refused_with_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(FILE.replace("receiver: desk", "receiver: desc"), encoding="utf-8")

    result = run("lint", str(tmp_path / "wrong.yaml"))

    assert isinstance(result.exception, InvalidInput)
    assert "wrong.yaml:3: route.receiver: 'desc' is no receiver: did you mean desk?" in str(result.exception)
