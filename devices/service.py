"""Use cases of the device registry; each is one transaction of the caller's connection."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg import AsyncConnection

from core.errors import Conflict, NotFound
from devices import store
from devices.model import Finding, Registration, State, require_transition
from devices.profile import Profile
from storage import signals


async def register_many(
    conn: AsyncConnection,
    rows: Sequence[Registration],
    profiles: Mapping[str, Profile],
    *,
    now: datetime,
    actor: str,
) -> tuple[int, list[Finding]]:
    """Register the good rows, in service from now on, and give their number and one finding for each bad row.

    Lines of findings count from 1 in the order of `rows`.
    """
    async with conn.transaction():
        await store.stage(conn, rows, profiles)
        findings = await store.take_findings(conn)
        count = await store.insert_staged(conn, state=State.IN_SERVICE, now=now, actor=actor)
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


async def change_state(  # who, when and why belong to every change
    conn: AsyncConnection, label: str, state: State, *, now: datetime, actor: str, reason: str
) -> None:
    """Move a device along its life cycle; raises `NotFound`, or `Conflict` for a step that is not listed."""
    async with conn.transaction():
        row = await store.lock_one(conn, label)
        if row is None:
            raise NotFound(f"there is no device {label}")
        require_transition(label, State(row["state"]), state)
        await store.set_state(
            conn, device_id=row["device_id"], label=label, state=state, now=now, actor=actor, reason=reason
        )
        await signals.announce_registry(conn)


async def publish_profiles(conn: AsyncConnection, profiles: Mapping[str, Profile]) -> None:
    """Write the order of every profile's channels, so that SQL can name what stored arrays hold.

    Raises: `Conflict` when a profile's channels were reordered or renamed: stored readings would change their meaning.
    """
    async with conn.transaction():
        for profile in profiles.values():
            if await store.upsert_channels(conn, profile) != len(profile.channels):
                raise Conflict(
                    f"profile {profile.profile}: channels were reordered or renamed; append new ones instead"
                )
