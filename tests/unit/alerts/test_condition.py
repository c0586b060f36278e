import math
from collections.abc import Mapping

import numpy as np
import pytest

from alerts import condition
from alerts.syntax import SyntaxFault

NAN = math.nan


class Table:
    """Columns given by hand."""

    def __init__(
        self,
        columns: Mapping[str, list[float]],
        deltas: Mapping[str, list[float]] | None = None,
        elapsed_s: list[float] | None = None,
    ) -> None:
        self._columns = columns
        self._deltas = deltas or {}
        self._elapsed_s = elapsed_s or []

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def column(self, channel: str) -> np.ndarray:
        return np.array(self._columns[channel])

    def change(self, channel: str) -> np.ndarray:
        return np.array(self._deltas[channel])

    def elapsed_s(self) -> np.ndarray:
        return np.array(self._elapsed_s)


def verdicts(text: str, **columns: list[float]) -> list[bool | None]:
    """True, False or None (unknown) for each row."""
    compiled, table = condition.compiled(text), Table(columns)
    holds, fails = compiled.holds(table), compiled.fails(table)
    assert not (holds & fails).any()
    return [True if yes else False if no else None for yes, no in zip(holds, fails, strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a > 1", [False, False, True, None]),
        ("a >= 1", [False, True, True, None]),
        ("a < 1", [True, False, False, None]),
        ("a <= 1", [True, True, False, None]),
        ("a == 1", [False, True, False, None]),
        ("a != 1", [True, False, True, None]),
        ("1 < a", [False, False, True, None]),
        ("not a > 1", [True, True, False, None]),
        ("not not a > 1", [False, False, True, None]),
        ("abs(a - 1) > 0.5", [True, False, True, None]),
        ("-a < -1", [False, False, True, None]),
        ("a * 2 + 1 > 3", [False, False, True, None]),
        ("(a + 1) * 2 > 4", [False, False, True, None]),
        ("2 - 1 - a < 0", [False, False, True, None]),
        ("8 / 4 / 2 < a", [False, False, True, None]),
    ],
)
def test_comparisons_and_arithmetic(text: str, expected: list[bool | None]) -> None:
    assert verdicts(text, a=[0, 1, 2, NAN]) == expected


ROWS = {"a": [1, 1, 1, 0, 0, 0, NAN, NAN, NAN], "b": [1, 0, NAN] * 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a > 0.5 and b > 0.5", [True, False, None, False, False, False, None, False, None]),
        ("a > 0.5 or b > 0.5", [True, True, True, True, False, None, True, None, None]),
        ("not (a > 0.5 and b > 0.5)", [False, True, None, True, True, True, None, True, None]),
        ("a > 0.5 or b > 0.5 and a > 2", [True, True, True, False, False, False, None, None, None]),
    ],
)
def test_the_unknown_follows_kleene_and_binds_closer_than_or(text: str, expected: list[bool | None]) -> None:
    assert verdicts(text, **ROWS) == expected


def test_a_division_by_zero_is_infinite_as_in_prometheus_and_unknown_for_zero() -> None:
    assert verdicts("a / b > 1", a=[4, 4, -4, 0], b=[2, 0, 0, 0]) == [True, True, False, None]


def test_rate_is_the_change_a_second_and_delta_the_change() -> None:
    table = Table({"w": [0, 0, 0]}, {"w": [1, 1, NAN]}, [10, NAN, 10])

    assert condition.compiled("change_per_second(w) > 0.05").holds(table).tolist() == [True, False, False]
    assert condition.compiled("change_per_second(w) > 0.05").fails(table).tolist() == [False, False, False]
    assert condition.compiled("change(w) > 0.5").holds(table).tolist() == [True, True, False]


def test_a_condition_knows_its_channels_and_whose_change_it_watches() -> None:
    compiled = condition.compiled("tilt > 15 or (water > 1 and change_per_second(water) > 0.1)")

    assert (compiled.channels, compiled.changes) == ({"tilt", "water"}, {"water"})


def test_the_parts_of_a_condition_tell_channel_threshold_and_text() -> None:
    parts = condition.compiled("tilt   > 15 or 3 < change_per_second(water) or a > b").parts

    assert [(part.text, part.channel, part.threshold, part.is_change) for part in parts] == [
        ("tilt > 15", "tilt", 15, False),
        ("3 < change_per_second(water)", "water", 3, True),
        ("a > b", "a", None, False),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a channel or a number is wanted, not the end"),
        ("tilt", "column 1: this is a number, not a condition: compare it"),
        ("tilt >", "a channel or a number is wanted, not the end"),
        ("1 < a < 3", "column 7: comparisons do not chain"),
        ("a > 1 && b > 1", "column 7: '&' is not understood: write `and`"),
        ("a > 1 || b > 1", "write `or`"),
        ("!a > 1", "write `not`"),
        ("a = 1", "write `==`"),
        ('a{class="0101"} > 1', "under `scope:`"),
        ("avg(a) > 1", "no function avg: over time write e.g. avg_over_time(x[10m]), over devices neighbours_avg"),
        ("change_per_second(a + 1) > 1", "write e.g. change_per_second(x)"),
        ("change_per_second(3) > 1", "change_per_second takes one channel"),
        ("(a > 1", "')' is missing before the end"),
        ("a > 1 b", "column 7: nothing may follow here, but b does"),
        ("a > 1 and b", "column 11: this is a number, not a condition"),
        ("(a > 1) + 2 > 1", "column 1: this is a condition, a number is wanted"),
        ("a > (b > 1)", "column 5: this is a condition, a number is wanted"),
        ("a + (b > 1) > 1", "column 5: this is a condition"),
        ("abs(a > 1) > 1", "')' is missing before >"),
        ("-(a > 1) > 1", "this is a condition"),
        ("and a > 1", "a channel or a number is wanted, not and"),
        ("a > 1 # comment", "column 7: '#' is not understood"),
        ("__import__(os) > 1", "column 1: no function __import__"),
        ("a.b > 1", "column 2: '.' is not understood"),
    ],
)
def test_a_wrong_condition_says_where_and_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(SyntaxFault) as fault:
        condition.compiled(text)

    assert message in str(fault.value)
