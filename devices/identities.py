"""Use cases of identities at the broker: a device's or gateway's user name and generated password (ADR-0024).

The user name is the middle of its topics. The password is shown once, when it is issued or rotated; stored is the
broker's hash of it. Certificates for the same user name: `devices.certificates`. Each use case is one transaction of
the caller's connection; whoever keeps the broker's files (`runtime.identity_keeper`) hears of it at the commit.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from core.errors import Conflict, NotFound
from devices import identity_store, store
from devices.life import REPORTING, State
from devices.model import Change
from devices.profile import Profile
from storage import signals
from wire import mosquitto, topics

PASSWORD_BYTES, SALT_BYTES = 24, 12
_REPORTING = [state.value for state in REPORTING]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose identity is meant."""

    label: str
    is_gateway: bool = False

    def __str__(self) -> str:
        """Give it in words."""
        return f"{'gateway' if self.is_gateway else 'device'} {self.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What the device is given; nobody can read the password again."""

    label: str
    user_name: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What the broker must know."""

    hashes: tuple[tuple[str, str], ...]
    """(user name, hash of the password)."""
    behind: Mapping[str, tuple[str, ...]]
    """User name of a gateway -> the middles of the topics of the devices listed under it."""


async def issue(conn: AsyncConnection, holder: Holder, profiles: Mapping[str, Profile], by: Change) -> Issued:
    """Give a device or gateway its identity; raises `NotFound`, or `Conflict` when it has one or is retired."""
    async with conn.transaction():
        owner, user_name = await locked(conn, holder, profiles)
        issued, password_hash = _made(holder, user_name)
        row = {**owner, "user_name": user_name, "password_hash": password_hash, "now": by.now, "actor": by.actor}
        if not await identity_store.change(conn, identity_store.INSERT_IDENTITY, row):
            raise Conflict(f"{holder} has an identity already: rotate or revoke it")
        await _told(conn, holder, "issued", user_name, by)
    return issued


async def rotate(conn: AsyncConnection, holder: Holder, profiles: Mapping[str, Profile], by: Change) -> Issued:
    """Give a new password in place of the old one, which ends with it; raises `NotFound` when there is no identity."""
    async with conn.transaction():
        owner, user_name = await locked(conn, holder, profiles)
        issued, password_hash = _made(holder, user_name)
        row = {**owner, "user_name": user_name, "password_hash": password_hash, "now": by.now}
        if not await identity_store.change(conn, identity_store.ROTATE, row):
            raise NotFound(f"{holder} has no identity: issue one")
        await _told(conn, holder, "rotated", user_name, by)
    return issued


async def revoke(conn: AsyncConnection, holder: Holder, by: Change) -> None:
    """End an identity, its certificates and its live connection; raises `NotFound` when there is none."""
    async with conn.transaction():
        owner, _ = await owned(conn, holder)
        if not await identity_store.revoke(conn, owner, by.now):
            raise NotFound(f"{holder} has no identity")
        await _told(conn, holder, "revoked", "", by)


async def listing(conn: AsyncConnection, *, label: str = "", after: str = "", limit: int = 50) -> list[dict[str, Any]]:
    """Give the identities in force by label, or all that one label ever had; no passwords, no hashes."""
    return await identity_store.rows(
        conn, identity_store.LIST_IDENTITIES, {"label": label, "after": after, "limit": limit}
    )


async def in_force(conn: AsyncConnection, profiles: Mapping[str, Profile]) -> InForce:
    """Give what the broker must know now; a device that is replaced or retired has no identity any more."""
    state = {"reporting": _REPORTING}
    hashes = await identity_store.rows(conn, identity_store.IN_FORCE, state)
    behind: dict[str, list[str]] = {}
    for row in await identity_store.rows(conn, identity_store.BEHIND_GATEWAYS, state):
        if row["profile"] in profiles:
            own = topics.own(row["district_code"], profiles[row["profile"]].kind, row["label"])
            behind.setdefault(row["user_name"], []).append(own)
    return InForce(
        hashes=tuple((row["user_name"], row["password_hash"]) for row in hashes),
        behind={name: tuple(devices) for name, devices in behind.items()},
    )


def _made(holder: Holder, user_name: str) -> tuple[Issued, str]:
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    hashed = mosquitto.hashed(password, secrets.token_bytes(SALT_BYTES), mosquitto.ROUNDS)
    return Issued(label=holder.label, user_name=user_name, password=password), hashed


async def owned(conn: AsyncConnection, holder: Holder) -> tuple[dict[str, int | None], Mapping[str, Any]]:
    """Lock whose identity it is; give its key as the identity's columns, and its row."""
    query = identity_store.LOCK_GATEWAY if holder.is_gateway else identity_store.LOCK_DEVICE
    row = await identity_store.one(conn, query, {"label": holder.label})
    if row is None:
        raise NotFound(f"there is no {holder}")
    return {"device_id": row.get("device_id"), "gateway_id": row.get("gateway_id")}, row


async def locked(
    conn: AsyncConnection, holder: Holder, profiles: Mapping[str, Profile]
) -> tuple[dict[str, int | None], str]:
    """Give the key and the user name of somebody who may have an identity."""
    owner, row = await owned(conn, holder)
    if holder.is_gateway:
        return owner, topics.own(row["district_code"], topics.GATEWAY, holder.label)
    if State(row["state"]) not in REPORTING:
        raise Conflict(f"{holder} is {row['state']}: it publishes nothing any more")
    if row["profile"] not in profiles:
        raise NotFound(f"there is no device type {row['profile']!r}")
    return owner, topics.own(row["district_code"], profiles[row["profile"]].kind, holder.label)


async def _told(conn: AsyncConnection, holder: Holder, what: str, user_name: str, by: Change) -> None:
    detail = {"holder": "gateway" if holder.is_gateway else "device", "user_name": user_name}
    await store.audit(conn, now=by.now, actor=by.actor, action=f"identity_{what}", subject=holder.label, detail=detail)
    await signals.announce_identities(conn)
