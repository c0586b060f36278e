"""The tree of a rule's condition, and the parser from text to tree. Pure; knows no channel and no numpy.

    truth  = both { "or" both }        both = one { "and" one }        one = "not" one | sum [ compare sum ]
    sum    = term { ("+" | "-") term } term = factor { ("*" | "/") factor }
    factor = "-" factor | number | channel | ("abs" "(" sum ")")
           | (("change" | "change_per_second") "(" channel ")") | "(" truth ")"

Typed: a number never stands for a truth, nor a truth for a number. No name is ever evaluated as Python.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from core.errors import InvalidInput

Comparator = Literal[">", ">=", "<", "<=", "==", "!="]
Operator = Literal["+", "-", "*", "/"]


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
class Magnitude:
    """The absolute value of a number."""

    of: "Number"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers joined; a division by zero is unknown."""

    operator: Operator
    left: "Number"
    right: "Number"


Number = Constant | Channel | Change | Magnitude | Arithmetic


@dataclass(frozen=True, slots=True)
class Comparison:
    """True, false, or unknown when either side is; `text` is how the author wrote it."""

    comparator: Comparator
    left: Number
    right: Number
    text: str


@dataclass(frozen=True, slots=True)
class Junction:
    """Truths joined by `and` (`every`) or `or`, in Kleene's logic of the unknown."""

    every: bool
    parts: tuple["Truth", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite; unknown stays unknown."""

    of: "Truth"


Truth = Comparison | Junction | Negation
Node = Number | Truth


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["number", "name", "symbol", "end"]
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<symbol>>=|<=|==|!=|[-+*/()<>]))"
)
_HINTS = {
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "=": "write `==`",
    "{": "selectors stand under `scope:`, not in the expression",
    "[": "ranges such as [5m] are not known here",
    "%": "a percentage is a plain number: 25, in the channel's unit",
}
_COMPARATORS: dict[str, Comparator] = {">": ">", ">=": ">=", "<": "<", "<=": "<=", "==": "==", "!=": "!="}
_SUMS: dict[str, Operator] = {"+": "+", "-": "-"}
_PRODUCTS: dict[str, Operator] = {"*": "*", "/": "/"}
_WORDS = frozenset({"and", "or", "not"})
_FUNCTIONS = frozenset({"abs", "change", "change_per_second"})


def parse(text: str) -> Truth:
    """Give the condition a text describes; raises `SyntaxFault`."""
    parser = _Parser(text)
    node = parser.truth()
    parser.expect_end()
    return parser.as_truth(node, 0)


def channels(node: Node) -> Iterator[str]:
    """Give the names of the channels a tree reads, in writing order, repeats and all."""
    match node:
        case Constant():
            return
        case Channel(name):
            yield name
        case Change(channel):
            yield channel
        case Magnitude(of) | Negation(of):
            yield from channels(of)
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            yield from channels(left)
            yield from channels(right)
        case Junction(_, parts):
            for part in parts:
                yield from channels(part)


def changes(node: Node) -> Iterator[str]:
    """Give the channels whose reading before is needed (`change`, `change_per_second`)."""
    match node:
        case Constant() | Channel():
            return
        case Change(channel):
            yield channel
        case Magnitude(of) | Negation(of):
            yield from changes(of)
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            yield from changes(left)
            yield from changes(right)
        case Junction(_, parts):
            for part in parts:
                yield from changes(part)


def comparisons(node: Truth) -> Iterator[Comparison]:
    """Give the comparisons of a tree in writing order."""
    match node:
        case Comparison():
            yield node
        case Negation(of):
            yield from comparisons(of)
        case Junction(_, parts):
            for part in parts:
                yield from comparisons(part)


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            at = position + len(text[position:]) - len(text[position:].lstrip())
            hint = _HINTS.get(text[at], "known are channels, numbers, + - * / ( ), comparisons, and, or, not")
            raise SyntaxFault(f"column {at + 1}: {text[at]!r} is not understood: {hint}")
        kind = match.lastgroup
        assert kind == "number" or kind == "name" or kind == "symbol"  # noqa: PLR1714  # narrows the type
        yield _Token(kind, match[kind], match.start(kind), match.end(kind))
        position = match.end()
    yield _Token("end", "the end", len(text), len(text))


class _Parser:
    """Recursive descent, one method a line of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0

    def truth(self) -> Node:
        return self._junction("or", self._both)

    def _both(self) -> Node:
        return self._junction("and", self._one)

    def _junction(self, word: Literal["and", "or"], part: Callable[[], Node]) -> Node:
        start = self._peek.start
        first = part()
        if self._peek.text != word:
            return first
        parts = [self.as_truth(first, start)]
        while self._peek.text == word:
            self._take()
            start = self._peek.start
            parts.append(self.as_truth(part(), start))
        return Junction(word == "and", tuple(parts))

    def _one(self) -> Node:
        if self._peek.text == "not":
            self._take()
            start = self._peek.start
            return Negation(self.as_truth(self._one(), start))
        start = self._peek.start
        left = self._sum()
        comparator = _COMPARATORS.get(self._peek.text)
        if comparator is None:
            return left
        self._take()
        right_start = self._peek.start
        right = self.as_number(self._sum(), right_start)
        if self._peek.text in _COMPARATORS:
            raise SyntaxFault(f"column {self._peek.start + 1}: comparisons do not chain: join them with `and`")
        written = " ".join(self._text[start : self._tokens[self._next - 1].end].split())
        return Comparison(comparator, self.as_number(left, start), right, written)

    def _sum(self) -> Node:
        return self._chain(_SUMS, self._term)

    def _term(self) -> Node:
        return self._chain(_PRODUCTS, self._factor)

    def _chain(self, operators: dict[str, Operator], part: Callable[[], Node]) -> Node:
        start = self._peek.start
        left = part()
        while (operator := operators.get(self._peek.text)) is not None:
            self._take()
            right_start = self._peek.start
            right = self.as_number(part(), right_start)
            left = Arithmetic(operator, self.as_number(left, start), right)
        return left

    def _factor(self) -> Node:
        token = self._take()
        if token.kind == "number":
            return Constant(float(token.text))
        if token.text == "-":
            operand = self.as_number(self._factor(), token.end)
            return Constant(-operand.value) if isinstance(operand, Constant) else Arithmetic("-", Constant(0), operand)
        if token.text == "(":
            inner = self.truth()
            self._expect(")")
            return inner
        if token.kind == "name" and token.text not in _WORDS:
            return self._call(token) if self._peek.text == "(" else Channel(token.text)
        raise SyntaxFault(f"column {token.start + 1}: a channel or a number is wanted, not {token.text}")

    def _call(self, function: _Token) -> Node:
        if function.text not in _FUNCTIONS:
            raise SyntaxFault(
                f"column {function.start + 1}: no function {function.text}; there are abs, change and change_per_second"
            )
        self._expect("(")
        start = self._peek.start
        argument = self._sum()
        self._expect(")")
        if function.text == "abs":
            return Magnitude(self.as_number(argument, start))
        if not isinstance(argument, Channel):
            raise SyntaxFault(f"column {start + 1}: {function.text} takes one channel, e.g. {function.text}(water_m)")
        return Change(argument.name, per_second=function.text == "change_per_second")

    def as_truth(self, node: Node, start: int) -> Truth:
        if isinstance(node, Comparison | Junction | Negation):
            return node
        raise SyntaxFault(f"column {start + 1}: this is a number, not a condition: compare it, e.g. `> 0.5`")

    def as_number(self, node: Node, start: int) -> Number:
        if isinstance(node, Comparison | Junction | Negation):
            raise SyntaxFault(f"column {start + 1}: this is a condition, a number is wanted")
        return node

    def expect_end(self) -> None:
        if self._peek.kind != "end":
            raise SyntaxFault(f"column {self._peek.start + 1}: nothing may follow here, but {self._peek.text} does")

    def _expect(self, symbol: str) -> None:
        if self._peek.text != symbol:
            raise SyntaxFault(f"column {self._peek.start + 1}: {symbol!r} is missing before {self._peek.text}")
        self._take()

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token
