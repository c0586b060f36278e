"""Rules that run beside the live ones and decide nothing: the same engine and fan-in on a memory of their own. Pure.

In shadow a rule bears its version before its name (`4~LampOut`). What rules and cases remember is keyed by the rule's
name, so this alone keeps shadows apart from the live rules and from one another, in memory and in the database.
"""

from dataclasses import dataclass, replace

from alerts.case_memory import Cases
from alerts.engine import RuleState
from alerts.rule import Rule, Rulebook


@dataclass(slots=True, kw_only=True)
class Shadow:
    """A rule book in shadow, and what it remembers."""

    version: int
    book: Rulebook
    state: RuleState
    cases: Cases


def live_part(book: Rulebook) -> Rulebook:
    """Give the book without its rules in shadow."""
    if all(rule.mode == "live" for rule in book.rules):
        return book
    return replace(book, rules=tuple(rule for rule in book.rules if rule.mode == "live"))


def shadow_part(book: Rulebook) -> Rulebook | None:
    """Give the rules in shadow of a live book, as they run; None = there are none."""
    rules = tuple(rule for rule in book.rules if rule.mode == "shadow")
    return in_shadow(replace(book, rules=rules)) if rules else None


def in_shadow(book: Rulebook) -> Rulebook:
    """Give a whole book as it runs in shadow."""
    return replace(book, rules=tuple(_marked(rule, book.version) for rule in book.rules))


def mark(version: int) -> str:
    """Give what stands before the names of a version's rules in shadow."""
    return f"{version}~"


def _marked(rule: Rule, version: int) -> Rule:
    together = rule.together
    if together is not None and together.replaces:
        together = replace(together, replaces=tuple(f"{mark(version)}{name}" for name in together.replaces))
    return replace(rule, name=f"{mark(version)}{rule.name}", mode="live", together=together)
