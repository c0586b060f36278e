"""Use cases of signing in: by password, by a link that works once; by whom the OpenID provider says somebody is.

A name that does not exist, a wrong password and a disabled account give the same answer after about the same time.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import AsyncConnection

from core.errors import Conflict, InvalidInput, NotFound, NotSignedIn
from people import account_sql, accounts, sessions, store, throttling, tokens
from people.model import Change, Client, Terms
from people.passwords import Passwords
from people.sessions import Opened

Lend = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
WRONG = "The name or the password is wrong."
USED = "This link was used already, or is too old: ask for a new one, or sign in by password."
NOBODY = "(unknown)"
"""In the audit log in place of a name that is no account's: people type passwords into the wrong field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What every way in needs."""

    lend: Lend
    passwords: Passwords
    terms: Terms


async def by_password(doors: Doors, name: str, password: str, client: Client, now: datetime) -> Opened:
    """Open a session for who knows the password; raises `NotSignedIn`, `TooManyTries`."""
    account = await verified(doors, name, password, client, now)
    async with doors.lend() as conn:
        return await welcomed(conn, account.account_id, account.name, "password", client, doors.terms, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An account whose password was given."""

    account_id: int
    name: str


async def verified(doors: Doors, name: str, password: str, client: Client, now: datetime) -> Verified:
    """Give the account whose password this is; counts the failure, or forgets those before.

    Raises: `NotSignedIn` when it is not, `TooManyTries` when it comes too soon.
    """
    name = accounts.name_of(name)
    async with doors.lend() as conn:
        counted = await throttling.count_try(conn, name, client.address, now)
        account = await store.one(conn, account_sql.FIND, {"name": name})
    stored = account["password_hash"] if account and account["disabled_at"] is None else None
    is_right = await doors.passwords.fits(stored, password)
    if account is None or stored is None or not is_right:
        async with doors.lend() as conn:
            by = Change(now=now, actor=name if account else NOBODY)
            await store.audit(conn, by, "sign_in.failed", by.actor, {"address": client.address})
        raise NotSignedIn(WRONG)
    fresh = await doors.passwords.hashed(password) if doors.passwords.is_outdated(stored) else None
    async with doors.lend() as conn, conn.transaction():
        await throttling.take_back(conn, counted, account["account_id"], client.address, now)
        if fresh:
            row = {"account_id": account["account_id"], "fresh": fresh, "old": stored}
            await store.change(conn, account_sql.REHASH, row)
    return Verified(account_id=account["account_id"], name=name)


async def make_link(conn: AsyncConnection, name: str, life: timedelta, now: datetime) -> str:
    """Give the token of a link that signs in as this account once; raises `NotFound`."""
    token = tokens.fresh()
    row = {"token_hash": tokens.hashed(token), "name": name, "expires_at": now + life, "now": now}
    async with conn.transaction():
        await store.change(conn, account_sql.CLEAR_LINKS, row)
        if not await store.change(conn, account_sql.INSERT_LINK, row):
            raise NotFound(f"there is no account {name} in use")
    return token


async def by_link(doors: Doors, token: str, client: Client, now: datetime) -> Opened:
    """Open a session for who has the link; raises `NotSignedIn` when it was used or is too old."""
    async with doors.lend() as conn:
        taken = await store.one(conn, account_sql.TAKE_LINK, {"token_hash": tokens.hashed(token), "now": now})
        if taken and taken["is_good"]:
            return await welcomed(conn, taken["account_id"], taken["name"], "link", client, doors.terms, now)
    raise NotSignedIn(USED)


async def welcomed(  # noqa: PLR0913, PLR0917  # who, how, from where, for how long, when
    conn: AsyncConnection, account_id: int, name: str, method: str, client: Client, terms: Terms, now: datetime
) -> Opened:
    """Open a session and write the sign-in into the audit log."""
    async with conn.transaction():
        opened = await sessions.start(conn, account_id, method, client, terms, now)
        detail = {"method": method, "address": client.address}
        await store.audit(conn, Change(now=now, actor=name), "sign_in", name, detail)
    return opened


async def change_password(  # as above, and both passwords
    doors: Doors, name: str, old: str, new: str, client: Client, now: datetime
) -> Opened:
    """Set a new password for who knows the old one; every session and key ends, a new session begins.

    Raises: `InvalidInput` when the old one is wrong, `TooManyTries`, `Conflict` when the account has none.
    """
    async with doors.lend() as conn:
        account = await store.one(conn, account_sql.FIND, {"name": name})
    if account is None or account["password_hash"] is None:
        raise Conflict("this account has no password: it signs in elsewhere")
    try:
        await verified(doors, name, old, client, now)
    except NotSignedIn as error:
        raise InvalidInput("old: is not the present password") from error
    fresh = await doors.passwords.hashed(new)
    async with doors.lend() as conn, conn.transaction():
        account_id = await accounts.set_password(conn, name, fresh, Change(now=now, actor=name))
        return await sessions.start(conn, account_id, "password", client, doors.terms, now)
