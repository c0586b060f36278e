"""Use cases of signing in at the OpenID provider: a question with state, nonce and PKCE; an answer; an account."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import AsyncConnection

from core.errors import Conflict, NotFound, NotSignedIn
from people import account_sql, accounts, sign_in, store, tokens
from people.grant import of_rows
from people.model import Change, Client, Identity
from people.oidc import REFUSED, Provider
from people.oidc_terms import Claimed, claimed, other_name
from people.sessions import Opened
from people.sign_in import Doors

ANSWER_WITHIN = timedelta(minutes=10)
ACTOR = "oidc"
_CLEAR = "DELETE FROM oidc_attempt WHERE expires_at < %(now)s"
_INSERT = """
INSERT INTO oidc_attempt (state_hash, nonce, verifier, return_to, expires_at)
VALUES (%(state_hash)s, %(nonce)s, %(verifier)s, %(return_to)s, %(expires_at)s)
"""
_TAKE = """
DELETE FROM oidc_attempt WHERE state_hash = %(state_hash)s
RETURNING nonce, verifier, return_to, expires_at > %(now)s AS is_good
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Where the browser is sent, and the state by which it must come back."""

    address: str
    state: str


async def ask(doors: Doors, provider: Provider, *, redirect_uri: str, return_to: str, now: datetime) -> Question:
    """Begin a sign-in; nonce and verifier stay here."""
    state, nonce, verifier = tokens.fresh(), tokens.fresh(), tokens.fresh()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    address = await provider.address(redirect_uri=redirect_uri, state=state, nonce=nonce, challenge=challenge)
    row = {
        "state_hash": tokens.hashed(state), "nonce": nonce, "verifier": verifier, "return_to": return_to,
        "expires_at": now + ANSWER_WITHIN, "now": now,
    }  # fmt: skip
    async with doors.lend() as conn:
        await store.change(conn, _CLEAR, row)
        await store.change(conn, _INSERT, row)
    return Question(address=address, state=state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """With what the browser came back."""

    state: str
    code: str
    redirect_uri: str


async def answered(
    doors: Doors, provider: Provider, answer: Answer, client: Client, now: datetime
) -> tuple[Opened, str]:
    """Open a session for whom the provider vouches, and give the page to go back to; raises `NotSignedIn`."""
    async with doors.lend() as conn:
        taken = await store.one(conn, _TAKE, {"state_hash": tokens.hashed(answer.state), "now": now})
    if not taken or not taken["is_good"]:
        raise NotSignedIn(f"{REFUSED}: it was not asked for, or too long ago")
    token = await provider.redeem(code=answer.code, verifier=taken["verifier"], redirect_uri=answer.redirect_uri)
    who = claimed(provider.terms, await provider.id_claims(token, taken["nonce"], now.timestamp()))
    async with doors.lend() as conn, conn.transaction():
        account_id, name = await _account(conn, who, now)
        opened = await sign_in.welcomed(conn, account_id, name, "oidc", client, doors.terms, now)
    return opened, taken["return_to"]


async def bearer(doors: Doors, provider: Provider, token: str, now: datetime) -> Identity | None:
    """Give whose access token this is; None when it is not genuine, not for us, or its account is disabled."""
    try:
        who = claimed(provider.terms, await provider.access_claims(token, now.timestamp()))
        async with doors.lend() as conn, conn.transaction():
            account_id, name = await _account(conn, who, now)
            own = await store.one(conn, account_sql.IDENTITY, {"account_id": account_id})
    except (NotSignedIn, NotFound, Conflict):  # not genuine, disabled, or granted a place that does not exist
        return None
    assert own is not None
    return Identity(
        account_id=account_id,
        account=name,
        display_name=own["display_name"],
        language=own["language"],
        grants=of_rows(own["grants"]),
        department_id=own["department_id"],
        used_at=now,
        ends_at=datetime.fromtimestamp(who.ends_at_s, UTC),
        is_program=True,
    )


async def _account(conn: AsyncConnection, who: Claimed, now: datetime) -> tuple[int, str]:
    """Find, or make, the account of somebody the provider vouches for, and let it hold what the provider says."""
    by = Change(now=now, actor=ACTOR)
    subject = {"issuer": who.issuer, "subject": who.subject}
    found = await store.one(conn, account_sql.FIND_SUBJECT, subject)
    if found is None:
        await _add(conn, who, by)
        found = await store.one(conn, account_sql.FIND_SUBJECT, subject)
        assert found is not None
    if found["disabled_at"]:
        raise NotSignedIn("This account is disabled.")
    if who.grants is not None:
        await accounts.set_grants(conn, found["name"], who.grants, by)
    return found["account_id"], found["name"]


async def _add(conn: AsyncConnection, who: Claimed, by: Change) -> None:
    for name in (who.name, other_name(who)):
        wish = accounts.Wish(name=name, display_name=who.display_name, oidc_issuer=who.issuer, oidc_subject=who.subject)
        try:
            await accounts.add(conn, wish, by)
        except Conflict:
            continue  # the name is somebody else's, or another process was quicker
        return
