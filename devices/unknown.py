"""Use cases of devices that knock: what one probably is, register it as it speaks, or let it knock unnoticed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from psycopg import AsyncConnection

from core.errors import InvalidInput, NotFound
from devices import gateways, identity_store, service, store
from devices.life import State
from devices.model import Change, Registration
from devices.profile import Profile
from storage import dead_letters, unknown_devices
from wire.addresses import NAMINGS

LETTERS_TRIED_AGAIN = 1000
"""Of a device that is registered at last; the oldest first."""


async def find(conn: AsyncConnection, given: Mapping[str, object], *, limit: int) -> list[dict[str, Any]]:
    """Give who knocks and is not registered, the last heard first; see `storage.unknown_devices` for the filters."""
    by_label = [name for name, naming in NAMINGS.items() if naming.by_label]
    return await unknown_devices.find(conn, given, by_label, limit=limit)


async def register(
    conn: AsyncConnection, unknown_id: int, wanted: Registration, profiles: Mapping[str, Profile], by: Change
) -> str:
    """Register a stranger under the name it speaks by, installed from now on, and give its label.

    It is listed under the gateway it came through, if that is registered. What it said so far is tried again.
    Raises: `NotFound`; `InvalidInput` naming what cannot be.
    """
    async with conn.transaction():
        row = await _locked(conn, unknown_id)
        label = wanted.label or row["address"]
        address = "" if label == row["address"] else row["address"]
        device = replace(wanted, label=label, format=row["format"], address=address)
        _, findings = await service.register_many(
            conn, [device], profiles, now=by.now, actor=by.actor, state=State.INSTALLED
        )
        if findings:
            raise InvalidInput(f"{findings[0].column}: {findings[0].detail}")
        if row["gateway"] and await identity_store.one(conn, identity_store.LOCK_GATEWAY, {"label": row["gateway"]}):
            await gateways.assign(conn, row["gateway"], [label], by)
        await unknown_devices.forget(conn, unknown_id)
        topic = row["topic"].replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        again = {"reason": "unknown_device", "topic": topic}
        await dead_letters.ask(conn, again, limit=LETTERS_TRIED_AGAIN, now=by.now)
    return label


async def ignore(conn: AsyncConnection, unknown_id: int, by: Change) -> None:
    """Let a stranger knock unnoticed; its messages are refused as before."""
    if not by.reason.strip():
        raise InvalidInput("reason: say why it is ignored")
    async with conn.transaction():
        row = await _locked(conn, unknown_id)
        await unknown_devices.ignore(conn, unknown_id, now=by.now, actor=by.actor, reason=by.reason)
        await _told(conn, "unknown_device_ignored", row, by)


async def notice(conn: AsyncConnection, unknown_id: int, by: Change) -> None:
    """End that a stranger is ignored."""
    async with conn.transaction():
        row = await _locked(conn, unknown_id)
        await unknown_devices.notice_again(conn, unknown_id)
        await _told(conn, "unknown_device_noticed", row, by)


async def _locked(conn: AsyncConnection, unknown_id: int) -> Mapping[str, Any]:
    row = await unknown_devices.lock(conn, unknown_id)
    if row is None:
        raise NotFound(f"there is no unknown device {unknown_id}: it is registered, or was silent for long")
    return row


async def _told(conn: AsyncConnection, action: str, row: Mapping[str, Any], by: Change) -> None:
    detail = {"format": row["format"], "reason": by.reason}
    await store.audit(conn, now=by.now, actor=by.actor, action=action, subject=row["address"], detail=detail)
