"""What becomes of cases: the changes `alerts.fan_in` decides and `alerts.store` writes down. Pure.

A case is one cause that needs somebody; the database calls it an incident. Its cause is a stable key: however often and
in whatever batches readings come, one cause has at most one open incident. Its members are the devices it is about.
"""

from dataclasses import dataclass

from alerts.case_memory import Draft
from alerts.engine import Transition
from alerts.rule import Rule
from core.places import CellKind

WITHDRAWN = "rule withdrawn"
"""Why a case recovers whose rule is no longer at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A device of a case, with the transition that made it one."""

    slot: int
    transition: Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A cause that had no open case has one now."""

    cause: str
    rule: Rule
    transition: Transition
    """The one that decided."""
    members: tuple[int, ...]
    """Slots of the devices it is about, the deciding one among them."""
    joined: tuple[Member, ...] = ()
    """The same members, each with its own proof; empty = the deciding device alone."""
    geometry: bytes | None = None
    """WKB, WGS 84, of what the rule saw; None = where the deciding device, or its component, is."""
    cell_kind: CellKind | None = None
    cell: int = 0
    """Where the devices stand together; 0 = the case is about one device, or those in a radius."""
    component_id: int | None = None
    """The component it is laid on, when that is not the deciding device's own: the cabinet of a circuit."""
    follows: bool = False
    """Whether the geometry is the way the device went while the condition held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A device became a member of an open case."""

    cause: str
    rule: Rule
    transition: Transition
    slot: int
    geometry: bytes | None = None
    """What the rule sees now; None = as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A member recovered; the case goes on with the others."""

    cause: str
    rule: Rule
    transition: Transition
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging:
    """A case ends because another took it in, outcome `merged`; the history of both tells. Its members were joined."""

    cause: str
    into: str
    rule: Rule
    """The rule of the case that ends."""
    transition: Transition
    """The one that brought it about."""
    geometry: bytes | None = None
    """What the rule of the case that goes on sees now; None = as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Muting:
    """A rule fired and no case opens, because of something; it opens when that ends while the rule still fires."""

    cause: str
    rule: Rule
    transition: Transition
    by: str
    """What muted it, `alerts.mute.Muted.by`: a cause, or a silence's number."""
    reason: str = ""
    """`alerts.mute.Muted.reason`: the same for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A cause is over, by the readings."""

    cause: str
    rule: Rule
    transition: Transition
    follows: bool = False
    """Whether the geometry is the way the device went until now."""


Change = Opening | Joining | Leaving | Merging | Muting | Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What `alerts.fan_in.decide` decided: changes in the order they happened."""

    changes: tuple[Change, ...] = ()
    draft: Draft | None = None
    """The memory as it will be; None = nothing to remember (tools and tests that only look at changes)."""
