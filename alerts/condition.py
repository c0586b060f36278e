"""Conditions compiled to numpy: each tree becomes two functions over columns, where it holds and where it fails.

A row where neither is true is unknown (a channel was not measured): it neither fires nor clears. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from alerts import functions, grammar, syntax, windows
from alerts.columns import Columns, Floats, Mask
from alerts.signatures import SIGNATURES
from alerts.syntax import Arithmetic, Call, Change, Channel, Comparison, Constant, Fact, Neighbours, Place, Window

Evaluate = Callable[[Columns], Floats]
Test = Callable[[Columns], Mask]
A = TypeVar("A", Floats, Mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One comparison or fact of a condition, for explaining why it held."""

    text: str
    channel: str | None
    """The channel concerned: the first one read; None = it looks at time or place."""
    threshold: float | None
    """The constant compared with; None when both sides vary, and of a fact."""
    is_change: bool
    """False when what is compared is in the channel's own unit and range; True e.g. for how it changes."""
    varies: bool
    """False when it looks at nothing but constants."""
    value: Evaluate
    """The side that varies; of a fact 1 (true) or 0."""
    holds: Test


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A compiled condition, and what it asks of the readings."""

    text: str
    tree: syntax.Truth
    holds: Test
    fails: Test
    parts: tuple[Part, ...]
    channels: frozenset[str]
    changes: frozenset[str]
    """Channels whose reading before is needed."""
    windows: frozenset[tuple[str, int]]
    """Channels and spans (microseconds) that are looked back on."""
    neighbours: frozenset[tuple[str, float]]
    """Channels and radii (metres) that are looked around in."""
    areas: frozenset[str]
    """Names of areas."""
    crossings: frozenset[str]
    """Names of areas of which it matters where the device was before."""
    off_route: bool
    """Whether the distance from the route is asked."""


def compiled(text: str, zone: str = "Asia/Shanghai") -> Condition:
    """Give the condition of a text, in a city of a time zone; raises `alerts.syntax.SyntaxFault`."""
    return of_tree(grammar.parse(text), " ".join(text.split()), zone)


def of_tree(tree: syntax.Truth, text: str, zone: str) -> Condition:
    """Give the condition of a tree."""
    nodes = tuple(syntax.walk(tree))
    places = [node for node in nodes if isinstance(node, Place)]
    compiler = _Compiler(zone)
    return Condition(
        text=text,
        tree=tree,
        holds=_quiet(compiler.truth(tree, wanted=True)),
        fails=_quiet(compiler.truth(tree, wanted=False)),
        parts=tuple(compiler.part(judgement) for judgement in syntax.judgements(tree)),
        channels=frozenset(syntax.channels(tree)),
        changes=frozenset(syntax.changes(tree)),
        windows=frozenset((node.channel, node.span_us) for node in nodes if isinstance(node, Window)),
        neighbours=frozenset((node.channel, node.radius_m) for node in nodes if isinstance(node, Neighbours)),
        areas=frozenset(place.area for place in places),
        crossings=frozenset(place.area for place in places if place.function in ("entered", "left")),
        off_route=Call("off_route_m") in nodes,
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
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
}


@dataclass(frozen=True, slots=True)
class _Compiler:
    zone: str

    def truth(self, node: syntax.Truth, *, wanted: bool) -> Test:
        """Give the test for rows where `node` is known to be `wanted`."""
        match node:
            case syntax.Negation(of):
                return self.truth(of, wanted=not wanted)
            case Comparison():
                return self._comparison(node, node.comparator if wanted else _OPPOSITE[node.comparator])
            case Fact():
                of, sought = self._fact(node), float(wanted)
                return lambda columns: of(columns) == sought
            case syntax.Unless(left, right):
                stays, goes = self.truth(left, wanted=wanted), self.truth(right, wanted=True)
                if wanted:
                    return lambda columns: stays(columns) & ~goes(columns)
                return lambda columns: stays(columns) | goes(columns)
            case syntax.Junction(every, parts):
                return _junction([self.truth(part, wanted=wanted) for part in parts], every=every == wanted)

    def _comparison(self, node: Comparison, comparator: str) -> Test:
        left, right = self.number(node.left), self.number(node.right)
        if comparator == "!=":  # numpy holds NaN for unequal to everything; here it is unknown

            def differs(columns: Columns) -> Mask:
                a, b = left(columns), right(columns)
                return (a < b) | (a > b)

            return differs
        compare = _COMPARE[comparator]
        return lambda columns: compare(left(columns), right(columns))

    def number(self, node: syntax.Number) -> Evaluate:
        """Give the function that computes a number."""
        match node:
            case Constant(value):
                constant = np.array([value])  # one entry: numpy spreads it over the rows
                return lambda _columns: constant
            case Channel(name):
                return lambda columns: columns.column(name)
            case Change(channel, per_second):
                return _change(channel, per_second=per_second)
            case Window() | Neighbours():
                return _aggregate(node)
            case Call():
                return self._call(node)
            case Arithmetic(operator, left, right):
                apply, a, b = _ARITHMETIC[operator], self.number(left), self.number(right)
                return lambda columns: apply(a(columns), b(columns))

    def _call(self, node: Call) -> Evaluate:
        apply = functions.NUMBERS.get(node.function)
        if apply is None:
            return functions.local(node.function, self.zone) or functions.INSTANT[node.function]
        arguments = [self.number(argument) for argument in node.arguments]
        return lambda columns: apply(*(argument(columns) for argument in arguments))

    def _fact(self, node: Fact) -> Evaluate:
        if isinstance(node.of, Place):
            where, area = functions.PLACE[node.of.function], node.of.area
            return lambda columns: where(columns, area)
        return self.number(node.of)

    def part(self, node: Comparison | Fact) -> Part:
        """Give what explains a comparison or a fact."""
        channel = next(syntax.channels(node), None)
        if isinstance(node, Fact):
            value, threshold, varying = self._fact(node), None, node.of
        else:
            threshold = next((side.value for side in (node.right, node.left) if isinstance(side, Constant)), None)
            varying = node.right if isinstance(node.left, Constant) else node.left
            value = self.number(varying)
        constants = all(isinstance(part, Constant | Arithmetic | Comparison) for part in syntax.walk(node))
        return Part(
            text=node.text,
            channel=channel,
            threshold=threshold,
            is_change=not _in_own_unit(varying),
            varies=not constants,
            value=_quiet(value),
            holds=_quiet(self.truth(node, wanted=True)),
        )


def _quiet(of: Callable[[Columns], A]) -> Callable[[Columns], A]:
    """Let numpy make NaN of what has no value without a warning: unknown values are meant to be."""

    def evaluate(columns: Columns) -> A:
        with np.errstate(all="ignore"):
            return of(columns)

    return evaluate


def _junction(tests: list[Test], *, every: bool) -> Test:
    join = np.logical_and if every else np.logical_or

    def test(columns: Columns) -> Mask:
        result = tests[0](columns)
        for other in tests[1:]:
            result = join(result, other(columns))
        return result

    return test


def _change(channel: str, *, per_second: bool) -> Evaluate:
    if per_second:
        return lambda columns: columns.change(channel) / columns.elapsed_s()
    return lambda columns: columns.change(channel)


def _aggregate(node: Window | Neighbours) -> Evaluate:
    channel = node.channel
    if isinstance(node, Neighbours):
        among, radius_m = windows.NEIGHBOURS[node.function], node.radius_m
        return lambda columns: among(columns.neighbours(channel, radius_m))
    function, span_us, parameter = node.function, node.span_us, node.parameter
    return lambda columns: windows.over_time(columns, function, channel, span_us, parameter)


def _in_own_unit(node: syntax.Node) -> bool:
    match node:
        case Channel():
            return True
        case Window(name, _, _, _) | Neighbours(name, _, _):
            return SIGNATURES[name].own_unit
        case Call(name, arguments):
            return SIGNATURES[name].own_unit and _in_own_unit(arguments[0])
        case _:
            return False
