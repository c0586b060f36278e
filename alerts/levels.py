"""Which of the three levels (city, district, street) an incident begins at, and who holds it there. Pure.

It begins at the street it lies in; the city's table `level_rule` names what begins above: classes of component or event
(a gas main is the city's), severities, and places (a boundary between two streets or districts, a main street).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Level(StrEnum):
    """Whose platform holds an incident, lowest first."""

    STREET = "street"
    DISTRICT = "district"
    CITY = "city"


RANK = {level: rank for rank, level in enumerate(Level)}
DIGITS = {Level.STREET: 9, Level.DISTRICT: 6, Level.CITY: 4}
"""How much of an area's code names the level's area; a city's code ends in 00."""


def _no_rules() -> Mapping[tuple[str, str], str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LevelRules:
    """What begins above the street: (class | severity | place, key) -> level."""

    above: Mapping[tuple[str, str], str] = field(default_factory=_no_rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an incident is, as far as levels matter."""

    streets: tuple[str, ...]
    """Codes (9 digits) of the streets it touches, its own first; none where no grid is known."""
    district_code: str
    districts: tuple[str, ...]
    """Codes of the districts it touches."""
    on_main_street: bool = False
    owner_is_unclear: bool = False
    """Whether a dispatcher must decide who answers for it; they sit at the district."""


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds an incident, and why."""

    level: Level
    holder_code: str
    reason: str


def area_of(level: Level, code: str) -> str:
    """Give the area of a level that an area's code lies in; a district where a street is asked and not known."""
    if level is Level.CITY:
        return f"{code[:4]}00"
    return code[: DIGITS[level]]


def start(class_code: str, severity: str, place: Place, rules: LevelRules) -> Held:
    """Give who holds an incident first: the highest level anything about it asks for."""
    about = [("class", class_code), ("severity", severity)]
    about += [("place", "street_boundary")] if len(set(place.streets)) > 1 else []
    about += [("place", "district_boundary")] if len(set(place.districts)) > 1 else []
    about += [("place", "main_street")] if place.on_main_street else []
    reasons = [(Level(rules.above[key]), " ".join(key)) for key in about if key in rules.above]
    if reasons:
        level, reason = max(reasons, key=lambda found: RANK[found[0]])
        return Held(level, area_of(level, place.district_code), reason)
    if place.owner_is_unclear:
        return Held(Level.DISTRICT, place.district_code, "owner unclear")
    if not place.streets:
        return Held(Level.DISTRICT, place.district_code, "street unknown")
    return Held(Level.STREET, place.streets[0], "place")
