"""Label matchers as Alertmanager writes and means them: `severity=~"major|critical"`. Pure.

A label that is absent is the same as an empty one. A regular expression is matched against the whole value and is run
by RE2, as in Prometheus and Alertmanager: its time grows with the text's length, whatever the expression.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

import re2

from core.errors import InvalidInput

LONGEST = 1000
"""Characters of a matcher's value (our choice)."""

Operator = Literal["=", "!=", "=~", "!~"]

_ONE = re.compile(
    r"""\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*|"[A-Za-z_][A-Za-z0-9_]*")\s*(?P<operator>=~|!~|!=|=)\s*"""
    r"""(?:"(?P<quoted>(?:[^"\\\n]|\\["\\n])*)"|(?P<bare>[^\s"'`,{}\\]*))\s*(?:,|$)"""
)
_ESCAPED = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison of a label with a text or a regular expression."""

    name: str
    operator: Operator
    value: str

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.operator}"{value}"'

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether the labels satisfy it."""
        found = labels.get(self.name, "")
        if self.operator in {"=", "!="}:
            return (found == self.value) == (self.operator == "=")
        return _fits(self.value, found) == (self.operator == "=~")


def every(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Say whether the labels satisfy all of the matchers; no matcher is satisfied by everything."""
    return all(matcher.matches(labels) for matcher in matchers)


def made(name: str, operator: Operator, value: str) -> Matcher:
    """Give a matcher; raises `InvalidInput` when its expression is none, or too long."""
    if len(value) > LONGEST:
        raise InvalidInput(f"the value of {name} is longer than {LONGEST} characters")
    if operator in {"=~", "!~"}:
        _expression(value)
    return Matcher(name, operator, value)


def parse(text: str) -> tuple[Matcher, ...]:
    """Give the matchers of a text: one, or several between commas, in braces or not; raises `InvalidInput`."""
    inside = text.strip()
    if inside.startswith("{") and inside.endswith("}"):
        inside = inside[1:-1].strip()
    found: list[Matcher] = []
    at = 0
    while at < len(inside):
        match = _ONE.match(inside, at)
        if match is None:
            raise InvalidInput(
                f'{inside[at:].strip()!r} is no matcher: write label="value", with = != =~ (matches) or !~ (does not)'
            )
        quoted = match["quoted"]
        value = match["bare"] if quoted is None else re.sub(r'\\["\\n]', lambda m: _ESCAPED[m[0]], quoted)
        found.append(made(match["name"].strip('"'), cast("Operator", match["operator"]), value))
        at = match.end()
    return tuple(found)


@lru_cache(maxsize=100_000)
def _fits(expression: str, text: str) -> bool:
    """Say whether an expression matches a whole text; the same few are asked again and again."""
    return _expression(expression).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _expression(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(text, options)
    except re2.error as error:
        raise InvalidInput(f"{text!r} is no regular expression (RE2): {error}") from error
