"""Use cases of orders to devices: give, cancel, send what is due, take an answer. Each within a transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from core.errors import Conflict, NotFound
from devices import command as orders
from devices import command_store, store
from devices.identity_store import change, one, rows
from devices.life import REPORTING, State
from devices.model import Change
from devices.profile import Profile
from storage import signals

NEWEST = 2**63 - 1
ANSWER_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants a device to do, why, and how long that counts."""

    label: str
    command: str
    arguments: Mapping[str, float]
    reason: str = ""
    life: timedelta = orders.USUAL_LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a device made of an order: done, or refused with a reason."""

    label: str
    number: int
    ok: bool
    reason: str = ""


async def give(conn: AsyncConnection, wish: Wish, profiles: Mapping[str, Profile], by: Change) -> int:
    """Keep an order and give its number; the commander sends it at the commit.

    Raises: `NotFound` for an unknown device, `InvalidInput` for what its type does not know, `Conflict` for a device
    that hears nothing (out of service, or of a foreign format) or has too many orders open.
    """
    async with conn.transaction():
        row = await one(conn, command_store.LOCK_DEVICE, {"label": wish.label})
        if row is None:
            raise NotFound(f"there is no device {wish.label}")
        _check_hears(row, wish.label)
        if row["profile"] not in profiles:
            raise NotFound(f"there is no device type {row['profile']!r}")
        orders.check(profiles[row["profile"]], wish.command, wish.arguments)
        orders.check_life(wish.life)
        values = {
            "device_id": row["device_id"],
            "command": wish.command,
            "arguments": Jsonb(dict(wish.arguments)),
            "reason": wish.reason,
            "now": by.now,
            "actor": by.actor,
            "expires_at": by.now + wish.life,
        }
        made = await one(conn, command_store.INSERT, values)
        assert made is not None
        number: int = made["command_id"]
        detail = {"number": number, "command": wish.command, "arguments": dict(wish.arguments), "reason": wish.reason}
        await _audit(conn, wish.label, "command_given", detail, by)
        await signals.announce_commands(conn)
    return number


async def cancel(conn: AsyncConnection, label: str, number: int, by: Change) -> None:
    """End an order that has no answer yet; a device that has heard it may still do it. Raises `Conflict`."""
    async with conn.transaction():
        row = {"command_id": number, "label": label, "now": by.now, "answer": f"cancelled by {by.actor}"}
        if not await change(conn, command_store.CANCEL, row):
            raise Conflict(f"{label} has no order {number} that still waits")
        await _audit(conn, label, "command_cancelled", {"number": number}, by)


async def take_due(conn: AsyncConnection, now: datetime, limit: int) -> list[dict[str, Any]]:
    """Give the orders to send now, marked as sent; what has run out of time ends."""
    async with conn.transaction():
        await change(conn, command_store.EXPIRE, {"now": now})
        wanted = {"now": now, "tries": orders.TRIES, "again": now - orders.AGAIN_AFTER, "limit": limit}
        return sorted(await rows(conn, command_store.DUE, wanted), key=lambda row: row["command_id"])


async def take_answers(conn: AsyncConnection, answers: Sequence[Answered], now: datetime) -> int:
    """Keep what devices answered; give how many ended an order: others came twice or are strays.

    A new interval counts for the registry too: from it follow online, late and silent.
    """
    ended, retimed = 0, False
    async with conn.transaction():
        for answer in answers:
            state = orders.State.DONE if answer.ok else orders.State.REFUSED
            values = {
                "command_id": answer.number,
                "label": answer.label,
                "state": state.value,
                "answer": answer.reason.replace("\0", "")[:ANSWER_LENGTH],
                "answerable": [it.value for it in orders.ANSWERABLE],
                "now": now,
            }
            row = await one(conn, command_store.ANSWER, values)
            if row is None:
                continue
            ended += 1
            if answer.ok and row["command"] == orders.SET_INTERVAL:
                retimed = True
                interval = {"device_id": row["device_id"], "interval_s": row["arguments"]["interval_s"]}
                await change(conn, command_store.SET_INTERVAL, interval)
        if retimed:
            await signals.announce_registry(conn)
    return ended


async def listing(conn: AsyncConnection, label: str, *, before: int = NEWEST, limit: int = 50) -> list[dict[str, Any]]:
    """Give a device's orders, the newest first."""
    return await rows(conn, command_store.LIST, {"label": label, "before": before, "limit": limit})


def _check_hears(row: Mapping[str, Any], label: str) -> None:
    if State(row["state"]) not in REPORTING:
        raise Conflict(f"{label} is {row['state']}: it hears nothing any more")
    if not row["hears"]:
        raise Conflict(f"{label} speaks {row['format']}; only devices of the native format are told anything")
    if row["open"] >= orders.MOST_OPEN:
        raise Conflict(f"{label} has {row['open']} orders without an answer: cancel some, or wait")


async def _audit(conn: AsyncConnection, label: str, action: str, detail: Mapping[str, Any], by: Change) -> None:
    await store.audit(conn, now=by.now, actor=by.actor, action=action, subject=label, detail=detail)
