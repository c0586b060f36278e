"""How a request becomes a person: by the cookie of a session, an API key, or a bearer token of the OpenID provider.

What was found is kept for `KEPT_S`: a busy client costs one small indexed query every two seconds, and a session
or key that is ended counts no longer than that (in the process that ends it, from at once).
"""

import asyncio
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from fastapi import Request
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.requests import HTTPConnection

from api.access import PUBLIC, WHO
from api.memo import Memo
from api.principal import Kind, Principal
from people import elsewhere, identities, tokens
from people.model import Identity
from people.oidc import Provider
from people.sign_in import Doors

KEPT_S = 2.0
KEPT_BYTES = 2 * 1024 * 1024
"""About eight thousand sessions and keys."""
COOKIE = "citygrid_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Over https: a browser takes a cookie of that prefix from this host only, never from a page of a neighbour."""
TOKEN_LENGTH = 200
_JWT_DOTS = 2


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request shows, by its hash."""

    kind: Literal["session", "key", "token"]
    token_hash: bytes
    token: str = field(default="", repr=False, compare=False)
    """Of a bearer token the whole: it proves itself by its signature."""


class Authenticator:
    """Finds whose a credential is."""

    def __init__(
        self,
        doors: Doors,
        clock: Callable[[], datetime],
        *,
        provider: Provider | None = None,
        always_secure: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.doors = doors
        self.provider = provider
        self.always_secure = always_secure
        """Whether the cookie is for https only although requests come by http: behind a proxy that does not say so."""
        self._clock = clock
        self._monotonic = monotonic
        self._kept = Memo(KEPT_BYTES, monotonic)
        self._watched: dict[object, tuple[Credential, Identity, Callable[[], None]]] = {}

    async def identify(self, credential: Credential) -> Identity | None:
        """Give who shows a credential, None when it lets nobody in (any more)."""
        identity = await self._kept.get(credential, KEPT_S, lambda: self._find(credential))
        if identity and identity.ends_at and identity.ends_at <= self._clock():
            return None
        return identity

    async def standing(self, credentials: Iterable[Credential]) -> Mapping[Credential, Identity]:
        """Give who shows which credential now, without what is kept; those that let nobody in are left out."""
        shown = list(credentials)
        sessions = {item.token_hash: item for item in shown if item.kind == "session"}
        keys = {item.token_hash: item for item in shown if item.kind == "key"}
        now = self._clock()
        async with self.doors.lend() as conn:
            by_session = await identities.of_sessions(conn, sessions, self.doors.terms, now) if sessions else {}
            by_key = await identities.of_keys(conn, keys, now) if keys else {}
        standing = {sessions[token]: who for token, who in by_session.items()}
        standing |= {keys[token]: who for token, who in by_key.items()}
        for item in shown:
            if item.kind == "token" and (who := await self._find(item)):
                standing[item] = who
        return standing

    @contextmanager
    def watching(self, request: Request, end: Callable[[], None]) -> Generator[None]:
        """Within the block call `end` soon after what was shown lets nobody in any more, or is granted otherwise."""
        key = object()
        if request.state.credential and request.state.identity:
            self._watched[key] = (request.state.credential, request.state.identity, end)
        try:
            yield
        finally:
            self._watched.pop(key, None)

    async def keep_ending(self) -> None:
        """Look every `KEPT_S` at what is watched; while no database answers, nothing new is streamed either."""
        while True:
            await asyncio.sleep(KEPT_S)
            with suppress(OperationalError, PoolTimeout):
                await self.end_what_is_over()

    async def end_what_is_over(self) -> None:
        """Look once at all that is watched: one query for sessions, one for keys, however many there are."""
        watched = tuple(self._watched.values())
        if not watched:
            return
        standing = await self.standing({credential for credential, _, _ in watched})
        for credential, identity, end in watched:
            now = standing.get(credential)
            if now is None or now.grants != identity.grants:
                self.forget(credential)
                end()

    def forget(self, credential: Credential) -> None:
        """Forget what was found for a credential: it was just ended."""
        self._kept.forget(credential)

    def forget_all(self) -> None:
        """Forget what was found for everybody: somebody's sessions and keys ended, and which they were is not known."""
        self._kept = Memo(KEPT_BYTES, self._monotonic)

    async def _find(self, credential: Credential) -> Identity | None:
        now = self._clock()
        token_hash = credential.token_hash
        if credential.kind == "token":
            return await elsewhere.bearer(self.doors, self.provider, credential.token, now) if self.provider else None
        async with self.doors.lend() as conn:
            if credential.kind == "session":
                found = await identities.of_sessions(conn, (token_hash,), self.doors.terms, now)
            else:
                found = await identities.of_keys(conn, (token_hash,), now)
            identity = found.get(token_hash)
            if identity:
                await identities.note_use(conn, identity, now)
        return identity


def credential_of(request: HTTPConnection) -> Credential | None:
    """Give what a request shows; a key goes before a cookie."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return session_of(request)
    bearer = bearer.strip()
    if bearer.startswith(tokens.KEY_PREFIX):
        return _credential("key", bearer)
    return Credential("token", tokens.hashed(bearer), bearer) if bearer.count(".") == _JWT_DOTS else None


def session_of(request: HTTPConnection) -> Credential | None:
    """Give the session a browser shows."""
    return _credential("session", request.cookies.get(SECURE_COOKIE) or request.cookies.get(COOKIE, ""))


def _credential(kind: Literal["session", "key"], token: str) -> Credential | None:
    return Credential(kind, tokens.hashed(token)) if 0 < len(token) <= TOKEN_LENGTH else None


async def authenticate(request: Request) -> None:
    """Find who asks and keep it with the request; app-wide, before `api.access.admit`. Public operations ask nobody."""
    if WHO.get(getattr(request.scope.get("route"), "name", ""), frozenset()) is PUBLIC:
        return
    authenticator: Authenticator = request.app.state.services.authenticator
    credential = credential_of(request)
    identity = await authenticator.identify(credential) if credential else None
    request.state.credential = credential
    request.state.identity = identity
    request.state.principal = principal(identity) if identity else None


def principal(identity: Identity) -> Principal:
    """Give an identity as the rest of the API knows it."""
    return Principal(
        name=identity.name,
        kind=Kind.KEY if identity.is_program else Kind.PERSON,
        grants=identity.grants,
        department_id=identity.department_id,
        display_name=identity.display_name,
    )
