"""HTTP for one's own account: who I am, my language, my password, my sessions, my keys."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.instant import Instant
from api.people import AtBrowser, GrantShown, GrantText, Known, Shown
from api.routes.session import SignedIn, client_of, give
from api.services import Use
from core.errors import InvalidInput
from people import accounts, grant, keys, password_rule, profile, sessions, sign_in
from people.model import Change, Identity

router = APIRouter(tags=["people"])

Language = Literal["zh", "en"]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=password_rule.LONGEST)]
KeyId = Annotated[int, Path(ge=1, le=2**31 - 1)]
SessionId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Me(BaseModel):
    """Who is signed in."""

    name: str = Field(description="What the audit log and histories call you.")
    display_name: str
    language: Language
    is_program: bool = Field(description="An API key or bearer token, not a person at a browser.")
    grants: list[GrantShown]
    department_id: int | None = Field(description="For whom somebody with the role department works.")
    department_zh: str | None
    department_en: str | None
    has_password: bool
    until: datetime | None = Field(description="When this session or key ends by itself, if it is not used until then.")


class MyChange(BaseModel):
    """What somebody changes of the own account."""

    model_config = ConfigDict(extra="forbid")

    language: Language


class NewPassword(BaseModel):
    """The present password and the new one."""

    model_config = ConfigDict(extra="forbid")

    old: Secret
    new: Secret = Field(description=f"{password_rule.SHORTEST} characters or more, and no common one.")


class KeyWish(BaseModel):
    """An API key for a program."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="What for; shown in the audit log.")
    grants: list[GrantText] | None = Field(
        default=None, max_length=50, description="What it may, within what you may; null = all that you may."
    )
    expires_at: Instant | None = Field(default=None, description="Null = never.")


class Key(BaseModel):
    """An API key, as it is listed."""

    key_id: int
    name: str
    prefix: str = Field(description="How it begins; the rest is stored nowhere.")
    grants: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None = Field(description="To the minute.")


class MadeKey(BaseModel):
    """A new key; this is the only time it is shown."""

    key_id: int
    name: str
    key: str


class Keys(BaseModel):
    """All keys of an account."""

    items: list[Key]


class MySession(BaseModel):
    """A browser in which somebody is signed in."""

    session_id: int
    method: Literal["password", "oidc", "link"]
    created_at: datetime
    used_at: datetime = Field(description="To the minute.")
    expires_at: datetime
    address: str
    user_agent: str
    is_this: bool = Field(description="The one that asks.")


class Sessions(BaseModel):
    """All sessions of an account."""

    items: list[MySession]


@router.get("/me")
async def show_me(services: Use, who: Known) -> Me:
    """Say who is signed in, with which roles, where."""
    return await _me(services, who)


@router.patch("/me")
async def change_me(command: MyChange, services: Use, who: AtBrowser, shown: Shown) -> Me:
    """Change the language of the own account."""
    wanted = accounts.Profile(language=command.language)
    async with services.authenticator.doors.lend() as conn:
        await accounts.change(conn, who.account, wanted, Change(now=services.clock(), actor=who.name))
    if shown:
        services.authenticator.forget(shown)
    return await _me(services, who)


@router.put("/me/password")
async def change_password(
    command: NewPassword, request: Request, response: Response, services: Use, who: AtBrowser
) -> SignedIn:
    """Set a new password; every session and key of the account ends, and this browser gets a new session."""
    doors = services.authenticator.doors
    fresh = password_rule.check(command.new.get_secret_value(), (who.account, who.display_name))
    if command.old.get_secret_value() == command.new.get_secret_value():
        raise InvalidInput("the new password is the old one")
    opened = await sign_in.change_password(
        doors, who.account, command.old.get_secret_value(), fresh, client_of(request), services.clock()
    )
    services.authenticator.forget_all()
    give(request, response, services, opened)
    return SignedIn(until=opened.expires_at)


@router.get("/me/sessions")
async def list_my_sessions(services: Use, who: Known) -> Sessions:
    """List where the own account is signed in, last used first."""
    doors = services.authenticator.doors
    async with doors.lend() as conn:
        found = await sessions.listing(conn, who.account, doors.terms, services.clock())
    items = [MySession.model_validate({**row, "is_this": row["session_id"] == who.session_id}) for row in found]
    return Sessions(items=items)


@router.delete("/me/sessions/{session_id}")
async def end_my_session(session_id: SessionId, services: Use, who: AtBrowser) -> Sessions:
    """Sign out elsewhere: that browser is let in no more at once here, within two seconds at other processes."""
    async with services.authenticator.doors.lend() as conn:
        await sessions.end_one(conn, who.account_id, session_id, Change(now=services.clock(), actor=who.name))
    services.authenticator.forget_all()
    return await list_my_sessions(services, who)


@router.get("/api-keys")
async def list_keys(services: Use, who: Known) -> Keys:
    """List the keys of the own account."""
    async with services.authenticator.doors.lend() as conn:
        found = await keys.listing(conn, who.account)
    return Keys(items=[Key.model_validate(row) for row in found])


@router.post("/api-keys")
async def make_key(command: KeyWish, response: Response, services: Use, who: AtBrowser) -> MadeKey:
    """Make a key for a program: `Authorization: Bearer cg_...`. It acts as `you/name` and never beyond what you may."""
    now = services.clock()
    if command.expires_at and command.expires_at <= now:
        raise InvalidInput("expires_at: is over already")
    wish = keys.Wish(
        name=command.name,
        grants=None if command.grants is None else tuple(grant.parsed(text) for text in command.grants),
        expires_at=command.expires_at,
    )
    async with services.authenticator.doors.lend() as conn:
        made = await keys.make(conn, who.account, wish, Change(now=now, actor=who.name))
    response.headers["Cache-Control"] = "no-store"
    return MadeKey(key_id=made.key_id, name=command.name, key=made.key)


@router.delete("/api-keys/{key_id}")
async def revoke_key(key_id: KeyId, services: Use, who: AtBrowser) -> Keys:
    """Revoke a key; it counts no longer at once here, within two seconds at other processes of the API."""
    async with services.authenticator.doors.lend() as conn:
        await keys.revoke(conn, who.account, key_id, Change(now=services.clock(), actor=who.name))
    services.authenticator.forget_all()
    return await list_keys(services, who)


async def _me(services: Use, who: Identity) -> Me:
    async with services.authenticator.doors.lend() as conn:
        own = await profile.own(conn, who.account_id)
        names = await profile.places(conn, who.grants)
    return Me.model_validate(
        {
            **own,
            "name": who.name,
            "is_program": who.is_program,
            "grants": [GrantShown.of(held, names) for held in who.grants],
            "until": who.ends_at,
        }
    )
