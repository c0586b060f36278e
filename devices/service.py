"""Use cases of the device registry; each is one transaction of the caller's connection."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from core.errors import Conflict, InvalidInput, NotFound
from devices import identity_store, life, life_store, store
from devices.life import Stand, State
from devices.model import Change, Finding, Move, Registration
from devices.profile import Profile
from storage import signals

INGEST, FIRST_READING = "ingest", "its first reading was accepted"
"""Who moves a device that was installed, and why."""


async def register_many(
    conn: AsyncConnection,
    rows: Sequence[Registration],
    profiles: Mapping[str, Profile],
    *,
    now: datetime,
    actor: str,
    state: State = State.IN_SERVICE,
) -> tuple[int, list[Finding]]:
    """Register the good rows, in `state` from now on, and give their number and one finding for each bad row.

    Lines of findings count from 1 in the order of `rows`.
    """
    async with conn.transaction():
        await store.stage(conn, rows, profiles)
        findings = await store.take_findings(conn)
        count = await store.insert_staged(conn, state=state, now=now, actor=actor)
        await store.audit(
            conn,
            now=now,
            actor=actor,
            action="devices_registered",
            subject=rows[0].label if len(rows) == 1 else f"{count} devices",
            detail={"registered": count, "refused": len(findings)},
        )
        await signals.announce_registry(conn)
    return count, findings


async def move(conn: AsyncConnection, wanted: Move, profiles: Mapping[str, Profile], by: Change) -> None:
    """Move a device a step along its life.

    Raises: `NotFound`; `Conflict` for a step that is not listed or a place that is taken; `InvalidInput` for a step
    that lacks its reason or its component.
    """
    async with conn.transaction():
        device = await _locked(conn, wanted.label)
        step = life.step(
            wanted.label,
            State(device["state"]),
            wanted.to,
            reason=by.reason,
            component_code=wanted.component_code,
        )
        place = None
        if step.stand is Stand.TAKES and device["component_id"] is not None:
            place = await _free_place(conn, device, wanted.component_code, profiles)
        if step.stand is Stand.LEAVES:
            await _revoke(conn, device, by)
        told = {"component_code": wanted.component_code} if place else {}
        await life_store.set_state(conn, device, wanted.to, by, place=place, told=told)
        await signals.announce_registry(conn)


async def replace(
    conn: AsyncConnection, label: str, follower: Registration, profiles: Mapping[str, Profile], by: Change
) -> None:
    """Put another device of the same type in a device's place; the component keeps the readings of both.

    `follower` names it and how it speaks; a device that is not registered yet is registered with the interval, the
    install data, the position and the gateway of the former, one that was replaced elsewhere is installed here.
    Raises: as `move`; `InvalidInput` when the follower cannot be registered.
    """
    async with conn.transaction():
        former = await _locked(conn, label)
        life.step(label, State(former["state"]), State.REPLACED, reason=by.reason)
        await _revoke(conn, former, by)
        told = {"replaced_by": follower.label}
        await life_store.set_state(conn, former, State.REPLACED, by, told=told)
        spare = await life_store.lock_one(conn, follower.label)
        if spare is None:
            await _register_follower(conn, former, follower, profiles, by)
        elif spare["profile"] != former["profile"]:
            raise Conflict(f"{follower.label} is a {spare['profile']}, {label} is a {former['profile']}")
        else:
            again = Move(label=follower.label, to=State.INSTALLED, component_code=former["component_code"] or "")
            await move(conn, again, profiles, by)
        await life_store.follow(conn, former, follower.label)
        await signals.announce_registry(conn)


async def first_readings(conn: AsyncConnection, device_ids: Sequence[int], now: datetime) -> int:
    """Move devices on whose first reading was accepted (`life.after_first_reading`), and give how many that were."""
    by, moved = Change(now=now, actor=INGEST, reason=FIRST_READING), 0
    for device in await life_store.lock_many(conn, device_ids):
        if after := life.after_first_reading(State(device["state"])):
            await life_store.set_state(conn, device, after, by, told={})
            moved += 1
    if moved:
        await signals.announce_registry(conn)
    return moved


async def _register_follower(
    conn: AsyncConnection,
    former: Mapping[str, Any],
    follower: Registration,
    profiles: Mapping[str, Profile],
    by: Change,
) -> None:
    row = dataclasses.replace(
        follower,
        profile=former["profile"],
        component_code=former["component_code"] or "",
        district_code=former["district_code"],
        lon_deg=former["lon_deg"],
        lat_deg=former["lat_deg"],
        interval_s=former["interval_s"],
        install=former["install"],
    )
    _, findings = await register_many(conn, [row], profiles, now=by.now, actor=by.actor, state=State.INSTALLED)
    if findings:
        raise InvalidInput(f"{findings[0].column}: {findings[0].detail}")


async def _locked(conn: AsyncConnection, label: str) -> Mapping[str, Any]:
    device = await life_store.lock_one(conn, label)
    if device is None:
        raise NotFound(f"there is no device {label}")
    return device


async def _free_place(
    conn: AsyncConnection, device: Mapping[str, Any], code: str, profiles: Mapping[str, Profile]
) -> Mapping[str, Any]:
    label, profile = device["label"], device["profile"]
    if not code:
        raise InvalidInput(f"component_code: say on which component {label} is installed")
    place = await life_store.lock_place(conn, device, code)
    if place is None:
        raise NotFound(f"there is no component {code}")
    if profile in profiles and place["class_code"] not in profiles[profile].classes:
        raise Conflict(f"component {code} is of class {place['class_code']}, on which a {profile} cannot stand")
    if place["occupant"]:
        raise Conflict(f"component {code} carries {place['occupant']} already")
    return place


async def _revoke(conn: AsyncConnection, device: Mapping[str, Any], by: Change) -> None:
    """End the identity of a device that leaves its place; it gets a new one when it comes back."""
    if await identity_store.revoke(conn, {"device_id": device["device_id"], "gateway_id": None}, by.now):
        await signals.announce_identities(conn)


async def publish_profiles(conn: AsyncConnection, profiles: Mapping[str, Profile]) -> None:
    """Write the order of every profile's channels, so that SQL can name what stored arrays hold.

    A process with an older version of a type leaves what the newer one appended.
    Raises: `Conflict` when a profile's channels were reordered, renamed, removed or given another unit: stored readings
    would change their meaning.
    """
    async with conn.transaction():
        for profile in profiles.values():
            if lacking := await store.dropped_channels(conn, profile):
                raise Conflict(f"profile {profile.profile} lacks {', '.join(lacking)}, which readings hold")
            if await store.upsert_channels(conn, profile) != len(profile.channels):
                raise Conflict(
                    f"profile {profile.profile}: channels were reordered, renamed or given another unit;"
                    " append new ones instead"
                )
