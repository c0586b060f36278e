"""What becomes of cases: the changes `alerts.fan_in` decides and `alerts.store` writes down. Pure.

A case is one cause that needs somebody; the database calls it an incident. Its cause is a stable key: however often and
in whatever batches readings come, one cause has at most one open incident.
"""

from dataclasses import dataclass

from alerts.engine import Transition
from alerts.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A cause that had no open case has one now."""

    cause: str
    rule: Rule
    transition: Transition
    """The one that decided."""
    members: tuple[int, ...]
    """Slots of the devices it is about, the deciding one among them."""
    geometry: bytes | None = None
    """WKB, WGS 84, of what the rule saw; None = where the deciding device, or its component, is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A cause is over, by the readings."""

    cause: str
    rule: Rule
    transition: Transition


Change = Opening | Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What `alerts.fan_in.decide` decided: changes in the order they happened."""

    changes: tuple[Change, ...]
