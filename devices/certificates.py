"""Use cases of devices' certificates: signed on request, renewed with an overlap, revoked (ADR-0033).

A certificate's name is the user name an identity has (`devices.identities`), so it enters with the same rights. The
device keeps its key; only `make` makes one for it. Each use case is one transaction of the caller's connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from core.errors import Conflict, Forbidden, NotFound
from devices import authority, certificate_store, identities, store
from devices.authority import Authority, DeviceKey, Signed
from devices.identities import Holder
from devices.identity_store import change, one, rows
from devices.life import REPORTING
from devices.model import Change
from devices.profile import Profile
from storage import signals

MOST_IN_FORCE = 3
"""Certificates one holder may have at a time: the old one, the new one, and one to spare."""
_REPORTING = [state.value for state in REPORTING]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs, and for how long."""

    authority: Authority
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What a device says to renew its certificate before it ends."""

    certificate: str
    """PEM of the one it has."""
    request: str
    """PEM of the signing request for the next one, with the same key or another."""
    signature: bytes
    """Over the request's DER, made with the key of the certificate it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Which certificates are looked for: in force now, and at their end by `until`."""

    now: datetime
    until: datetime
    after: tuple[datetime, str]
    """End and serial after which the list goes on."""
    only_last: bool
    """Leave out those whose holder has one that lasts longer."""
    limit: int


async def sign(
    conn: AsyncConnection, holder: Holder, request: str, signer: Signer, profiles: Mapping[str, Profile], by: Change
) -> Signed:
    """Sign what a device or gateway asks for; it counts at once.

    Raises: `InvalidInput` for a request that is not signed, `NotFound`, or `Conflict` when the holder is retired or has
    too many.
    """
    async with conn.transaction():
        owner, user_name = await identities.locked(conn, holder, profiles)
        key = authority.key_of(authority.request(request), user_name)
        return await _kept(conn, holder, owner, _signed(signer, key, user_name, by), by)


async def make(
    conn: AsyncConnection, holder: Holder, signer: Signer, profiles: Mapping[str, Profile], by: Change
) -> tuple[Signed, str]:
    """Make key and certificate for a device that cannot make a key; the key is given once and kept nowhere."""
    async with conn.transaction():
        owner, user_name = await identities.locked(conn, holder, profiles)
        key, secret = authority.made()
        return await _kept(conn, holder, owner, _signed(signer, key, user_name, by), by), secret


async def renew(
    conn: AsyncConnection, wish: Renewal, signer: Signer, profiles: Mapping[str, Profile], now: datetime
) -> Signed:
    """Give a device that shows it has a valid certificate's key the next one; the former counts to its end.

    Asked again, because the answer was lost, it gives the same. Raises `Forbidden` when the certificate is not ours,
    has ended or was revoked, and what `sign` raises.
    """
    asked = authority.request(wish.request)
    serial = signer.authority.holder_of(wish.certificate, asked, wish.signature, now)
    async with conn.transaction():
        found = await one(conn, certificate_store.HOLDER, {"serial": serial})
        if found is None:
            raise Forbidden("the certificate is not in the registry: an engineer must sign a new one")
        holder = Holder(label=found["label"], is_gateway=found["is_gateway"])
        owner, user_name = await identities.locked(conn, holder, profiles)
        known = await rows(conn, certificate_store.IN_FORCE, {**owner, "now": now})
        if serial not in {row["serial"] for row in known}:
            raise Forbidden("the certificate was revoked: an engineer must sign a new one")
        key = authority.key_of(asked, user_name)
        given = [row for row in known if row["not_before"] >= found["not_before"] and row["serial"] != serial]
        for row in given:
            if row["key_hash"] == authority.key_hash(key):
                return Signed(**row)
        by = Change(now=now, actor=f"certificate {serial}")
        return await _kept(conn, holder, owner, _signed(signer, key, user_name, by), by)


async def revoke(conn: AsyncConnection, holder: Holder, serial: str, by: Change) -> None:
    """End one certificate and the live connection; raises `NotFound` when the holder has none of it in force."""
    async with conn.transaction():
        owner, _ = await identities.owned(conn, holder)
        if not await change(conn, certificate_store.REVOKE, {**owner, "serial": serial, "now": by.now}):
            raise NotFound(f"{holder} has no certificate {serial} that could be revoked")
        await _told(conn, holder, "revoked", {"serial": serial, "reason": by.reason}, by)
        await signals.announce_identities(conn)


async def of(conn: AsyncConnection, label: str) -> list[dict[str, Any]]:
    """Give all certificates a label ever had, the longest lasting first."""
    return await rows(conn, certificate_store.LIST_OF, {"label": label})


async def ending(conn: AsyncConnection, which: Ending) -> list[dict[str, Any]]:
    """Give certificates in force by their end."""
    wanted = {
        "now": which.now,
        "until": which.until,
        "after": which.after[0],
        "after_serial": which.after[1],
        "last": which.only_last,
        "limit": which.limit,
    }
    return await rows(conn, certificate_store.LIST_ENDING, wanted)


async def revoked(conn: AsyncConnection, now: datetime) -> dict[str, str]:
    """Give serial and user name of what no longer counts though it has not ended."""
    found = await rows(conn, certificate_store.REVOKED, {"now": now, "reporting": _REPORTING})
    return {row["serial"]: row["user_name"] for row in found}


def _signed(signer: Signer, key: DeviceKey, user_name: str, by: Change) -> Signed:
    return signer.authority.sign(key, user_name, by.now, signer.days)


async def _kept(
    conn: AsyncConnection, holder: Holder, owner: Mapping[str, int | None], signed: Signed, by: Change
) -> Signed:
    known = await rows(conn, certificate_store.IN_FORCE, {**owner, "now": by.now})
    if len(known) >= MOST_IN_FORCE:
        raise Conflict(
            f"{holder} has {len(known)} certificates in force: revoke one, or wait until {known[-1]['not_after']}"
        )
    row = {
        **owner,
        "serial": signed.serial,
        "user_name": signed.user_name,
        "key_hash": signed.key_hash,
        "pem": signed.pem,
        "not_before": signed.not_before,
        "not_after": signed.not_after,
        "now": by.now,
        "actor": by.actor,
    }
    await change(conn, certificate_store.INSERT, row)
    await _told(conn, holder, "signed", {"serial": signed.serial, "not_after": signed.not_after.isoformat()}, by)
    if holder.is_gateway:  # the broker is to know what it publishes for
        await signals.announce_identities(conn)
    return signed


async def _told(conn: AsyncConnection, holder: Holder, what: str, detail: Mapping[str, Any], by: Change) -> None:
    whole = {"holder": "gateway" if holder.is_gateway else "device", **detail}
    action = f"certificate_{what}"
    await store.audit(conn, now=by.now, actor=by.actor, action=action, subject=holder.label, detail=whole)
