"""`citygrid grafana push` and `check` against a server that speaks Grafana's API."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.grafana import app
from core.errors import InvalidInput, Unavailable
from runtime import grafana
from tests.grafana_server import EDITOR, VIEWER, State
from tests.grafana_server import grafana as running_grafana

DOCUMENTS = grafana.dashboards()
UIDS = ["citygrid-city", "citygrid-devices", "citygrid-ingest", "citygrid-patrol", "citygrid-platform"]


@pytest.fixture
def server() -> Iterator[State]:
    with running_grafana() as state:
        yield state


def outcomes(server: State) -> list[tuple[str, str]]:
    return [(one.uid, one.outcome) for one in grafana.push(server.address, EDITOR, DOCUMENTS)]


def test_a_push_makes_the_folder_and_every_dashboard_in_it(server: State) -> None:
    pushed = outcomes(server)

    assert pushed == [(uid, "created") for uid in UIDS]
    assert server.folders == {"citygrid": "CityGrid"}
    assert set(server.folder_of.values()) == {"citygrid"}


def test_a_second_push_writes_nothing(server: State) -> None:
    outcomes(server)
    server.calls.clear()

    again = outcomes(server)

    assert again == [(uid, "unchanged") for uid in UIDS]
    assert {method for method, _ in server.calls} == {"GET"}


def test_a_push_puts_back_what_somebody_changed_and_only_that(server: State) -> None:
    outcomes(server)
    server.dashboards["citygrid-city"]["title"] = "mine now"

    again = outcomes(server)

    assert dict(again)["citygrid-city"] == "updated"
    assert [outcome for _, outcome in again].count("unchanged") == len(UIDS) - 1
    assert server.dashboards["citygrid-city"]["title"].startswith("CityGrid")


def test_a_dashboard_in_another_folder_is_brought_home(server: State) -> None:
    outcomes(server)
    server.folder_of["citygrid-ingest"] = "elsewhere"

    assert dict(outcomes(server))["citygrid-ingest"] == "updated"
    assert server.folder_of["citygrid-ingest"] == "citygrid"


def test_a_server_under_a_path_is_reached_with_and_without_a_closing_slash() -> None:
    with running_grafana("/grafana") as server:
        outcomes(server)
        server.address += "/"

        assert outcomes(server) == [(uid, "unchanged") for uid in UIDS]


def test_a_check_names_everything_that_is_missing(server: State) -> None:
    checks = grafana.check(server.address, EDITOR, DOCUMENTS)

    assert [check.is_good for check in checks] == [False] * (2 + len(UIDS))
    assert checks[0].detail.startswith("missing: provision dashboards/provisioning")


def test_a_check_is_content_after_a_push_with_a_source_that_reads(server: State) -> None:
    server.sources["citygrid"] = "OK"
    outcomes(server)

    checks = grafana.check(server.address, VIEWER, DOCUMENTS)

    assert all(check.is_good for check in checks)


def test_a_check_repeats_what_a_broken_source_says(server: State) -> None:
    server.sources["citygrid"] = "ERROR"

    source = grafana.check(server.address, VIEWER, DOCUMENTS)[0]

    assert (source.is_good, source.detail) == (False, "cannot read the database: it said ERROR")


@pytest.mark.parametrize(
    ("token", "said"), [("wrong", "does not accept the token"), (VIEWER, "needs role Editor"), ("", "token is needed")]
)
def test_a_wrong_token_is_said_in_one_sentence(server: State, token: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        grafana.push(server.address, token, DOCUMENTS)


def test_a_wrong_address_is_told_from_a_server_that_does_not_answer() -> None:
    with pytest.raises(InvalidInput, match="not the address"):
        grafana.push("127.0.0.1:3000", EDITOR, DOCUMENTS)
    with pytest.raises(Unavailable, match="does not answer"):
        grafana.push("http://127.0.0.1:9", EDITOR, DOCUMENTS)


def test_a_folder_without_dashboards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no dashboards"):
        grafana.dashboards(tmp_path)


def test_the_command_prints_json_and_takes_the_token_from_the_environment(server: State) -> None:
    environment = {"CITYGRID_GRAFANA_URL": server.address, "CITYGRID_GRAFANA_TOKEN": EDITOR}

    result = CliRunner().invoke(app, ["push", "--json"], env=environment)

    assert [one["outcome"] for one in json.loads(result.stdout)] == ["created"] * len(UIDS)


def test_the_check_command_fails_when_something_is_missing(server: State) -> None:
    result = CliRunner().invoke(app, ["check", "--url", server.address, "--token", EDITOR])

    assert result.exit_code == 1
    assert "NOT data source citygrid" in result.stdout
