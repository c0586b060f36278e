"""Whatever is written, reading it ends in a rule or in a mistake that says where; and it takes time by the length."""

import contextlib
import string
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts import condition, grammar, rulebook
from alerts.rulebook import WrongRules
from alerts.signatures import SIGNATURES
from alerts.syntax import SyntaxFault
from tests.rule_table import Row, Table

WORDS = [
    *("x", "water_m", "1", "0.5", "1e3", "10m", "500m", '"lake"', "'b'", "[10m]", "[", "]", "(", ")", ",", "-", "+"),
    *("*", "/", "%", "^", ">", ">=", "<", "<=", "==", "!=", "and", "or", "unless", "not", " ", "offset", "bool"),
    *SIGNATURES,
]
CALLS = [
    signature.example + ("" if signature.is_truth else " > 1")
    for name, signature in SIGNATURES.items()
    if not name.startswith("neighbours")
]
TRUTHS = st.recursive(
    st.sampled_from([*CALLS, "x > 1", "x / y != 2", "-x ^ 2 % 3 <= y"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or", "unless"]), inner).map(" ".join),
        inner.map(lambda text: f"not ({text})"),
    ),
    max_leaves=6,
)
RULE = """\
groups:
  - name: g
    rules:
      - {alert: A, expr: x > 1, scope: {profile: p}, labels: {severity: info}, raises: {deadline: 1 hour},
         annotations: {summary: a, summary_zh: b}}
"""


@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)))
@example("\x1f")  # a blank to str.strip, not to the grammar
@example("\u2003x > 1")
@settings(max_examples=600)
def test_any_text_is_a_condition_or_a_syntax_fault(text: str) -> None:
    with contextlib.suppress(SyntaxFault):
        condition.compiled(text)


@given(st.one_of(st.text(max_size=300), st.text(alphabet=string.printable, max_size=300)))
@settings(max_examples=300)
def test_any_text_is_a_rule_file_or_a_list_of_mistakes(text: str) -> None:
    with contextlib.suppress(WrongRules):
        rulebook.parse({"r.yaml": text})


@given(st.integers(0, len(RULE)), st.integers(0, 20), st.text(alphabet='{}[]:,"&*!-|> \n1a', max_size=8))
@settings(max_examples=400)
def test_a_rule_file_with_any_piece_exchanged_is_read_or_refused(at: int, length: int, piece: str) -> None:
    with contextlib.suppress(WrongRules):
        rulebook.parse({"r.yaml": RULE[:at] + piece + RULE[at + length :]})


@given(TRUTHS, st.lists(st.tuples(st.sampled_from([None, -1.0, 0.0, 1.0, 2.0, 1e9]), st.booleans()), min_size=1))
@settings(max_examples=200)
def test_a_condition_never_both_holds_and_fails(text: str, readings: list[tuple[float | None, bool]]) -> None:
    rows = [
        Row(
            at_s=at * 60.0, values={} if value is None else {"x": value, "y": value - 1}, inside={"lake"} if wet else ()
        )
        for at, (value, wet) in enumerate(readings)
    ]
    try:
        compiled = condition.compiled(text)
    except SyntaxFault:
        return

    holds, fails = compiled.holds(Table(rows)), compiled.fails(Table(rows))

    assert len(holds) == len(fails) == len(rows)
    assert not (holds & fails).any()


@pytest.mark.parametrize("piece", ["x + ", "x > 1 and ", "(x) * ", "abs(x) + "])
def test_reading_a_condition_takes_work_in_proportion_to_its_length(piece: str) -> None:
    def calls(text: str) -> int:
        count = 0

        def counted(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(counted)
        try:
            condition.compiled(text)
        finally:
            sys.setprofile(None)
        return count

    short, middle, long = (calls(piece * times + "x > 1") for times in (10, 20, 40))

    assert long - middle == pytest.approx(2 * (middle - short), rel=0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x > 1 or " * 300 + "x > 1", f"{grammar.MOST_CHARACTERS} are allowed"),
        ("x+" * 200 + "x > 1", f"more than {grammar.MOST_PARTS} operators"),
        ("(" * 30 + "x" + ")" * 30 + "> 1", f"more than {grammar.DEEPEST} brackets"),
        ("not " * 30 + "x > 1", f"more than {grammar.DEEPEST} brackets"),
        ("-" * 30 + "x > 1", f"more than {grammar.DEEPEST} brackets"),
        ("x" + "^x" * 30 + " > 1", f"more than {grammar.DEEPEST} brackets"),
        ("abs(" * 30 + "x" + ")" * 30 + " > 1", f"more than {grammar.DEEPEST} brackets"),
        (" + ".join(f"rate(x[{n}m])" for n in range(1, 10)) + " > 1", f"9 different windows: {grammar.MOST_WINDOWS}"),
        ("rate(x[8d]) > 1", "at most 7d"),
        ("neighbours_avg(x, 6km) > 1", "at most 5km"),
        ("x > 1e999", "a number this large is none"),
    ],
)
def test_what_a_condition_may_cost_is_bounded(text: str, message: str) -> None:
    with pytest.raises(SyntaxFault, match=message):
        condition.compiled(text)


def test_a_condition_at_its_bounds_is_compiled_and_evaluated() -> None:
    text = " + ".join(["x"] * 50) + " > 1 and (" + " or ".join(["x > 1"] * 15) + ")"

    assert condition.compiled(text).holds(Table([Row(at_s=0, values={"x": 2})])).tolist() == [True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 5000, "r.yaml:1: "),
        ("groups: \x00", "r.yaml:1: this is no YAML"),
        ("groups: [&a {name: *a, rules: []}]", "name: must be a single value"),
        ("? [a]\n: b", "is no known key"),
        (RULE.replace("x > 1", f"x > 1, for: {'9' * 5000}s"), "is no duration"),
        (RULE.replace("x > 1", "x > 1, for: 200y"), "at most 100y"),
    ],
)
def test_a_file_made_to_break_the_reader_is_a_mistake(text: str, message: str) -> None:
    with pytest.raises(WrongRules) as wrong:
        rulebook.parse({"r.yaml": text})

    assert message in str(wrong.value)
