"""The tree of a rule's condition: numbers, and truths made of them. Pure; knows no reading and no numpy.

Typed: a number never stands for a truth, nor a truth for a number. `alerts.grammar` reads a tree from text,
`alerts.condition` compiles it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from core.errors import InvalidInput

Comparator = Literal[">", ">=", "<", "<=", "==", "!="]
Operator = Literal["+", "-", "*", "/", "%", "^"]


class SyntaxFault(InvalidInput):
    """A condition that cannot be read; the message says where and what would be right."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number written in the condition."""

    value: float


@dataclass(frozen=True, slots=True)
class Channel:
    """The value a reading has in a channel; unknown when it was not measured."""

    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """The change of a channel since the device's reading before, in all or a second."""

    channel: str
    per_second: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A function of a device's values of a channel over a time: `avg_over_time(x[10m])`."""

    function: str
    channel: str
    span_us: int
    parameter: float = 0.0
    """Of `quantile_over_time` and `predict_linear`."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A function of the newest values of a channel among the devices in a radius."""

    function: str
    channel: str
    radius_m: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where the device is with regard to a named area: `inside("lake")`."""

    function: str
    area: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function of numbers, or of the reading's own time and place: `abs(x)`, `hour()`, `daylight()`."""

    function: str
    arguments: "tuple[Number, ...]" = ()


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers joined, as IEEE 754 has it: 1 / 0 is infinite, 0 / 0 unknown."""

    operator: Operator
    left: "Number"
    right: "Number"


Number = Constant | Channel | Change | Window | Neighbours | Call | Arithmetic


@dataclass(frozen=True, slots=True)
class Comparison:
    """True, false, or unknown when either side is; `text` is how the author wrote it."""

    comparator: Comparator
    left: Number
    right: Number
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """What a function says is true, false or unknown; `text` is how the author wrote it."""

    of: Window | Place | Call
    text: str


@dataclass(frozen=True, slots=True)
class Junction:
    """Truths joined by `and` (`every`) or `or`, in Kleene's logic of the unknown."""

    every: bool
    parts: tuple["Truth", ...]


@dataclass(frozen=True, slots=True)
class Unless:
    """The left truth where the right one does not hold: false or unknown, as in Prometheus."""

    left: "Truth"
    right: "Truth"


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite; unknown stays unknown."""

    of: "Truth"


Truth = Comparison | Fact | Junction | Unless | Negation
Node = Number | Truth | Place


def walk(node: Node) -> Iterator[Node]:
    """Give a tree's nodes in writing order, each before its parts."""
    stack: list[Node] = [node]
    while stack:
        found = stack.pop()
        yield found
        stack.extend(reversed(_parts(found)))


def _parts(node: Node) -> tuple[Node, ...]:
    match node:
        case Arithmetic(_, left, right) | Comparison(_, left, right, _) | Unless(left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
        case Junction(_, parts):
            return parts
        case Negation(of) | Fact(of, _):
            return (of,)
        case _:
            return ()


def replaced(node: Node, by: Callable[[Node], "Node | None"]) -> Node:
    """Give the tree with some nodes, and all that is under them, exchanged; what `by` gives nothing for stays."""
    other = by(node)
    if other is not None:
        return other
    match node:
        case Arithmetic() | Comparison() | Unless():
            left, right = replaced(node.left, by), replaced(node.right, by)
            return replace(node, left=left, right=right)  # pyright: ignore[reportArgumentType]  # kinds stay as they are
        case Call(_, arguments):
            return replace(node, arguments=tuple(replaced(argument, by) for argument in arguments))  # pyright: ignore[reportArgumentType]
        case Junction(_, parts):
            return replace(node, parts=tuple(replaced(part, by) for part in parts))  # pyright: ignore[reportArgumentType]
        case Negation(of):
            return replace(node, of=replaced(of, by))  # pyright: ignore[reportArgumentType]
        case _:
            return node


def channels(node: Node) -> Iterator[str]:
    """Give the names of the channels a tree reads, in writing order, repeats and all."""
    for part in walk(node):
        match part:
            case Channel(name):
                yield name
            case Change(channel, _) | Window(_, channel, _, _) | Neighbours(_, channel, _):
                yield channel
            case _:
                pass


def changes(node: Node) -> Iterator[str]:
    """Give the channels whose reading before is needed (`change`, `change_per_second`)."""
    return (part.channel for part in walk(node) if isinstance(part, Change))


def judgements(node: Truth) -> "Iterator[Comparison | Fact]":
    """Give the comparisons and facts of a tree in writing order."""
    return (part for part in walk(node) if isinstance(part, Comparison | Fact))
