"""From a token to who it belongs to: one indexed query for any number of sessions or keys."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from people import store
from people.grant import of_rows, within
from people.model import Identity, Terms

NOTED_EVERY = timedelta(minutes=1)
"""When a session or key was last used is noted this often: a write a minute, not one a request."""


async def of_sessions(
    conn: AsyncConnection, hashes: Iterable[bytes], terms: Terms, now: datetime
) -> dict[bytes, Identity]:
    """Give who is signed in, by the hash of a session's token; a session that ended is not among them."""
    given = {"hashes": list(hashes), "idle": terms.idle, "now": now}
    found = await store.rows(conn, store.SESSION_IDENTITIES, given)
    return {row["token_hash"]: _identity(row) for row in found}


async def of_keys(conn: AsyncConnection, hashes: Iterable[bytes], now: datetime) -> dict[bytes, Identity]:
    """Give whose keys these are, by the hash of a key."""
    found = await store.rows(conn, store.KEY_IDENTITIES, {"hashes": list(hashes), "now": now})
    return {row["token_hash"]: _identity(row) for row in found}


async def note_use(conn: AsyncConnection, identity: Identity, now: datetime) -> None:
    """Write down that a session or key is in use, when that was last written long enough ago."""
    if identity.used_at is not None and now - identity.used_at < NOTED_EVERY:
        return
    if identity.session_id is not None:
        await store.change(conn, store.TOUCH_SESSION, {"id": identity.session_id, "now": now})
    elif identity.key_id is not None:
        await store.change(conn, store.TOUCH_KEY, {"id": identity.key_id, "now": now})


def _identity(row: dict[str, Any]) -> Identity:
    held = of_rows(row["grants"])
    limited = row.get("key_grants")
    return Identity(
        account_id=row["account_id"],
        account=row["name"],
        display_name=row["display_name"],
        language=row["language"],
        grants=held if limited is None else within(of_rows(limited), held),
        department_id=row["department_id"],
        used_at=row["used_at"],
        ends_at=row["ends_at"],
        session_id=row.get("session_id"),
        key_id=row.get("key_id"),
        key_name=row.get("key_name", ""),
        is_program="key_id" in row,
    )
