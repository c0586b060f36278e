"""What the rules tell: a rule fired on a device, or recovered, and the comparison that decided. Pure values."""

from dataclasses import dataclass
from enum import StrEnum

from alerts.rule import Rule
from core.facts import LocatedFact


class Kind(StrEnum):
    """What became of a cause."""

    FIRED = "fired"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The comparison that decided: `value` stood against `threshold`. For a silence both are seconds, no channel."""

    channel: str | None
    comparison: str
    threshold: float | None
    value: float
    parts: tuple[tuple[str, float | None, float | None], ...] = ()
    """Of a condition of several comparisons each one, its threshold and its value; None = it varies, or is unknown."""
    seen: LocatedFact | None = None
    """The fact, of a rule on facts; `value` is how sure it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A rule fired on a device, or recovered."""

    kind: Kind
    rule: Rule
    slot: int
    ts_us: int
    """Event time of the reading that decided; of a silence, when it had lasted too long. Never before what it ends."""
    since_us: int
    """When the condition began; of a recovery, when the phase that ends began."""
    origin: int
    unit_grid_id: int
    """Grid of the reading that decided; -1 = no reading did: where the device was last."""
    lon_deg: float
    lat_deg: float
    """Where a moving device was; NaN = where it is registered, or last reported."""
    proof: Proof
