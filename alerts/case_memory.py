"""What fan-in remembers between steps: which devices fire, and which cases stand. Pure.

A step decides on a `Draft`, which reads the memory and keeps its changes to itself; `Draft.apply` writes them into the
memory once the database has committed. Kept and loaded by `alerts.member_store`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from alerts.engine import Transition
from alerts.mute import Silence, Standing
from alerts.rule import Rule
from alerts.scope import Totals
from core.places import CellKind

Key = tuple[str, int]
"""Rule and slot, or rule and cell."""
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A rule fires on a device, or did so short enough ago to count still."""

    rule: Rule
    transition: Transition
    """The one with which it began."""
    cause: str = ""
    """The case it belongs to; empty = none yet."""
    until_us: int | None = None
    """It recovered, and counts until then; None = it fires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A cause that stands. It has an incident unless something holds it back, or a person ended that."""

    cause: str
    rule: Rule
    transition: Transition
    """The one that decided."""
    opened_us: int
    """Event time at which it came to stand; of two that meet, the older one goes on."""
    members: frozenset[int]
    """Slots that fire, or count still."""
    nodes: frozenset[int] = frozenset()
    """The cells touched so far; of a radius or a run of pipe the slots. They only grow: the geometry does."""
    kind: CellKind | None = None
    cell: int = 0
    component_id: int | None = None
    held_by: str | None = None
    """What holds it back; None = nothing."""


@dataclass(slots=True, kw_only=True)
class Cases:
    """The memory; only `alerts.fan_in.commit` writes to it, and the carrier to `silences`."""

    silences: tuple[Silence, ...] = ()
    """Silences and maintenance windows that have not ended."""
    standing: Standing = field(default_factory=Standing)
    """The causes that stand, which hold back their effects."""
    firings: dict[Key, Firing] = field(default_factory=dict[Key, Firing])
    """By rule and slot."""
    cases: dict[str, Case] = field(default_factory=dict[str, Case])
    counted: dict[Key, frozenset[int]] = field(default_factory=dict[Key, frozenset[int]])
    """By rule and cell: the slots that count there; only of rules that look at many devices."""
    fading: dict[Key, int] = field(default_factory=dict[Key, int])
    """Firings that recovered and count until then."""
    held: dict[str, str] = field(default_factory=dict[str, str])
    """Causes that are held back, and by what."""
    spots: dict[str, str] = field(default_factory=dict[str, str])
    """Causes of rules that join reports from one spot -> the rule."""
    totals: Totals | None = None
    """Devices by cell, of the present fleet; made anew when that changes."""


class Overlay(Generic[K, V]):
    """A dictionary and changes to it that can still be thrown away."""

    __slots__ = ("_base", "changed")

    def __init__(self, base: dict[K, V]) -> None:
        self._base = base
        self.changed: dict[K, V | None] = {}
        """None = taken out."""

    def get(self, key: K) -> V | None:
        """Give the value as changed."""
        return self.changed[key] if key in self.changed else self._base.get(key)

    def put(self, key: K, value: V) -> None:
        """Set a value."""
        self.changed[key] = value

    def drop(self, key: K) -> None:
        """Take a key out."""
        self.changed[key] = None

    def items(self) -> Iterator[tuple[K, V]]:
        """Give what there is as changed; do not change it meanwhile."""
        for key, value in self._base.items():
            if key not in self.changed:
                yield key, value
        for key, value in self.changed.items():
            if value is not None:
                yield key, value

    def apply(self) -> None:
        """Write the changes into the dictionary."""
        for key, value in self.changed.items():
            if value is None:
                self._base.pop(key, None)
            else:
                self._base[key] = value


class Draft:
    """The memory with the changes of one step."""

    def __init__(self, cases: Cases) -> None:
        self._memory = cases
        self.silences = cases.silences
        self.standing = cases.standing.draft()
        self.firings = Overlay(cases.firings)
        self.cases = Overlay(cases.cases)
        self.counted = Overlay(cases.counted)
        self.fading = Overlay(cases.fading)
        self.held = Overlay(cases.held)
        self.spots = Overlay(cases.spots)

    def apply(self) -> None:
        """Write the changes into the memory."""
        self._memory.standing.apply(self.standing)
        for overlay in (self.firings, self.cases, self.counted, self.fading, self.held, self.spots):
            overlay.apply()

    def put_firing(self, firing: Firing, region: int) -> None:
        """Note a firing; `region` is where it counts, 0 = nowhere with others."""
        key = (firing.rule.name, firing.transition.slot)
        self.firings.put(key, firing)
        if firing.until_us is None:
            if self.fading.get(key) is not None:
                self.fading.drop(key)
        else:
            self.fading.put(key, firing.until_us)
        if region:
            there = (firing.rule.name, region)
            self.counted.put(there, (self.counted.get(there) or frozenset()) | {firing.transition.slot})

    def drop_firing(self, firing: Firing, region: int) -> None:
        """Forget a firing."""
        key = (firing.rule.name, firing.transition.slot)
        self.firings.drop(key)
        if self.fading.get(key) is not None:
            self.fading.drop(key)
        if region:
            there = (firing.rule.name, region)
            left = (self.counted.get(there) or frozenset()) - {firing.transition.slot}
            if left:
                self.counted.put(there, left)
            else:
                self.counted.drop(there)

    def put_case(self, case: Case) -> None:
        """Note a case, and whether it is held back."""
        self.cases.put(case.cause, case)
        if case.held_by is not None:
            self.held.put(case.cause, case.held_by)
        elif self.held.get(case.cause) is not None:
            self.held.drop(case.cause)
        if case.rule.same_place is not None:
            self.spots.put(case.cause, case.rule.name)

    def drop_case(self, case: Case) -> None:
        """Forget a case that is over."""
        self.cases.drop(case.cause)
        self.standing.drop(case.cause)
        if self.held.get(case.cause) is not None:
            self.held.drop(case.cause)
        if self.spots.get(case.cause) is not None:
            self.spots.drop(case.cause)
