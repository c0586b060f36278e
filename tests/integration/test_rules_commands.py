"""The rule author's way from an idea to a live rule, command by command, on a recorded stretch of the town."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from alerts import rulebook
from cli import rules
from tests import recorded_stretch
from tests.recorded_stretch import Stretch

RUN = CliRunner()
WHO = ("--actor", "王磊", "--reason", "a test")
MINE = """
groups:
  - name: covers
    rules:
      - alert: CoverTilted
        expr: tilt_deg > {limit}
        clear: tilt_deg < 5
        labels: {{severity: critical}}
        scope: {{profile: manhole_cover}}
        raises: {{deadline: 1 hour}}
        annotations: {{summary: tilted, summary_zh: 倾斜}}
"""


@pytest.fixture
async def stretch(database: str, tmp_path: Path) -> Stretch:
    return await recorded_stretch.record(database, rulebook.load(rulebook.DEFAULT), tmp_path, seconds=60)


@pytest.fixture
def cli(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CITYGRID_DATABASE_URL", database)

    def run(*arguments: str) -> tuple[int, str]:
        result = RUN.invoke(rules.app, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout

    return run


Cli = Callable[..., tuple[int, str]]


def write(limit: float) -> Path:
    file = Path("covers.yaml")
    file.write_text(MINE.format(limit=limit), encoding="utf-8")
    return file


def document(answer: tuple[int, str]) -> dict[str, Any]:
    return json.loads(answer[1])


def span(stretch: Stretch) -> tuple[str, ...]:
    return "--from", stretch.start.isoformat(), "--to", (stretch.end + timedelta(seconds=1)).isoformat()


def test_from_idea_to_live_rule(cli: Cli, stretch: Stretch) -> None:
    """What docs/rules.md, "From idea to live rule", tells, in its order."""
    assert cli("publish", write(15), *WHO)[0] == 0
    assert document(cli("history", "--json"))["versions"][0]["state"] == "live"

    code, text = cli("backtest", write(10), *span(stretch), "--html", "report.html", "--geojson", "map.json")
    assert code == 0, text
    page = Path("report.html").read_text(encoding="utf-8")
    assert "CoverTilted" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert json.loads(Path("map.json").read_text(encoding="utf-8"))["features"]

    code, text = cli("diff", write(10), "--backtest", *span(stretch))
    assert code == 1
    assert "expr: tilt_deg > 15 -> tilt_deg > 10" in text
    assert "0 fewer" in text

    assert cli("shadow", write(10), *WHO)[0] == 0
    assert document(cli("shadow", "report", "--json"))["rows"] == []
    assert cli("promote", "2", *WHO)[0] == 0
    states = [version["state"] for version in document(cli("history", "--json"))["versions"]]
    assert states == ["retired", "retired", "live"]

    assert cli("rollback", "1", *WHO)[0] == 0
    assert cli("diff", "1", "4")[0] == 0, "the rules of version 1 are in force again, as version 4"


def test_publishing_what_fails_its_checks_is_refused_and_named(cli: Cli) -> None:
    file = write(500)

    code, text = cli("publish", file, *WHO)
    assert (code, "was not published" in text, "CoverTilted" in text) == (1, True, True)

    forced = document(cli("publish", file, *WHO, "--force", "--json"))
    assert forced["forced_despite"]
    assert forced["version"] == 1


def test_a_shadow_that_ends_keeps_its_report(cli: Cli) -> None:
    cli("publish", write(15), *WHO)
    cli("shadow", "start", write(10), *WHO)

    assert document(cli("shadow", "end", "2", *WHO, "--json"))["state"] == "retired"
    assert document(cli("shadow", "report", "2", "--json"))["version"] == 2


def test_a_back_test_with_faults_that_rules_miss_ends_with_1(cli: Cli, stretch: Stretch) -> None:
    code, text = cli("backtest", write(15), *span(stretch), "--faults", stretch.faults, "--json")

    found = json.loads(text)
    assert code == 1
    assert found["faults"]["found"] < found["faults"]["faults"]
    assert found["times_real_time"] > 1


def test_an_incident_is_explained_by_what_was_written_when_it_was_decided(
    cli: Cli, stretch: Stretch, database: str
) -> None:
    with psycopg.connect(database) as conn:
        row = conn.execute(
            "SELECT incident_id, case_no, evidence FROM incident WHERE rule = 'LampOut' OR rule = 'CoverDisplaced'"
            " ORDER BY incident_id LIMIT 1"
        ).fetchone()
    assert row is not None

    by_id, by_number = document(cli("explain", row[0], "--json")), document(cli("explain", row[1], "--json"))

    assert by_id == by_number
    assert by_id["comparisons"][0]["comparison"] == row[2]["comparison"]
    assert by_id["times"]["pending_since"] <= by_id["times"]["fired"] <= by_id["times"]["opened"]
    assert [member["device"] for member in by_id["members"]] == [by_id["device"]]
    code, text = cli("explain", row[0])
    assert code == 0
    assert "<- decided" in text
    assert stretch.end > stretch.start


@pytest.mark.parametrize(
    "arguments", [("explain", "999999"), ("rollback", "7", *WHO), ("promote", "7", *WHO), ("shadow", "end", "7", *WHO)]
)
def test_what_is_not_there_is_named(database: str, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYGRID_DATABASE_URL", database)

    result = RUN.invoke(rules.app, list(arguments))

    assert result.exception is not None
    assert arguments[1] in str(result.exception) or "7" in str(result.exception)
