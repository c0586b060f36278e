"""Use cases of API keys: made for a program, shown once, revoked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from core.errors import Conflict, NotFound
from people import account_sql, grant, store, tokens
from people.grant import Grant
from people.model import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A key to be made; `grants` None = all that its owner may, whatever that is at the time."""

    name: str
    grants: tuple[Grant, ...] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new key; nobody can read it again."""

    key_id: int
    key: str


async def make(conn: AsyncConnection, owner: str, wish: Wish, by: Change) -> Made:
    """Make a key for an account; raises `NotFound`, or `Conflict` when it has one of that name or may less itself."""
    async with conn.transaction():
        account = await store.one(conn, account_sql.LOCK, {"name": owner})
        if account is None or account["disabled_at"]:
            raise NotFound(f"there is no account {owner} in use")
        held_rows = await store.rows(conn, account_sql.GRANTS, account)
        held = grant.of_rows((row["role"], row["area_code"], row["patrol_grid"]) for row in held_rows)
        beyond = set(wish.grants or ()) - set(grant.within(wish.grants or (), held))
        if beyond:
            raise Conflict(f"{owner} is not granted {', '.join(sorted(map(str, beyond)))}, so no key of his can be")
        key = tokens.fresh_key()
        row = {
            "token_hash": tokens.hashed(key),
            "prefix": key[: tokens.SHOWN_CHARACTERS],
            "account_id": account["account_id"],
            "name": wish.name,
            "grants": None if wish.grants is None else Jsonb([grant.row(one) for one in wish.grants]),
            "now": by.now,
            "expires_at": wish.expires_at,
        }
        made = await store.one(conn, store.INSERT_KEY, row)
        if made is None:
            raise Conflict(f"{owner} has a key {wish.name} already: revoke it, or choose another name")
        detail = {"prefix": row["prefix"], "grants": None if wish.grants is None else [str(one) for one in wish.grants]}
        await store.audit(conn, by, "key.make", f"{owner}/{wish.name}", detail)
    return Made(key_id=made["key_id"], key=key)


async def revoke(conn: AsyncConnection, owner: str, key_id: int, by: Change) -> bytes:
    """End a key and give its hash; raises `NotFound` when the account has no such key."""
    async with conn.transaction():
        account = await store.one(conn, account_sql.FIND, {"name": owner})
        row = {"key_id": key_id, "account_id": account["account_id"] if account else None, "now": by.now}
        revoked = await store.one(conn, store.REVOKE_KEY, row)
        if revoked is None:
            raise NotFound(f"{owner} has no key {key_id}")
        await store.audit(conn, by, "key.revoke", f"{owner}/{revoked['name']}", {})
    return revoked["token_hash"]


async def revoke_named(conn: AsyncConnection, owner: str, name: str, by: Change) -> bytes:
    """End the key of an account that has this name, and give its hash; raises `NotFound`."""
    async with conn.transaction():
        for key in await listing(conn, owner):
            if key["name"] == name:
                return await revoke(conn, owner, key["key_id"], by)
    raise NotFound(f"{owner} has no key {name}")


async def listing(
    conn: AsyncConnection, owner: str = "", *, after: tuple[str, str] = ("", ""), limit: int | None = None
) -> list[dict[str, Any]]:
    """Give the keys of an account, or all, that were not revoked; of a key only its first characters.

    They come by account and name; `after` is the last one of the page before.
    """
    given = {"name": owner, "after_account": after[0], "after_key": after[1], "limit": limit}
    found = await store.rows(conn, store.LIST_KEYS, given)
    return [
        {**row, "grants": None if row["grants"] is None else [str(one) for one in grant.of_rows(row["grants"])]}
        for row in found
    ]
