"""A filter becomes a condition with parameters, or is refused; what nests too deep never reaches the parser."""

import json
from datetime import UTC, date, datetime

import pytest

from core.errors import InvalidInput
from storage.layers import cql
from storage.layers.city import COMPONENTS, INCIDENTS, LAYERS
from storage.layers.conditions import Conditions
from storage.layers.model import Layer


def made(text: str, language: cql.Language = "cql2-text", layer: Layer = COMPONENTS) -> tuple[str, list[object]]:
    conditions = Conditions(layer)
    condition = conditions.of(cql.parse(text, language))
    return condition.as_string(None), list(conditions.values.values())


def test_values_are_parameters_and_names_come_from_the_table():
    assert made("name = '井盖''; DROP TABLE component' AND state <> 'intact'") == (
        "((c.name = %(v0)s::text) AND (c.state <> %(v1)s::text))",
        ["井盖'; DROP TABLE component", "intact"],
    )


def test_text_and_json_say_the_same():
    tree = {
        "op": "and",
        "args": [
            {"op": "in", "args": [{"property": "class_code"}, ["0101", "0137"]]},
            {"op": "not", "args": [{"op": "isNull", "args": [{"property": "note"}]}]},
        ],
    }

    assert made(json.dumps(tree), "cql2-json") == made("class_code IN ('0101', '0137') AND note IS NOT NULL")


@pytest.mark.parametrize(
    ("text", "condition", "values"),
    [
        ("code LIKE '1302%'", "(c.code LIKE %(v0)s::text)", ["1302%"]),
        ("CASEI(owner) = CASEI('Xx')", "(lower(owner.name_zh) = lower(%(v0)s::text))", ["Xx"]),
        ("changed_on > surveyed_on", "(c.changed_on > c.surveyed_on)", []),
        ("surveyed_on >= DATE('2026-01-31')", "(c.surveyed_on >= %(v0)s::date)", [date(2026, 1, 31)]),
        ("since < '2026-01-31T00:00:00Z'", "(c.since < %(v0)s::timestamptz)", [datetime(2026, 1, 31, tzinfo=UTC)]),
        (
            "T_AFTER(since, TIMESTAMP('2026-01-31T00:00:00Z'))",
            "c.since::timestamptz > %(v0)s::timestamptz",
            [datetime(2026, 1, 31, tzinfo=UTC)],
        ),
    ],
)
def test_each_operator_has_its_sql(text: str, condition: str, values: list[object]):
    assert made(text) == (condition, values)


def test_what_gdal_writes_for_a_pattern_without_case_is_understood():
    assert made("name ILIKE 'x%'", "cql-text")[0] == "(lower(c.name) LIKE lower(%(v0)s::text))"


def test_a_condition_may_be_a_property_that_is_true_or_false():
    assert made("is_open AND severity = 'major'", layer=INCIDENTS)[0] == "(i.is_open AND (i.severity = %(v0)s::text))"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense = 1", "not a property"),
        ("state = 5", "no value of kind text"),
        ("since > 'yesterday'", "is no time"),
        ("state", "no condition"),
        ("1 = 1", "at least one property"),
        ("lower(state) = 'x'", "not a property|no value|at least one property"),
        ("state + 1 > 2", "not a property|no value|at least one property"),
        ("S_BUFFER(geometry, POINT(1 2))", "not supported"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 2 2, 2 0, 0 2, 0 0)))", "crosses itself"),
        ("S_INTERSECTS(name, POINT(1 2))", "no geometry"),
        ("state =", "not cql2-text"),
        ("name LIKE 'x\\'", "pattern"),
        ("name = 'x' AND", "not cql2-text"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(text: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        made(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 4000 + "state = 'x'" + ")" * 4000,
        "NOT " * 2000 + "state = 'x'",
        "interval_s = " + "-" * 8000 + "1",
        "interval_s = " + "- " * 4000 + "1",
        "interval_s = " + "1+" * 4000 + "1",
        "interval_s = " + "2^" * 4000 + "1",
        "-NOT-NOT" * 900 + "(state = 'x')",
        "state = '" + "x" * 9000 + "'",
        " OR ".join(["state = 'x'"] * 400),
    ],
    ids=["parentheses", "not", "minus", "spaced minus", "plus", "power", "mixed", "long", "parts"],
)
def test_what_is_too_deep_or_too_long_is_refused_before_it_can_end_the_process(text: str):
    with pytest.raises(InvalidInput, match=r"nested|longer|arithmetic|parts"):
        cql.parse(text, "cql2-text")


def test_json_that_is_too_deep_is_refused():
    tree: object = {"op": "isNull", "args": [{"property": "note"}]}
    for _ in range(60):
        tree = {"op": "not", "args": [tree]}

    with pytest.raises(InvalidInput):
        cql.parse(json.dumps(tree), "cql2-json")


def test_a_polygon_of_many_corners_and_negative_numbers_is_no_arithmetic():
    corners = ", ".join(f"-{118 + n / 1000} -{39 + n * n / 1e6}" for n in range(150))

    cql.parse(f"S_INTERSECTS(geometry, POLYGON(({corners}, -118.0 -39.0)))", "cql2-text")


def test_no_property_is_called_like_a_parameter_of_the_standard():
    from api.ogc.asked import NAMES

    assert [field.name for layer in LAYERS.values() for field in layer.fields if field.name in NAMES] == []
