"""Use cases of claiming: a factory-made device fetches its own identity with the key its batch was made with.

A batch lists its labels and counts until a day. Each label is claimed once; the key is kept as a hash. Each use case is
one transaction of the caller's connection.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from devices import claim_store, identities, store
from devices.identities import Holder, Issued
from devices.identity_store import change, one, rows
from devices.model import Change
from devices.profile import Profile

KEY_BYTES = 32
MOST_LABELS = 100_000
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Devices that a factory made with one key."""

    name: str
    profile: str
    labels: Sequence[str]
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a device says to get its identity."""

    batch: str
    key: str
    label: str
    come_from: str
    """The address it calls from, for the record."""


async def add(conn: AsyncConnection, batch: Batch, profiles: Mapping[str, Profile], by: Change) -> str:
    """Keep a batch and give its key, which nobody can read again.

    Raises: `InvalidInput` for a bad name, type, label or day; `Conflict` when the name or a label is taken.
    """
    _check(batch, profiles, by.now)
    key = secrets.token_urlsafe(KEY_BYTES)
    async with conn.transaction():
        values = {
            "name": batch.name,
            "profile": batch.profile,
            "key_hash": _hash(key),
            "until": batch.until,
            "now": by.now,
            "actor": by.actor,
        }
        made = await one(conn, claim_store.INSERT_BATCH, values)
        if made is None:
            raise Conflict(f"there is a batch {batch.name} already")
        taken = await rows(conn, claim_store.TAKEN, {"labels": list(batch.labels)})
        if taken:
            raise Conflict(f"{taken[0]['label']} is in batch {taken[0]['name']} already ({len(taken)} such labels)")
        await change(conn, claim_store.INSERT_LABELS, {"batch_id": made["batch_id"], "labels": list(batch.labels)})
        detail = {"profile": batch.profile, "labels": len(batch.labels), "until": batch.until.isoformat()}
        await store.audit(conn, now=by.now, actor=by.actor, action="batch_added", subject=batch.name, detail=detail)
    return key


async def revoke(conn: AsyncConnection, name: str, by: Change) -> None:
    """End a batch: nobody claims with its key any more; identities that were claimed stay."""
    async with conn.transaction():
        if not await change(conn, claim_store.REVOKE, {"name": name, "now": by.now}):
            raise NotFound(f"there is no batch {name} in force")
        await store.audit(conn, now=by.now, actor=by.actor, action="batch_revoked", subject=name, detail={})


async def listing(conn: AsyncConnection) -> list[dict[str, Any]]:
    """Give the batches, the newest first, with how many labels were claimed."""
    return await rows(conn, claim_store.LIST, {})


async def claim(conn: AsyncConnection, wish: Claim, profiles: Mapping[str, Profile], now: datetime) -> Issued:
    """Give a device its identity.

    Raises: `Forbidden` without saying whether batch, key or label is wrong; `Conflict` while the device is not
    registered (it may ask again), when it is of another type, or when it has its identity already.
    """
    async with conn.transaction():
        row = await one(conn, claim_store.LOCK_LABEL, {"name": wish.batch, "label": wish.label, "now": now})
        expected = bytes(row["key_hash"]) if row is not None else bytes(hashlib.sha256().digest_size)
        if not hmac.compare_digest(expected, _hash(wish.key)) or row is None:
            raise Forbidden("this batch, key and label do not belong together, or the batch has ended")
        if row["claimed_at"] is not None:
            raise Conflict(f"{wish.label} was claimed already: an engineer must issue its identity anew")
        if row["registered_as"] is None:
            raise Conflict(f"{wish.label} is not registered yet: ask again after it was")
        if row["registered_as"] != row["profile"]:
            raise Conflict(f"{wish.label} is registered as {row['registered_as']}, and its batch is {row['profile']}")
        by = Change(now=now, actor=f"batch {wish.batch}")
        issued = await identities.issue(conn, Holder(label=wish.label), profiles, by)
        await change(conn, claim_store.CLAIMED, {"label": wish.label, "now": now, "come_from": wish.come_from})
    return issued


def _check(batch: Batch, profiles: Mapping[str, Profile], now: datetime) -> None:
    if not _NAME.fullmatch(batch.name):
        raise InvalidInput(f"a batch is called with 1 to 64 of A-Z a-z 0-9 _ . -, not {batch.name!r}")
    if batch.profile not in profiles:
        raise InvalidInput(f"there is no device type {batch.profile!r}; there are {', '.join(sorted(profiles))}")
    if not 1 <= len(batch.labels) <= MOST_LABELS:
        raise InvalidInput(f"a batch has 1 to {MOST_LABELS} labels, not {len(batch.labels)}")
    if wrong := [label for label in batch.labels if not _LABEL.fullmatch(label)]:
        raise InvalidInput(f"a label is 1 to 64 of A-Z a-z 0-9 _ -, not {wrong[0]!r}")
    if len(set(batch.labels)) < len(batch.labels):
        raise InvalidInput("a label stands in the batch twice")
    if batch.until <= now:
        raise InvalidInput(f"the batch would have ended: {batch.until.isoformat()}")


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
