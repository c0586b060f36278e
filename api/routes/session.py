"""HTTP for signing in and out: by password, or by a link that works once."""

from datetime import datetime

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.authentication import session_of
from api.cookies import clear_session, set_session
from api.routes.silences import NO_NUL
from api.services import Services, Use
from core.errors import InvalidInput
from people import sessions, sign_in
from people.model import Client
from people.password_rule import LONGEST
from people.sessions import Opened

router = APIRouter(tags=["people"])


class SignIn(BaseModel):
    """Who signs in: a name and password, or the token of a link."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=64, pattern=NO_NUL)
    password: SecretStr | None = Field(default=None, min_length=1, max_length=LONGEST)
    token: SecretStr | None = Field(default=None, min_length=1, max_length=200, description="Of a link; works once.")


class SignedIn(BaseModel):
    """The session that was opened is in the cookie."""

    until: datetime = Field(description="When it ends, however much it is used.")


class SignedOut(BaseModel):
    """The session is over."""

    was_signed_in: bool


class Ways(BaseModel):
    """How somebody may sign in here."""

    password: bool
    openid: str | None = Field(description="Name of the OpenID provider; null = none is configured.")
    signed_in: str | None = Field(description="Who is signed in at this browser already.")


@router.get("/session")
async def show_ways_in(request: Request, response: Response, services: Use) -> Ways:
    """Say how somebody may sign in, and who has."""
    provider = services.authenticator.provider
    shown = session_of(request)
    who = await services.authenticator.identify(shown) if shown else None
    response.headers["Cache-Control"] = "no-store"
    return Ways(password=True, openid=provider.title if provider else None, signed_in=who.account if who else None)


@router.post("/session")
async def open_session(command: SignIn, request: Request, response: Response, services: Use) -> SignedIn:
    """Sign in; the answer sets the session's cookie.

    An unknown name, a wrong password and a disabled account are answered alike (401); after several failures 429 says
    how long to wait. A session the browser had before ends.
    """
    client = client_of(request)
    doors = services.authenticator.doors
    now = services.clock()
    if command.token and not command.name:
        opened = await sign_in.by_link(doors, command.token.get_secret_value(), client, now)
    elif command.name and command.password and not command.token:
        opened = await sign_in.by_password(doors, command.name, command.password.get_secret_value(), client, now)
    else:
        raise InvalidInput("send a name and a password, or a token")
    await _end(request, services)
    give(request, response, services, opened)
    return SignedIn(until=opened.expires_at)


@router.delete("/session")
async def end_session(request: Request, response: Response, services: Use) -> SignedOut:
    """Sign out: the session ends at once, and the live streams it opened within seconds."""
    ended = await _end(request, services)
    clear_session(request, response)
    return SignedOut(was_signed_in=ended)


def client_of(request: Request) -> Client:
    """Give from where a request comes."""
    address = request.client.host if request.client else ""
    return Client(address=address, user_agent=request.headers.get("user-agent", ""))


def give(request: Request, response: Response, services: Services, opened: Opened) -> None:
    """Put a session into the answer's cookie; nobody keeps the answer."""
    set_session(request, response, opened.token, opened.expires_at, services.clock())
    response.headers["Cache-Control"] = "no-store"


async def _end(request: Request, services: Services) -> bool:
    """End the session that the browser shows, if it is one."""
    shown = session_of(request)
    if shown is None:
        return False
    async with services.authenticator.doors.lend() as conn:
        ended = await sessions.end(conn, shown.token_hash, services.clock())
    services.authenticator.forget(shown)
    return ended
