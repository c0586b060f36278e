"""Functions that Prometheus has give what promtool gave."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from alerts import condition
from tests.rule_table import Row, Table, stream

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "promql" / "functions.json").read_text(encoding="utf-8"))
CASES = GOLDEN["stream, expression, seconds, values"]
INFINITE = {"+Inf": math.inf, "-Inf": -math.inf, "NaN": math.nan}


def expected(values: list[float | str | None]) -> list[float]:
    """What has no value in Prometheus is unknown here."""
    return [math.nan if v is None else INFINITE[v] if isinstance(v, str) else v for v in values]


@pytest.mark.parametrize(("name", "expression", "seconds", "values"), [c for c in CASES if c[0] != "clock"])
def test_a_function_of_values_gives_what_prometheus_gives(
    name: str, expression: str, seconds: list[int], values: list[float | str | None]
) -> None:
    table = Table(stream("x", GOLDEN["streams"][name]))

    given = condition.compiled(f"{expression} > 0").parts[0].value(table)

    assert [given[second // 10] for second in seconds] == pytest.approx(expected(values), rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(("name", "expression", "seconds", "values"), [c for c in CASES if c[0] == "clock"])
def test_a_function_of_the_clock_gives_what_prometheus_gives(
    name: str, expression: str, seconds: list[int], values: list[float]
) -> None:
    table = Table([Row(at_s=second) for second in seconds], start_us=0)

    given = condition.compiled(f"{expression} > 0").parts[0].value(table)

    assert np.array_equal(given, values), name
