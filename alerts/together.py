"""How many devices must be in trouble in one place, in one time, before a rule makes one case of them. Pure.

`Together` is for many devices that show one cause. `SamePlace` is for one thing seen by devices that stand on no
component: several reports from one spot are one case.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Place = Literal["unit_grid", "patrol_grid", "street", "circuit", "pipe", "area", "radius", "downstream"]
PLACES: tuple[Place, ...] = get_args(Place)
FLAT: tuple[Place, ...] = ("unit_grid", "patrol_grid", "area", "radius")
"""Places that have an area, so that a density can be asked of them."""
FEWEST = 2
"""A share or a density asks for so many devices at least (our choice): one lamp on a circuit of one is no outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Trouble shared by neighbours. Of `at_least`, `share`, `per_km2` one at least is set; all that are must hold."""

    in_: Place
    """What makes devices neighbours. `pipe` is a whole run; `downstream` is a device and what lies below it on its run.
    `area` is the named area that holds the device."""
    radius_m: float = 0.0
    """With `radius`: how far from one device the others may be."""
    at_least: int = 0
    """So many devices; 0 = not asked for."""
    share: float = 0.0
    """This share, above 0 to 1, of the rule's devices in the place; 0 = not asked for."""
    per_km2: float = 0.0
    """So many devices a square kilometre of the place; 0 = not asked for."""
    within_us: int = 0
    """How long a device counts after it began to fire, by event time, even when it recovers sooner; microseconds.
    While it fires it counts anyway."""
    merge: bool = True
    """Whether a grid's case takes in what fires in the grids that touch it, and two such cases become one."""
    clear_below: int = 0
    """An open case recovers when fewer devices than this count; 0 = when the condition is met nowhere in it."""
    replaces: tuple[str, ...] = ()
    """Rules whose cases on the members this case takes in, and that open none on them while it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamePlace:
    """What fires within `radius_m` of an open case of the rule, and `within_us` of its newest report, joins it."""

    radius_m: float
    within_us: int
