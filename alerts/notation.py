"""YAML with its line numbers, the durations of Prometheus, and lengths. Pure.

An `Entry` is a node that knows where it stands, so that a mistake in it can be named with file, line, rule and field.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import yaml

from core.errors import InvalidInput

_UNIT_US = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
    "y": 31_536_000_000_000,
}
_DURATION = re.compile(r"(?:\d{1,15}(?:y|w|d|h|ms|m|s)){1,7}", re.ASCII)
_STEP = re.compile(r"(\d+)(ms|[ywdhms])")
_LONGEST_US = 100 * _UNIT_US["y"]
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(m|km)")

S = TypeVar("S", bound=str)


class Mistake(InvalidInput):
    """What is wrong in a rule or test file, and where."""

    def __init__(self, file: str, line: int, rule: str, field: str, reason: str, noun: str = "rule") -> None:
        self.file = file
        self.line = line
        self.rule = rule
        self.field = field
        self.reason = reason
        subject = ": ".join(part for part in (f"{noun} {rule}" if rule else "", field) if part)
        super().__init__(f"{file}:{line}: {subject + ': ' if subject else ''}{reason}")


def duration_us(text: str) -> int:
    """Give microseconds of a duration such as `20s` or `1h30m`; raises `InvalidInput`.

    Source: Prometheus, "Querying basics", time durations: y w d h m s ms, largest first; a bare 0 is allowed.
    """
    if text.strip() == "0":
        return 0
    if not _DURATION.fullmatch(text.strip()):
        raise InvalidInput(f"{text[:40]!r} is no duration: write e.g. 20s, 5m or 1h30m")
    steps = _STEP.findall(text.strip())
    sizes = [_UNIT_US[unit] for _, unit in steps]
    if sizes != sorted(set(sizes), reverse=True):
        raise InvalidInput(f"{text!r} is no duration: each unit once, the largest first, e.g. 1h30m")
    total_us = sum(int(count) * _UNIT_US[unit] for count, unit in steps)
    if total_us > _LONGEST_US:
        raise InvalidInput(f"{text!r} is too long: a duration is at most 100y")
    return total_us


def length_m(text: str) -> float:
    """Give metres of a length such as `500m` or `1.5km`; raises `InvalidInput`."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise InvalidInput(f"{text!r} is no length: write metres or kilometres, e.g. 500m or 1.5km")
    return float(match[1]) * (1000 if match[2] == "km" else 1)


def near(name: str, known: Iterable[str]) -> str:
    """Give the end of a message about an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name[:100], names, n=1) or [k for k in names if len(name) > 2 and name in k]
    return f": did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"


def read(text: str, file: str) -> "Entry":
    """Give the top of a YAML text; raises `Mistake` when it is no YAML mapping or repeats a key."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Mistake(file, line, "", "", f"this is no YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Mistake(file, line, "", "", f"this is no YAML: {error.reason}") from error
    except RecursionError as error:
        raise Mistake(file, 1, "", "", "lists and mappings stand too deep in each other") from error
    if node is None:
        raise Mistake(file, 1, "", "", "the file is empty: it needs `groups:`")
    return Entry(node=node, file=file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One node of a YAML file."""

    node: yaml.Node
    file: str
    rule: str = ""
    field: str = ""
    noun: str = "rule"
    """What `rule` names: a rule, or a test."""
    key: yaml.Node | None = None
    """The key it stands under; None at the top and in a list."""

    @property
    def line(self) -> int:
        """Give the line, counted from 1."""
        return (self.key or self.node).start_mark.line + 1

    def of_rule(self, rule: str, noun: str = "rule") -> "Entry":
        """Give the same entry, with mistakes in it named after `rule`."""
        return replace(self, rule=rule, noun=noun, field="", key=None)

    def mistake(self, reason: str) -> Mistake:
        """Give the error that says what is wrong here."""
        return Mistake(self.file, self.line, self.rule, self.field, reason, self.noun)

    def names(self) -> tuple[str, ...]:
        """Give the keys of a mapping; raises `Mistake` when this is none."""
        return tuple(self._mapping())

    def get(self, key: str) -> "Entry | None":
        """Give the entry under a key, None when it is absent or empty."""
        if key not in self._mapping():
            return None
        entry = self._under(key)
        return None if entry.node.tag == "tag:yaml.org,2002:null" else entry

    def need(self, key: str) -> "Entry":
        """Give the entry under a key that must be there."""
        entry = self.get(key)
        if entry is None:
            raise self.mistake(f"`{key}` is missing")
        return entry

    def allow(self, *known: str) -> None:
        """Raise `Mistake` for the first key that is not known."""
        for key in self.names():
            if key not in known:
                raise self._under(key).mistake(f"is no known key{near(key, known)}")

    def items(self) -> "tuple[Entry, ...]":
        """Give the entries of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.mistake("must be a list")
        return tuple(replace(self, node=node, key=None) for node in self.node.value)

    def text(self) -> str:
        """Give a scalar as it was written."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.mistake("must be a single value")
        return str(self.node.value).strip()

    def choice(self, known: Iterable[S]) -> S:
        """Give the one of the known words that stands here."""
        found = next((word for word in known if word == self.text()), None)
        if found is None:
            raise self.mistake(f"{self.text()!r} is not known{near(self.text(), known)}")
        return found

    def number(self, low: float, high: float, unit: str = "") -> float:
        """Give a number above `low` and up to `high`."""
        if not re.fullmatch(r"\d{1,12}(\.\d{1,12})?", self.text()) or not low < float(self.text()) <= high:
            wanted = f"a number above {low:g} and up to {high:g}" + (f" {unit}" if unit else "")
            raise self.mistake(f"{self.text()!r} is not {wanted}")
        return float(self.text())

    def flag(self) -> bool:
        """Give a truth value."""
        return self.choice(("true", "false")) == "true"

    def elements(self) -> "tuple[Entry, ...]":
        """Give the entries of a list; anything else counts as a list of one."""
        return self.items() if isinstance(self.node, yaml.SequenceNode) else (self,)

    def texts(self, pattern: str = r".+", wanted: str = "a word") -> tuple[str, ...]:
        """Give a list of scalars, or one scalar as a list of one; each must match `pattern`."""
        entries = self.elements()
        for entry in entries:
            if not re.fullmatch(pattern, entry.text()):
                raise entry.mistake(f"{entry.text()!r} is not {wanted}")
        return tuple(entry.text() for entry in entries)

    def _under(self, key: str) -> "Entry":
        name, node = self._mapping()[key]
        return replace(self, key=name, node=node, field=f"{self.field}.{key}" if self.field else key)

    def _mapping(self) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.mistake("must be a mapping of keys to values")
        result: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in self.node.value:
            if str(key.value) in result:
                raise Mistake(self.file, key.start_mark.line + 1, self.rule, str(key.value), "stands here twice")
            result[str(key.value)] = (key, value)
        return result
