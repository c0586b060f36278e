"""Use case of somebody in the street: register the device in their hand on the thing in front of them, once."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import AsyncConnection

from core.errors import Refused
from devices import describing, service, street_store
from devices.life import State
from devices.model import Change, Move
from devices.placing import CAN_INSIST, Place, Placing, is_expected, require
from devices.profile import Profile

Reach = Callable[[Mapping[str, Any]], bool]
"""Tells whether somebody's grants reach a place, given its `district_code`, `community_code` and `patrol_grid_code`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What became of it."""

    label: str
    replaced: str | None
    """The device that was taken down for it."""
    repeated: bool
    """True when it had been registered with this key before: an answer was lost on its way."""


async def register(
    conn: AsyncConnection, placing: Placing, profiles: Mapping[str, Profile], by: Change, reach: Reach
) -> Registered:
    """Register a device, installed from now on, in the place of another when it says so.

    Raises: `Refused` with the reason, nothing being changed.
    """
    row = placing.row
    async with conn.transaction():
        await street_store.lock_label(conn, row.label)
        before = await street_store.by_key(conn, placing.key)
        if before is not None:
            return _again(placing, before)
        known = await street_store.known(conn, row.label)
        listing = await street_store.listing(conn, row.label, row.profile, by.now)
        found = await street_store.lock_place(conn, placing) if row.component_code else None
        place = _place(found, reach(found)) if found else None
        require(placing, known, listing, place, profiles)
        replaced = place.occupant if place and place.occupant != row.label else None
        if replaced:
            why = Change(now=by.now, actor=by.actor, reason=f"replaced by {row.label}")
            await service.move(conn, Move(label=replaced, to=State.REPLACED), profiles, why)
        if known is not None:
            code = "" if is_expected(known, row) else row.component_code
            again = Move(label=row.label, to=State.INSTALLED, component_code=code)
            await service.move(conn, again, profiles, by)
            if said := {word: it for word, it in asdict(row.about).items() if it}:
                await describing.describe(conn, row.label, said, by)
        else:
            await _register(conn, placing, profiles, by)
        await street_store.keep(conn, _kept(placing, place, replaced, by))
    return Registered(label=row.label, replaced=replaced, repeated=False)


async def _register(conn: AsyncConnection, placing: Placing, profiles: Mapping[str, Profile], by: Change) -> None:
    _, findings = await service.register_many(
        conn, [placing.row], profiles, now=by.now, actor=by.actor, state=State.INSTALLED
    )
    if findings:
        finding = findings[0]
        raise Refused(finding.reason, finding.detail, {"column": finding.column, "detail": finding.detail})


def _again(placing: Placing, before: Mapping[str, Any]) -> Registered:
    asked = (placing.row.label, placing.row.profile, placing.row.component_code)
    if asked != (before["label"], before["profile"], before["component_code"]):
        raise Refused("key_used", f"the idempotency key was used to register {before['label']}", {**before})
    return Registered(label=before["label"], replaced=before["replaced"], repeated=True)


def _place(found: Mapping[str, Any], within_reach: bool) -> Place:  # its only argument beside the row
    return Place(
        class_code=found["class_code"],
        class_zh=found["class_zh"],
        class_en=found["class_en"],
        distance_m=found["distance_m"],
        within_reach=within_reach,
        occupant=found["occupant"],
        occupant_last_ts=found["last_ts"],
    )


def _kept(placing: Placing, place: Place | None, replaced: str | None, by: Change) -> dict[str, Any]:
    at = placing.position
    detail: dict[str, Any] = {"insists": sorted(placing.insists & CAN_INSIST)}
    if at:
        detail |= {"lon": at.lon_deg, "lat": at.lat_deg, "accuracy_m": at.accuracy_m, "moved": at.moved}
    if place and place.distance_m is not None:
        detail["distance_m"] = round(place.distance_m, 1)
    return {
        "key": placing.key,
        "label": placing.row.label,
        "profile": placing.row.profile,
        "component_code": placing.row.component_code,
        "replaced": replaced,
        "at": by.now,
        "actor": by.actor,
        "detail": detail,
    }
