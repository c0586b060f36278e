"""Decides whether a device may be registered where somebody stands, and explains why not. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.errors import Refused
from devices.life import AT_ITS_PLACE, STEPS, State
from devices.model import Registration
from devices.profile import Profile

FAR_M = 100.0
"""So far may a component be from where the phone says it is, beside the phone's own uncertainty: a survey is not
always exact, and a cabinet is registered from across the road."""
UNCERTAIN_M = 30.0
"""A position less certain than this does not tell one cover from the next."""

FAR = "far_from_component"
UNLISTED = "not_in_batch"
CAN_INSIST = frozenset({FAR, UNLISTED})
"""Refusals that the person on the spot may overrule; it is kept in the device's history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the phone says it is, WGS 84 degrees, and how sure it is."""

    lon_deg: float
    lat_deg: float
    accuracy_m: float
    moved: bool = False
    """True when the person moved the mark on the map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """What somebody in the street wants registered."""

    row: Registration
    key: str
    """The same for every try to send it: so that a lost answer does not register twice."""
    position: Position | None = None
    replaces: str = ""
    """The device that is taken down for it."""
    insists: frozenset[str] = frozenset()
    """Reasons of `CAN_INSIST` that the person has read and overrules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A device of this label that is registered already, and where."""

    profile: str
    state: State
    component_code: str | None
    class_zh: str | None
    class_en: str | None
    lon: float
    lat: float
    registered_at: datetime
    registered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the lists of delivered batches say of a label."""

    listed_as: str | None = None
    """The type of the batch it is in; None = it is in none."""
    expects: bool = False
    """True when a batch of the wanted type is being installed, so that its label should be in one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The component that was picked."""

    class_code: str
    class_zh: str
    class_en: str
    distance_m: float | None
    """From the phone's position; None = it was not given."""
    within_reach: bool = True
    """False when the person's grants do not reach there."""
    occupant: str | None = None
    """The device of the same type that it carries."""
    occupant_last_ts: datetime | None = None


def require(
    placing: Placing, known: Known | None, listing: Listing, place: Place | None, profiles: Mapping[str, Profile]
) -> None:
    """Raise `Refused` with the first thing that stands in the way, in the order a person would look for it."""
    row = placing.row
    profile = profiles.get(row.profile)
    if profile is None:
        raise Refused("unknown_profile", f"there is no device type {row.profile!r}", {"profile": row.profile})
    _require_new(row, known)
    if known is None:
        _require_listed(placing, listing)
    if place is None:
        if row.component_code:
            facts = {"component_code": row.component_code}
            raise Refused("unknown_component", f"there is no component {row.component_code}", facts)
        if profile.classes:
            raise Refused("needs_component", f"a {row.profile} must stand on a component", {"profile": row.profile})
        return
    _require_place(placing, place, profiles)


def _require_new(row: Registration, known: Known | None) -> None:
    if known is None or (known.profile == row.profile and (is_spare(known) or is_expected(known, row))):
        return
    facts = {
        "label": row.label,
        "profile": known.profile,
        "state": known.state.value,
        "component_code": known.component_code,
        "class_zh": known.class_zh,
        "class_en": known.class_en,
        "lon": known.lon,
        "lat": known.lat,
        "registered_at": known.registered_at,
        "registered_by": known.registered_by,
    }
    where = f"on component {known.component_code}" if known.component_code else "on no component"
    raise Refused("already_registered", f"{row.label} is registered already, {where}, {known.state}", facts)


def _require_listed(placing: Placing, listing: Listing) -> None:
    label, profile = placing.row.label, placing.row.profile
    if listing.listed_as not in {None, profile}:
        facts = {"label": label, "profile": profile, "listed_as": listing.listed_as}
        raise Refused("other_type_in_batch", f"{label} was delivered as a {listing.listed_as}", facts)
    if listing.expects and listing.listed_as is None and UNLISTED not in placing.insists:
        facts = {"label": label, "profile": profile}
        raise Refused(UNLISTED, f"{label} is in no batch that was delivered", facts)


def is_spare(known: Known) -> bool:
    """Tell whether a registered device may be put somewhere else: it was taken down, and is not gone for good."""
    return known.state not in AT_ITS_PLACE and any(step.to is State.INSTALLED for step in STEPS[known.state])


def is_expected(known: Known, row: Registration) -> bool:
    """Tell whether a device was registered at a desk to be installed just there."""
    return known.state is State.REGISTERED and known.component_code == row.component_code


def _require_place(placing: Placing, place: Place, profiles: Mapping[str, Profile]) -> None:
    row = placing.row
    of_class = {"component_code": row.component_code, "class_code": place.class_code}
    names = {"class_zh": place.class_zh, "class_en": place.class_en}
    if not place.within_reach:
        raise Refused("out_of_area", f"component {row.component_code} lies outside your area", {**of_class, **names})
    if place.class_code not in profiles[row.profile].classes:
        fitting = [name for name, profile in profiles.items() if place.class_code in profile.classes]
        raise Refused(
            "wrong_class",
            f"component {row.component_code} is of class {place.class_code}, on which a {row.profile} cannot stand",
            {**of_class, **names, "profile": row.profile, "fitting": fitting},
        )
    _require_near(placing, place)
    if place.occupant and place.occupant not in {placing.replaces, row.label}:
        raise Refused(
            "occupied",
            f"component {row.component_code} carries {place.occupant} already",
            {**of_class, **names, "occupant": place.occupant, "last_ts": place.occupant_last_ts},
        )


def _require_near(placing: Placing, place: Place) -> None:
    if place.distance_m is None or placing.position is None or FAR in placing.insists:
        return
    limit_m = FAR_M + placing.position.accuracy_m
    if place.distance_m > limit_m:
        raise Refused(
            FAR,
            f"component {placing.row.component_code} is {place.distance_m:.0f} m from the phone's position",
            {
                "component_code": placing.row.component_code,
                "distance_m": round(place.distance_m),
                "limit_m": round(limit_m),
                "accuracy_m": round(placing.position.accuracy_m),
            },
        )
