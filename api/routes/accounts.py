"""HTTP for administrators: accounts, what they are granted, their sessions and keys. The log is `api.routes.audit`."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api import paging
from api.paging import Cursor, Limit, Page
from api.people import Administrator, GrantText
from api.routes.me import Key, Keys
from api.services import Services, Use
from core.errors import NotFound
from people import accounts, grant, keys, password_rule

router = APIRouter(tags=["people"])

NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
AccountName = Annotated[str, Path(pattern=NAME)]
Language = Literal["zh", "en"]
Shown = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*\S[^\x00]*$")]
Department = Annotated[int, Field(ge=1, le=2**31 - 1)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=password_rule.LONGEST)]
KeyName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Part = Annotated[
    str | None,
    Query(min_length=1, max_length=100, pattern=r"^[^\x00]*$", description="In the name, or in what they are called."),
]


class AccountWish(BaseModel):
    """An account to be added."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=NAME, description="To sign in with; capitals do not count.")]
    display_name: Shown
    language: Language = "zh"
    department_id: Department | None = None
    password: Secret | None = Field(default=None, description="Null = signs in by OpenID Connect only.")
    grants: list[GrantText] = Field(default=[], max_length=50)


class AccountChange(BaseModel):
    """What is changed of an account; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    display_name: Shown | None = None
    language: Language | None = None
    department_id: Department | None = Field(default=None, description="Null, where it is given, = none any more.")
    password: Secret | None = Field(default=None, description="A new one; every session and key of the account ends.")
    disabled: bool | None = Field(default=None, description="True ends every session and key at once.")
    grants: list[GrantText] | None = Field(default=None, max_length=50, description="All it is to hold from now on.")


class Account(BaseModel):
    """An account."""

    name: str
    display_name: str
    language: Language
    department_id: int | None
    grants: list[str]
    has_password: bool
    has_oidc: bool = Field(description="Signs in by OpenID Connect.")
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    used_at: datetime | None = Field(description="When a browser was last seen, to the minute.")
    keys: int = Field(description="API keys in force.")


class AccountKey(Key):
    """An API key, and whose."""

    account: str


@router.get("/accounts")
async def list_accounts(
    services: Use, by: Administrator, *, q: Part = None, limit: Limit = 100, cursor: Cursor = None
) -> Page[Account]:
    """List accounts by name."""
    del by
    (after,) = paging.decode("accounts", cursor, tuple[str]) if cursor else ("",)
    async with services.authenticator.doors.lend() as conn:
        rows = await accounts.listing(conn, part=q or "", after=after, limit=limit + 1)
    items = [Account.model_validate(row) for row in rows[:limit]]
    return Page(items=items, next=paging.encode("accounts", [items[-1].name]) if len(rows) > limit else None)


@router.post("/accounts")
async def add_account(command: AccountWish, services: Use, by: Administrator) -> Account:
    """Add an account."""
    wish = accounts.Wish(
        name=command.name,
        display_name=command.display_name,
        language=command.language,
        department_id=command.department_id,
        password_hash=await _hash(services, command.password, (command.name, command.display_name)),
        grants=tuple(grant.parsed(text) for text in command.grants),
    )
    async with services.authenticator.doors.lend() as conn:
        await accounts.add(conn, wish, by)
    return await _account(services, command.name)


@router.get("/accounts/{name}")
async def show_account(name: AccountName, services: Use, by: Administrator) -> Account:
    """Show an account."""
    del by
    return await _account(services, name)


@router.patch("/accounts/{name}")
async def change_account(name: AccountName, command: AccountChange, services: Use, by: Administrator) -> Account:
    """Change an account, what it is granted, its password; disable or enable it. All of it, or nothing.

    One administrator of the whole city stays: taking that from the last one is a conflict.
    """
    fresh = await _hash(services, command.password, (name, command.display_name or ""))
    no_department = "department_id" in command.model_fields_set and command.department_id is None
    async with services.authenticator.doors.lend() as conn, conn.transaction():
        if command.display_name or command.language or command.department_id or no_department:
            wanted = accounts.Profile(
                display_name=command.display_name, language=command.language, department_id=command.department_id,
                without_department=no_department,
            )  # fmt: skip
            await accounts.change(conn, name, wanted, by)
        if command.grants is not None:
            await accounts.set_grants(conn, name, [grant.parsed(text) for text in command.grants], by)
        if fresh:
            await accounts.set_password(conn, name, fresh, by)
        if command.disabled is not None:
            await (accounts.disable if command.disabled else accounts.enable)(conn, name, by)
    services.authenticator.forget_all()
    return await _account(services, name)


@router.delete("/accounts/{name}/sessions")
async def end_account_sessions(name: AccountName, services: Use, by: Administrator) -> Account:
    """Sign an account out everywhere, at once; its API keys stay."""
    async with services.authenticator.doors.lend() as conn:
        await accounts.end_sessions(conn, name, by)
    services.authenticator.forget_all()
    return await _account(services, name)


@router.get("/account-keys")
async def list_account_keys(
    services: Use,
    by: Administrator,
    *,
    account: Annotated[str | None, Query(pattern=NAME, description="Not given = everybody's.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[AccountKey]:
    """List the API keys in force, by account and name."""
    del by
    after = paging.decode("account keys", cursor, tuple[str, str]) if cursor else ("", "")
    async with services.authenticator.doors.lend() as conn:
        rows = await keys.listing(conn, accounts.name_of(account or ""), after=after, limit=limit + 1)
    items = [AccountKey.model_validate(row) for row in rows[:limit]]
    last = [items[-1].account, items[-1].name] if items else []
    return Page(items=items, next=paging.encode("account keys", last) if len(rows) > limit else None)


@router.delete("/accounts/{name}/api-keys/{key}")
async def revoke_account_key(name: AccountName, key: KeyName, services: Use, by: Administrator) -> Keys:
    """Revoke a key of somebody, by its name; gives those that are left."""
    owner = accounts.name_of(name)
    async with services.authenticator.doors.lend() as conn:
        await keys.revoke_named(conn, owner, key, by)
        left = await keys.listing(conn, owner)
    services.authenticator.forget_all()
    return Keys(items=[Key.model_validate(row) for row in left])


async def _account(services: Services, name: str) -> Account:
    async with services.authenticator.doors.lend() as conn:
        rows = await accounts.listing(conn, name=accounts.name_of(name), limit=1)
    if not rows:
        raise NotFound(f"there is no account {accounts.name_of(name)}")
    return Account.model_validate(rows[0])


async def _hash(services: Services, password: SecretStr | None, names: tuple[str, ...]) -> str | None:
    if password is None:
        return None
    checked = password_rule.check(password.get_secret_value(), names)
    return await services.authenticator.doors.passwords.hashed(checked)
