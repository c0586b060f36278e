"""`citygrid dead-letters` against a real database; no ingest runs here, the test plays its part."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.dead_letters import app
from core.errors import InvalidInput, NotFound
from storage import dead_letters
from storage.dead_letters import DeadLetter

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
LETTERS = [
    DeadLetter(topic=topic, payload=payload, reason=reason, detail="in words", item=0, redelivered=False)
    for topic, payload, reason in (
        ("jt808/13800138000", b"\x02\x00\xff", "malformed"),
        ("gtfs-rt/tangshan", b"one", "unknown_device"),
        ("gtfs-rt/tangshan", b"two", "unknown_device"),
        ("gtfs-rt/tangshan", b"x" * 70_000, "unknown_device"),
    )
]
Run = Callable[..., Result]


@pytest.fixture
async def letters(database: str) -> list[str]:
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await dead_letters.record(conn, LETTERS, NOW)
    return [letter.digest.hex() for letter in LETTERS]


@pytest.fixture
def run(database: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("CITYGRID_DATABASE_URL", database)
    return lambda *words: CliRunner().invoke(app, list(words))


def answer(result: Result) -> Any:
    return json.loads(result.stdout)


def test_letters_are_listed_with_counts(run: Run, letters: list[str]) -> None:
    listed = answer(run("list", "--reason", "unknown_device", "--json"))

    assert {item["id"] for item in listed["items"]} == set(letters[1:])
    assert [(count["reason"], count["kept"]) for count in listed["counts"]] == [("malformed", 1), ("unknown_device", 3)]


def test_a_letter_is_shown_by_how_its_id_begins(run: Run, letters: list[str]) -> None:
    shown = answer(run("show", letters[0][:10], "--json"))

    assert (shown["id"], shown["payload_hex"], shown["detail"]) == (letters[0], "0200ff", "in words")
    assert "0200ff (hexadecimal)" in run("show", letters[0]).stdout


def test_a_dry_run_changes_nothing(run: Run, letters: list[str], database: str) -> None:
    result = run("reprocess", "--topic", "gtfs-rt/%", "--dry-run", "--json")

    assert (result.exit_code, answer(result)) == (
        0,
        {"asked": 2, "dry_run": True, "accepted": 0, "refused": {}, "waiting": 0, "truncated": 1},
    )
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(waiting_since) FROM dead_letter").fetchone() == (0,)


def test_without_an_ingest_letters_wait_and_it_says_so(run: Run, letters: list[str]) -> None:
    result = run("reprocess", letters[0][:12], letters[1], "--wait", "0")

    assert result.exit_code == 1
    assert "0 of 2 letters accepted" in result.stdout
    assert "2 still wait; they are taken when ingest runs" in result.stdout


def test_which_letters_must_be_said(run: Run, letters: list[str]) -> None:
    assert isinstance(run("reprocess").exception, InvalidInput)
    assert isinstance(run("show", "nonsense").exception, InvalidInput)
    assert isinstance(run("show", "0" * 64).exception, NotFound)
