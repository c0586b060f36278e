"""docs/rules.md: its examples are read and do what the page says; it names every key and every function."""

import math
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from alerts import condition, notation, rulebook, schedulefile, schema
from alerts.rule import Rule
from alerts.signatures import SIGNATURES
from tests.rule_table import Row, Table, stream

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```yaml example (\w+)\n(.*?)```", PAGE, re.DOTALL))


def example(name: str) -> Rule:
    indented = "".join(f"      {line}\n" for line in EXAMPLES[name].splitlines())
    return rulebook.parse({"page.yaml": f"groups:\n  - name: page\n    rules:\n{indented}"}).rules[0]


def fires(rule: Rule, table: Table) -> list[bool]:
    assert rule.fires is not None
    return rule.fires.holds(table).tolist()


def clears(rule: Rule, table: Table) -> list[bool]:
    assert rule.clears is not None
    return rule.clears.holds(table).tolist()


def at(local: str) -> int:
    return round(datetime.fromisoformat(f"{local}+08:00").timestamp() * 1e6)


def test_the_whole_file_on_the_page_is_a_rule_file() -> None:
    (text,) = re.findall(r"```yaml rules\n(.*?)```", PAGE, re.DOTALL)

    book = rulebook.parse({"page.yaml": text})

    assert ([rule.name for rule in book.rules], len(book.inhibit_rules)) == (["CoverDisplaced"], 1)


def test_the_schedule_on_the_page_is_one() -> None:
    (text,) = re.findall(r"```yaml schedule\n(.*?)```", PAGE, re.DOTALL)
    entry = notation.read("schedule:\n" + text, "page.yaml").need("schedule")

    assert len(schedulefile.read(entry, "Asia/Shanghai").intervals) == 2


@pytest.mark.parametrize("line", re.search(r"```\n(tilt_deg.*?)```", PAGE, re.DOTALL)[1].splitlines())  # type: ignore[index]
def test_an_expression_on_the_page_is_one(line: str) -> None:
    assert condition.compiled(line).parts


@pytest.mark.parametrize("call", [c for c in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) if "(" in c])
def test_a_call_on_the_page_is_one(call: str) -> None:
    for text in re.findall(r"`([a-z_0-9]+\(.*?\))`", call):
        truth = SIGNATURES[text.partition("(")[0]].is_truth
        assert condition.compiled(text if truth else f"{text} > 1").parts


def test_every_function_is_on_the_page() -> None:
    assert [name for name in SIGNATURES if not re.search(rf"`{name}[(`]", PAGE)] == []


def test_every_key_is_on_the_page() -> None:
    def keys(of: object) -> set[str]:
        if isinstance(of, dict):
            known: dict[str, Any] = of.get("properties", {})
            return set(known).union(*(keys(part) for part in of.values()))
        return set().union(*(keys(part) for part in of)) if isinstance(of, list) else set()

    assert [key for key in sorted(keys(schema.rules())) if f"`{key}`" not in PAGE] == []


def test_the_cover_fires_above_15_degrees_and_clears_below_10() -> None:
    rule, table = example("cover"), Table(stream("tilt_deg", "2 16 12 9"))

    assert fires(rule, table) == [False, True, False, False]
    assert clears(rule, table) == [True, False, False, True]


@pytest.mark.parametrize(
    ("local", "power_w", "expected"),
    [
        ("2026-12-21T12:00", 90, True),
        ("2026-12-21T10:15", 90, True),
        ("2026-12-21T12:00", 2, False),
        ("2026-12-21T17:30", 90, False),
        ("2026-06-21T12:00", 90, True),
        ("2026-06-21T22:00", 90, False),
    ],
)
def test_the_lamp_fires_when_lit_with_the_sun_well_up(local: str, power_w: float, expected: bool) -> None:
    table = Table([Row(at_s=0, values={"power_w": power_w})], start_us=at(local))

    assert fires(example("lamp"), table) == [expected]


def test_the_level_is_stuck_after_two_hours_without_any_movement() -> None:
    rule = example("stuck")
    still, moving = (
        Table(stream("water_m", "0.4 " * 10, step_s=900)),
        Table(stream("water_m", "0.4 0.41 " * 5, step_s=900)),
    )

    assert fires(rule, still) == [False] * 7 + [True] * 3
    assert fires(rule, moving) == [False] * 10
    assert clears(rule, moving)[3:] == [True] * 7
    assert fires(rule, Table(stream("water_m", "0 " * 10, step_s=900))) == [False] * 10


def test_the_flood_fires_on_high_water_and_on_water_that_rises_fast() -> None:
    rule = example("flood")

    assert fires(rule, Table(stream("water_m", "0.5 0.7 0.9 1.0", step_s=60))) == [False, False, True, True]
    assert fires(rule, Table(stream("water_m", "0.86 0.87 1.6", step_s=60)))[:2] == [False, False]
    assert rule.together is not None
    assert (rule.together.in_, rule.together.at_least) == ("patrol_grid", 3)


def test_the_bus_is_lost_away_from_its_route_unless_at_the_depot_or_out_of_hours() -> None:
    rule = example("bus")
    rows = [
        Row(at_s=0, off_route_m=20),
        Row(at_s=10, off_route_m=250),
        Row(at_s=20, off_route_m=250, inside=("bus depot",)),
        Row(at_s=30, off_route_m=math.nan),
    ]
    monday, sunday = Table(rows, start_us=at("2026-11-23T12:00")), Table(rows, start_us=at("2026-11-22T12:00"))

    assert fires(rule, monday) == [False, True, False, False]
    assert clears(rule, monday) == [True, False, True, False]
    assert rule.schedule is not None
    assert (rule.schedule.active(monday.ts_us()).all(), rule.schedule.active(sunday.ts_us()).any()) == (True, False)
