"""Conditions compiled to numpy: each tree becomes two functions over columns, where it holds and where it fails.

A row where neither is true is unknown (a channel was not measured): it neither fires nor clears. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alerts import syntax
from alerts.columns import Columns, Floats, Mask
from alerts.syntax import Arithmetic, Change, Channel, Comparison, Constant, Magnitude, Negation

Evaluate = Callable[[Columns], Floats]
Test = Callable[[Columns], Mask]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One comparison of a condition, for explaining why it held."""

    text: str
    channel: str | None
    """The channel concerned: the first one read."""
    threshold: float | None
    """The constant compared with; None when both sides vary."""
    is_change: bool
    """True when it looks at how a channel changes, not at its value."""
    value: Evaluate
    """The side that varies."""
    holds: Test


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A compiled condition."""

    text: str
    tree: syntax.Truth
    holds: Test
    fails: Test
    parts: tuple[Part, ...]
    channels: frozenset[str]
    changes: frozenset[str]
    windows: frozenset[tuple[str, int]] = frozenset()
    """Channels it looks back on, and how far, microseconds."""
    neighbours: frozenset[tuple[str, float]] = frozenset()
    """Channels of neighbours it looks at, and how far away they may be, metres."""
    moves: bool = False
    """Whether it asks where the device was at its reading before."""


def compiled(text: str, zone: str = "Asia/Shanghai") -> Condition:  # noqa: ARG001  # local_hour() will ask
    """Give the condition of a text, in a city whose clocks show the zone's time; raises `alerts.syntax.SyntaxFault`."""
    tree = syntax.parse(text)
    return Condition(
        text=" ".join(text.split()),
        tree=tree,
        holds=_truth(tree, wanted=True),
        fails=_truth(tree, wanted=False),
        parts=tuple(_part(comparison) for comparison in syntax.comparisons(tree)),
        channels=frozenset(syntax.channels(tree)),
        changes=frozenset(syntax.changes(tree)),
    )


_COMPARE: dict[str, Callable[[Floats, Floats], Mask]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
}
_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
_ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
}


def _truth(node: syntax.Truth, *, wanted: bool) -> Test:
    """Give the test for rows where `node` is known to be `wanted`."""
    if isinstance(node, Negation):
        return _truth(node.of, wanted=not wanted)
    if isinstance(node, Comparison):
        return _comparison(node, node.comparator if wanted else _OPPOSITE[node.comparator])
    return _junction([_truth(part, wanted=wanted) for part in node.parts], every=node.every == wanted)


def _junction(tests: list[Test], *, every: bool) -> Test:
    join = np.logical_and if every else np.logical_or

    def test(columns: Columns) -> Mask:
        result = tests[0](columns)
        for other in tests[1:]:
            result = join(result, other(columns))
        return result

    return test


def _comparison(node: Comparison, comparator: str) -> Test:
    left, right = _number(node.left), _number(node.right)
    if comparator == "!=":  # numpy holds NaN for unequal to everything; here it is unknown

        def differs(columns: Columns) -> Mask:
            a, b = left(columns), right(columns)
            return (a < b) | (a > b)

        return differs
    compare = _COMPARE[comparator]
    return lambda columns: compare(left(columns), right(columns))


def _number(node: syntax.Number) -> Evaluate:
    match node:
        case Constant(value):
            constant = np.array([value])  # one entry: numpy spreads it over the rows
            return lambda _columns: constant
        case Channel(name):
            return lambda columns: columns.column(name)
        case Change(channel, per_second):
            return _change(channel, per_second=per_second)
        case Magnitude(of):
            inner = _number(of)
            return lambda columns: np.abs(inner(columns))
        case Arithmetic("/", left, right):
            return _quotient(_number(left), _number(right))
        case Arithmetic(operator, left, right):
            apply, a, b = _ARITHMETIC[operator], _number(left), _number(right)
            return lambda columns: apply(a(columns), b(columns))


def _change(channel: str, *, per_second: bool) -> Evaluate:
    if per_second:
        return lambda columns: columns.change(channel) / columns.elapsed_s()
    return lambda columns: columns.change(channel)


def _quotient(above: Evaluate, below: Evaluate) -> Evaluate:
    def divide(columns: Columns) -> Floats:
        divisor = below(columns)
        return above(columns) / np.where(divisor == 0, np.nan, divisor)

    return divide


def _part(node: Comparison) -> Part:
    threshold = next((side.value for side in (node.right, node.left) if isinstance(side, Constant)), None)
    varying = node.right if isinstance(node.left, Constant) else node.left
    return Part(
        text=node.text,
        channel=next(syntax.channels(node), None),
        threshold=threshold,
        is_change=any(syntax.changes(node)),
        value=_number(varying),
        holds=_comparison(node, node.comparator),
    )
