"""From text to the tree of a condition. Pure; no name is ever evaluated as Python.

    truth  = both { "or" both }                      both   = one { ("and" | "unless") one }
    one    = "not" one | sum [ compare sum ]         sum    = term { ("+" | "-") term }
    term   = sign { ("*" | "/" | "%") sign }         sign   = ("-" | "+") sign | power
    power  = atom [ "^" sign ]                       atom   = number | channel | call | "(" truth ")"

Precedence is that of Prometheus; `not` is ours. What a call takes is in `alerts.signatures`. Reading takes time and
memory in proportion to the text, and the text is bounded.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from alerts import notation, syntax
from alerts.signatures import ELSEWHERE, SIGNATURES, Signature
from alerts.syntax import Arithmetic, Call, Comparator, Comparison, Constant, Fact, Node, Number, SyntaxFault, Truth
from core.errors import InvalidInput

MOST_CHARACTERS = 2000
MOST_PARTS = 100
"""Operators, signs, brackets and calls in one condition."""
DEEPEST = 20
"""Brackets, calls and signs inside each other."""
MOST_WINDOWS = 8
"""Different windows in one condition: what the rules must remember of a device grows with them."""
LONGEST_WINDOW_US = 7 * 86_400_000_000
WIDEST_RADIUS_M = 5_000.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["number", "measure", "text", "name", "symbol", "end"]
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"\s*(?:(?P<measure>\d+(?:\.\d+)?(?:ms|km|[ywdhms])(?:\d+(?:ms|[ywdhms]))*\b)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"""|(?P<text>"[^"\n]*"|'[^'\n]*')|(?P<symbol>>=|<=|==|!=|[-+*/%^()<>\[\],])|(?P<end>\Z))""",
    re.ASCII,
)
_BLANK = re.compile(r"\s*", re.ASCII)
_HINTS = {
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "=": "write `==`",
    "{": "selectors stand under `scope:`, not in the expression",
    "@": "a condition looks at the reading's own time; remove it",
    ":": "a window is one duration, e.g. [10m]; there are no subqueries",
    '"': "the quotation mark has no second one",
    "'": "the quotation mark has no second one",
}
_COMPARATORS: dict[str, Comparator] = {">": ">", ">=": ">=", "<": "<", "<=": "<=", "==": "==", "!=": "!="}
_SUMS: dict[str, syntax.Operator] = {"+": "+", "-": "-"}
_PRODUCTS: dict[str, syntax.Operator] = {"*": "*", "/": "/", "%": "%"}
_JOINTS = ("and", "unless")
_WORDS = frozenset({"and", "or", "not", "unless"})


def parse(text: str) -> Truth:
    """Give the condition a text describes; raises `SyntaxFault`."""
    if len(text) > MOST_CHARACTERS:
        raise SyntaxFault(f"is {len(text)} characters long: {MOST_CHARACTERS} are allowed; make two rules of it")
    parser = _Parser(text)
    node = parser.truth()
    parser.expect_end()
    tree = parser.as_truth(node, 0)
    windows = {(part.channel, part.span_us) for part in syntax.walk(tree) if isinstance(part, syntax.Window)}
    if len(windows) > MOST_WINDOWS:
        raise SyntaxFault(
            f"looks at {len(windows)} different windows: {MOST_WINDOWS} are allowed; make two rules of it"
        )
    return tree


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None:
            at = _blank_until(text, position)
            known = "known are channels, numbers, + - * / % ^ ( ), comparisons, and, or, unless, not"
            raise SyntaxFault(f"column {at + 1}: {text[at]!r} is not understood: {_HINTS.get(text[at], known)}")
        kind = match.lastgroup
        if kind == "end":
            yield _Token("end", "the end", len(text), len(text))
            return
        assert kind == "number" or kind == "measure" or kind == "text" or kind == "name" or kind == "symbol"  # noqa: PLR1714  # narrows the type
        yield _Token(kind, match[kind], match.start(kind), match.end(kind))
        position = match.end()


def _blank_until(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


class _Parser:
    """Recursive descent, one method a line of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0
        self._parts = 0
        self._depth = 0

    def truth(self) -> Node:
        start = self._peek.start
        first = self._both()
        if self._peek.text != "or":
            return first
        parts = [self.as_truth(first, start)]
        while self._peek.text == "or":
            self._part()
            start = self._peek.start
            parts.append(self.as_truth(self._both(), start))
        return syntax.Junction(every=False, parts=tuple(parts))

    def _both(self) -> Node:
        start = self._peek.start
        left = self._one()
        while (joint := self._peek.text) in _JOINTS and self._peek.kind == "name":
            self._part()
            right_start = self._peek.start
            one, other = self.as_truth(left, start), self.as_truth(self._one(), right_start)
            if joint == "unless":
                left = syntax.Unless(one, other)
            else:
                parts = one.parts if isinstance(one, syntax.Junction) and one.every else (one,)
                left = syntax.Junction(every=True, parts=(*parts, other))
        return left

    def _one(self) -> Node:
        start = self._peek.start
        if self._peek.text == "not":
            self._part()
            start = self._peek.start
            return syntax.Negation(self.as_truth(self._deeper(self._one), start))
        left = self._sum()
        comparator = _COMPARATORS.get(self._peek.text)
        if comparator is None:
            return left
        self._part()
        right_start = self._peek.start
        right = self.as_number(self._sum(), right_start)
        if self._peek.text in _COMPARATORS:
            raise self._fault("comparisons do not chain: join them with `and`")
        return Comparison(comparator, self.as_number(left, start), right, self._written(start))

    def _sum(self) -> Node:
        return self._chain(_SUMS, self._term)

    def _term(self) -> Node:
        return self._chain(_PRODUCTS, self._sign)

    def _chain(self, operators: dict[str, syntax.Operator], part: Callable[[], Node]) -> Node:
        start = self._peek.start
        left = part()
        while (operator := operators.get(self._peek.text)) is not None:
            self._part()
            right_start = self._peek.start
            right = self.as_number(part(), right_start)
            left = Arithmetic(operator, self.as_number(left, start), right)
        return left

    def _sign(self) -> Node:
        if self._peek.text not in _SUMS:
            return self._power()
        sign = self._part()
        operand = self.as_number(self._deeper(self._sign), sign.end)
        if sign.text == "+":
            return operand
        return Constant(-operand.value) if isinstance(operand, Constant) else Arithmetic("-", Constant(0), operand)

    def _power(self) -> Node:
        start = self._peek.start
        base = self._atom()
        if self._peek.text != "^":
            return base
        self._part()
        right_start = self._peek.start
        exponent = self.as_number(self._deeper(self._sign), right_start)
        return Arithmetic("^", self.as_number(base, start), exponent)

    def _atom(self) -> Node:
        token = self._take()
        if token.kind == "number":
            if math.isinf(float(token.text)):
                raise self._fault("a number this large is none", token)
            return Constant(float(token.text))
        if token.text == "(":
            self._count(token)
            inner = self._deeper(self.truth)
            self._expect(")")
            return inner
        if token.kind == "measure":
            raise self._fault("a duration stands in [ ] only, a length as a function's radius", token)
        if token.kind == "text":
            raise self._fault('a text stands only as the name of an area, e.g. inside("lake")', token)
        if token.kind == "name" and token.text not in _WORDS:
            if self._peek.text == "(":
                return self._call(token)
            if token.text in ELSEWHERE and self._peek.kind in ("name", "number", "measure"):
                raise self._fault(f"no {token.text} here: {ELSEWHERE[token.text]}", token)
            if self._peek.text == "[":
                raise self._fault(f"a window needs a function, e.g. avg_over_time({token.text[:40]}[10m])")
            return syntax.Channel(token.text)
        raise self._fault(f"a channel or a number is wanted, not {token.text[:40]}", token)

    def _call(self, name: _Token) -> Node:
        signature = SIGNATURES.get(name.text)
        if signature is None:
            hint = ELSEWHERE.get(name.text)
            hint = f": {hint}" if hint else notation.near(name.text, SIGNATURES)
            raise self._fault(f"no function {name.text[:40]}{hint}", name)
        self._count(name)
        self._expect("(")
        node = self._deeper(lambda: self._arguments(name, signature))
        if self._peek.text != ")":
            raise self._fault(f"')' is missing before {self._peek.text[:40]}; write e.g. {signature.example}")
        self._take()
        if signature.is_truth:
            assert isinstance(node, syntax.Window | syntax.Place | Call)
            return Fact(node, self._written(name.start))
        assert not isinstance(node, syntax.Place)
        return node

    def _arguments(self, name: _Token, signature: Signature) -> Number | syntax.Place:
        if signature.kind == "numbers":
            return Call(name.text, self._numbers(name, signature))
        if signature.kind == "instant":
            return Call(name.text)
        if signature.kind == "area":
            return syntax.Place(name.text, self._area(name, signature))
        return self._of_channel(name, signature)

    def _of_channel(self, name: _Token, signature: Signature) -> Number:
        parameter = 0.0
        if signature.kind == "quantile":
            parameter = self._constant(name, signature)
            self._expect(",")
        if signature.kind in ("range", "quantile", "forecast"):
            channel, span_us = self._range(name, signature)
            if signature.kind == "forecast":
                self._expect(",")
                parameter = self._constant(name, signature)
            return syntax.Window(name.text, channel, span_us, parameter)
        channel = self._channel(name, signature)
        if signature.kind == "change":
            return syntax.Change(channel, per_second=name.text == "change_per_second")
        self._expect(",")
        return syntax.Neighbours(name.text, channel, self._radius_m(name, signature))

    def _numbers(self, name: _Token, signature: Signature) -> tuple[Number, ...]:
        found: list[Number] = []
        while True:
            start = self._peek.start
            found.append(self.as_number(self._sum(), start))
            if self._peek.text != ",":
                break
            self._part()
        if not signature.fewest <= len(found) <= signature.most:
            wanted = signature.most if signature.fewest == signature.most else f"{signature.fewest} or {signature.most}"
            raise self._fault(f"{name.text} takes {wanted} numbers, not {len(found)}: e.g. {signature.example}", name)
        return tuple(found)

    def _constant(self, name: _Token, signature: Signature) -> float:
        start = self._peek
        number = self._sum()
        if not isinstance(number, Constant):
            raise self._fault(f"{name.text} takes a plain number here, e.g. {signature.example}", start)
        return number.value

    def _channel(self, name: _Token, signature: Signature) -> str:
        token = self._take()
        if token.kind != "name" or token.text in _WORDS:
            raise self._fault(f"{name.text} takes one channel, e.g. {signature.example}", token)
        return token.text

    def _range(self, name: _Token, signature: Signature) -> tuple[str, int]:
        channel = self._channel(name, signature)
        if self._peek.text != "[":
            raise self._fault(f"{name.text} takes a channel over a time, e.g. {signature.example}")
        self._take()
        token = self._take()
        span_us = self._measured(token, notation.duration_us)
        if not 0 < span_us <= LONGEST_WINDOW_US:
            raise self._fault(f"a window is longer than 0 and at most 7d, not {token.text[:40]}", token)
        self._expect("]")
        return channel, span_us

    def _radius_m(self, name: _Token, signature: Signature) -> float:
        token = self._take()
        if token.kind != "measure":
            raise self._fault(f"{name.text} takes a radius in metres, e.g. {signature.example}", token)
        radius_m = self._measured(token, notation.length_m)
        if radius_m > WIDEST_RADIUS_M:
            raise self._fault(f"a radius is at most 5km, not {token.text[:40]}", token)
        return radius_m

    def _measured(self, token: _Token, read: Callable[[str], T]) -> T:
        try:
            return read(token.text[:40])
        except InvalidInput as error:
            raise self._fault(str(error), token) from error

    def _area(self, name: _Token, signature: Signature) -> str:
        token = self._take()
        if token.kind != "text" or not token.text[1:-1].strip():
            raise self._fault(f"{name.text} takes the name of an area, quoted: {signature.example}", token)
        return token.text[1:-1].strip()

    def as_truth(self, node: Node, start: int) -> Truth:
        """Give the node if it is a truth; raises `SyntaxFault`."""
        if isinstance(node, Truth):
            return node
        raise SyntaxFault(f"column {start + 1}: this is a number, not a condition: compare it, e.g. `> 0.5`")

    def as_number(self, node: Node, start: int) -> Number:
        """Give the node if it is a number; raises `SyntaxFault`."""
        if isinstance(node, Truth | syntax.Place):
            raise SyntaxFault(f"column {start + 1}: this is a condition, a number is wanted")
        return node

    def expect_end(self) -> None:
        """Raise `SyntaxFault` unless the text ends here."""
        if self._peek.kind != "end":
            hint = ELSEWHERE.get(self._peek.text, "join two conditions with `and` or `or`")
            raise self._fault(f"nothing may follow here, but {self._peek.text[:40]} does: {hint}")

    def _deeper(self, read: Callable[[], T]) -> T:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._fault(f"more than {DEEPEST} brackets, calls and signs inside each other; make two rules of it")
        result = read()
        self._depth -= 1
        return result

    def _expect(self, symbol: str) -> None:
        if self._peek.text != symbol:
            raise self._fault(f"{symbol!r} is missing before {self._peek.text[:40]}")
        self._take()

    def _written(self, start: int) -> str:
        return " ".join(self._text[start : self._tokens[self._next - 1].end].split())

    def _fault(self, reason: str, token: _Token | None = None) -> SyntaxFault:
        return SyntaxFault(f"column {(token or self._peek).start + 1}: {reason}")

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _part(self) -> _Token:
        """Take a token that makes the tree larger."""
        self._count(self._peek)
        return self._take()

    def _count(self, token: _Token) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise self._fault(f"more than {MOST_PARTS} operators, brackets and calls; make two rules of it", token)
