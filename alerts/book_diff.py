"""What differs between two rule books, by meaning: rules added, removed, and changed key by key. Pure.

Order, layout, comments and where a rule stands are no differences.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from alerts.condition import Condition
from alerts.rule import Rule, Rulebook

_NO_MEANING = frozenset({"file", "line", "version"})
_DURATIONS: Mapping[str, str] = {"for_us": "for", "keep_firing_us": "keep_firing_for", "offset_us": "query_offset"}
_NAMES: Mapping[str, str] = {"fires": "expr", "clears": "clear", "absence": "absent_for", **_DURATIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key of a rule that differs."""

    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """One rule that differs."""

    rule: str
    what: str
    """`added`, `removed` or `changed`."""
    changes: tuple[Change, ...] = ()


def differences(old: Rulebook, new: Rulebook) -> tuple[RuleChange, ...]:
    """Give the rules that differ, by name; inhibitions of the book come last, under the name `inhibit_rules`."""
    before, after = {rule.name: rule for rule in old.rules}, {rule.name: rule for rule in new.rules}
    found: list[RuleChange] = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            found.append(RuleChange(rule=name, what="added", changes=tuple(_keys(None, after[name]))))
        elif name not in after:
            found.append(RuleChange(rule=name, what="removed"))
        elif changes := tuple(_keys(before[name], after[name])):
            found.append(RuleChange(rule=name, what="changed", changes=changes))
    was, will = (_text(book.inhibit_rules) for book in (old, new))
    if was != will:
        change = Change(key="inhibit_rules", old=was, new=will)
        found.append(RuleChange(rule="inhibit_rules", what="changed", changes=(change,)))
    return tuple(found)


def lines(changes: tuple[RuleChange, ...]) -> Iterator[str]:
    """Give the differences as people read them."""
    signs = {"added": "+", "removed": "-", "changed": "~"}
    for rule in changes:
        yield f"{signs[rule.what]} {rule.rule}"
        for change in rule.changes:
            if rule.what == "added":
                yield f"    {change.key}: {change.new}"
            else:
                yield f"    {change.key}: {change.old or 'nothing'} -> {change.new or 'nothing'}"


def _keys(old: Rule | None, new: Rule) -> Iterator[Change]:
    before, after = _flat(old) if old is not None else {}, _flat(new)
    for key in [*before, *(key for key in after if key not in before)]:
        if before.get(key) != after.get(key):
            yield Change(key=key, old=before.get(key), new=after.get(key))


def _flat(rule: Rule) -> dict[str, str]:
    """Give what a rule says, by the key that says it; what it does not say is left out."""
    found: dict[str, str] = {}
    for field in fields(rule):
        if field.name in _NO_MEANING or field.name == "name":
            continue
        value = getattr(rule, field.name)
        key = _NAMES.get(field.name, field.name)
        if isinstance(value, Mapping):
            found |= {f"{key}.{name}": str(text) for name, text in sorted(value.items())}
        elif field.name in _DURATIONS:
            found |= {key: f"{value / 1e6:g}s"} if value else {}
        elif field.name in {"scope", "raises"}:
            found |= {
                f"{key}.{part.name}": text for part in fields(value) if (text := _text(getattr(value, part.name)))
            }
        elif text := _text(value):
            found[key] = text
    return found


def _text(value: Any) -> str:  # noqa: PLR0911  # one kind of value each
    """Give a value as the file would say it; empty = it says nothing."""
    if value is None or value in ((), ""):
        return ""
    if isinstance(value, Condition):
        return value.text
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ", ".join(_text(part) for part in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(getattr(value, "text", None), str):
        return str(value.text)
    if is_dataclass(value):
        parts = ((part.name.rstrip("_"), _text(getattr(value, part.name))) for part in fields(value))
        return ", ".join(f"{name} {text}" for name, text in parts if text)
    return str(value)
