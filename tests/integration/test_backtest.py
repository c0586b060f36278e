"""Back-tests over a recorded stretch of the town: what live raised is found again, and every labelled fault."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts import rulebook
from alerts.rule import Rulebook
from devices.profile import shipped
from runtime.backtest import outcome, run
from runtime.backtest.run import Request
from tests import recorded_stretch
from tests.recorded_stretch import Stretch


@pytest.fixture
def book() -> Rulebook:
    return rulebook.load(rulebook.DEFAULT)


@pytest.fixture
async def stretch(database: str, book: Rulebook, tmp_path: Path) -> Stretch:
    return await recorded_stretch.record(database, book, tmp_path)


def request(stretch: Stretch, book: Rulebook) -> Request:
    return Request(
        rulebook=book,
        rules="default",
        start=stretch.start,
        end=stretch.end,
        profiles=shipped(),
        timezone="Asia/Shanghai",
        faults=run.faults_of(stretch.faults, shipped(), stretch.start, stretch.end),
    )


async def test_the_live_rules_raise_again_what_they_raised_and_find_every_fault(
    database: str, book: Rulebook, stretch: Stretch
) -> None:
    found = await run.run(database, request(stretch, book))

    assert found.live is not None
    assert found.score is not None
    assert (found.live.only_backtest, found.live.only_live) == ((), ())
    assert len(found.live.same) == len(found.incidents) >= 10
    assert (found.score.missed, found.score.unexplained) == ((), ())
    assert (found.score.precision, found.score.recall) == (1.0, 1.0)
    assert found.score.delay_median_s is not None
    assert found.score.delay_p95_s is not None
    assert 0 <= found.score.delay_median_s <= found.score.delay_p95_s < 60

    assert sum(found.by_day().values()) == sum(found.by_grid().values()) == len(found.incidents)
    assert set(found.by_grid()) <= {"130202-P001", "130203-P001", ""}, "a bus may leave the grids"

    without = replace(book, rules=tuple(rule for rule in book.rules if rule.name != "BusOffRoute"))
    less = await run.run(database, request(stretch, without))
    assert less.score is not None
    assert less.live is not None
    assert {fault.rule for fault in less.score.missed} == {it.rule for it in less.live.only_live} == {"BusOffRoute"}
    assert less.score.recall is not None
    assert less.score.recall < 1

    south = await run.run(database, replace(request(stretch, book), districts=("130202",)))
    assert {it.patrol_grid for it in south.incidents} <= {"130202-P001", ""}
    assert 0 < len(south.incidents) < len(found.incidents)

    later = stretch.start + timedelta(seconds=60)
    rest = await run.run(database, replace(request(stretch, book), start=later))
    assert rest.live is not None
    assert (rest.live.only_backtest, rest.live.only_live) == ((), ())
    assert 0 < len(rest.incidents) < len(found.incidents)
    assert len(outcome.document(found)["incidents"]) == len(outcome.features(found)["features"]) == len(found.incidents)
