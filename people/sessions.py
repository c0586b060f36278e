"""Use cases of a browser's sessions: opened at a sign-in, ended one by one or all together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from core.errors import NotFound
from people import store, tokens
from people.model import Change, Client, Terms

USER_AGENT_LENGTH = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A new session; nobody can read its token again."""

    token: str
    expires_at: datetime


async def start(
    conn: AsyncConnection, account_id: int, method: str, client: Client, terms: Terms, now: datetime
) -> Opened:
    """Open a session with a token of its own; sessions that are over are cleared away."""
    opened = Opened(token=tokens.fresh(), expires_at=now + terms.longest)
    await store.change(conn, store.FORGET_SESSIONS, {"now": now, "idle": terms.idle})
    row = {
        "token_hash": tokens.hashed(opened.token),
        "account_id": account_id,
        "method": method,
        "now": now,
        "expires_at": opened.expires_at,
        "address": client.address,
        "user_agent": client.user_agent[:USER_AGENT_LENGTH].replace("\0", ""),
    }
    await store.change(conn, store.INSERT_SESSION, row)
    return opened


async def end(conn: AsyncConnection, token_hash: bytes, now: datetime) -> bool:
    """End one session, as its own account wishes; False when it was over already."""
    async with conn.transaction():
        ended = await store.one(conn, store.END_SESSION, {"token_hash": token_hash})
        if ended:
            await store.audit(conn, Change(now=now, actor=ended["name"]), "sign_out", ended["name"], {})
    return ended is not None


async def end_one(conn: AsyncConnection, account_id: int, session_id: int, by: Change) -> None:
    """End one session of an account, from another browser of it; raises `NotFound`."""
    async with conn.transaction():
        row = {"session_id": session_id, "account_id": account_id}
        ended = await store.one(conn, store.END_ONE_SESSION, row)
        if ended is None:
            raise NotFound(f"there is no session {session_id} of this account: it is over")
        await store.audit(conn, by, "sign_out", by.actor, {"address": ended["address"]})


async def end_all(conn: AsyncConnection, account_id: int, kept: bytes = b"") -> int:
    """End all sessions of an account but the one with the hash `kept`; gives how many."""
    return await store.change(conn, store.END_SESSIONS, {"account_id": account_id, "kept": kept})


async def listing(conn: AsyncConnection, name: str, terms: Terms, now: datetime) -> list[dict[str, Any]]:
    """Give the sessions of an account, or all, that are not over; last used first."""
    return await store.rows(conn, store.LIST_SESSIONS, {"name": name, "idle": terms.idle, "now": now})
