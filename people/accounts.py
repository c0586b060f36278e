"""Use cases of accounts: added, granted, disabled, given a password. Each writes the audit log with it.

What takes rights away ends sessions and keys in the same transaction; one administrator of the whole city stays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from core.errors import Conflict, InvalidInput, NotFound
from people import account_sql, grant, sessions, store
from people.grant import Grant, Role
from people.model import Change
from storage.locks import ADMINISTRATORS

LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An account to be added."""

    name: str
    display_name: str
    language: str = "zh"
    department_id: int | None = None
    password_hash: str | None = None
    grants: tuple[Grant, ...] = ()
    oidc_issuer: str | None = None
    oidc_subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is changed of an account; None = it stays."""

    display_name: str | None = None
    language: str | None = None
    department_id: int | None = None
    without_department: bool = False


def name_of(text: str) -> str:
    """Give the name of an account as it is stored: names differ by more than capitals."""
    return text.strip().lower()


async def add(conn: AsyncConnection, wish: Wish, by: Change) -> int:
    """Add an account and give its number; raises `Conflict` when the name is taken, `InvalidInput`, `NotFound`."""
    async with conn.transaction():
        await _check_department(conn, wish.department_id)
        name = name_of(wish.name)
        row = {
            "name": name, "display_name": wish.display_name, "language": wish.language,
            "department_id": wish.department_id, "password_hash": wish.password_hash, "now": by.now,
            "actor": by.actor, "oidc_issuer": wish.oidc_issuer, "oidc_subject": wish.oidc_subject,
        }  # fmt: skip
        added = await store.one(conn, account_sql.INSERT, row)
        if added is None:
            raise Conflict(f"there is an account {name} already")
        for given in wish.grants:
            await _grant(conn, added["account_id"], given, by)
        detail = {"grants": [str(given) for given in wish.grants]}
        await store.audit(conn, by, "account.add", name, detail)
    return added["account_id"]


async def change(conn: AsyncConnection, name: str, profile: Profile, by: Change) -> None:
    """Change what an account is called, its language or its department; raises `NotFound`."""
    async with conn.transaction():
        before = await _locked(conn, name)
        await _check_department(conn, profile.department_id)
        fields = ("display_name", "language", "department_id")
        wanted = {field: getattr(profile, field) for field in fields if getattr(profile, field) is not None}
        if profile.without_department:
            wanted["department_id"] = None
        detail = {
            field: {"before": before[field], "after": value}
            for field, value in wanted.items()
            if value != before[field]
        }
        if detail:
            await store.change(conn, account_sql.UPDATE, {**before, **wanted})
            await store.audit(conn, by, "account.change", before["name"], detail)


async def set_grants(conn: AsyncConnection, name: str, wanted: Sequence[Grant], by: Change) -> None:
    """Let an account hold exactly these grants; raises `Conflict` when nobody would administer any more."""
    async with conn.transaction():
        account = await _locked(conn, name)
        rows = await store.rows(conn, account_sql.GRANTS, account)
        held = grant.of_rows((row["role"], row["area_code"], row["patrol_grid"]) for row in rows)
        await _change_grants(
            conn, account, [one for one in wanted if one not in held], [one for one in held if one not in wanted], by
        )


async def add_grants(conn: AsyncConnection, name: str, wanted: Iterable[Grant], by: Change) -> None:
    """Grant more to an account."""
    async with conn.transaction():
        await _change_grants(conn, await _locked(conn, name), list(wanted), [], by)


async def take_grants(conn: AsyncConnection, name: str, unwanted: Iterable[Grant], by: Change) -> None:
    """Take grants from an account; raises `NotFound` for one it does not hold."""
    async with conn.transaction():
        await _change_grants(conn, await _locked(conn, name), [], list(unwanted), by)


async def disable(conn: AsyncConnection, name: str, by: Change) -> None:
    """Let nobody in as this account any more, from now; its history stays."""
    async with conn.transaction():
        account = await _locked(conn, name)
        await _keep_an_administrator(conn, account)
        await store.change(conn, account_sql.SET_DISABLED, {**account, "disabled_at": by.now})
        await end_everything(conn, account["account_id"], by)
        await store.audit(conn, by, "account.disable", account["name"], {})


async def enable(conn: AsyncConnection, name: str, by: Change) -> None:
    """Let somebody in again; sessions and keys that ended stay ended."""
    async with conn.transaction():
        account = await _locked(conn, name)
        await store.change(conn, account_sql.SET_DISABLED, {**account, "disabled_at": None})
        await store.audit(conn, by, "account.enable", account["name"], {})


async def set_password(conn: AsyncConnection, name: str, password_hash: str, by: Change) -> int:
    """Set a password; all sessions and keys of the account end. Gives the account's number."""
    async with conn.transaction():
        account = await _locked(conn, name)
        await store.change(conn, account_sql.NEW_HASH, {**account, "password_hash": password_hash, "now": by.now})
        await end_everything(conn, account["account_id"], by)
        await store.audit(conn, by, "account.password", account["name"], {})
    return account["account_id"]


async def end_sessions(conn: AsyncConnection, name: str, by: Change) -> None:
    """End all sessions of an account; its keys stay."""
    async with conn.transaction():
        account = await _locked(conn, name)
        ended = await sessions.end_all(conn, account["account_id"])
        await store.audit(conn, by, "account.sessions", account["name"], {"ended": ended})


async def end_everything(conn: AsyncConnection, account_id: int, by: Change) -> None:
    """End all sessions, keys and links of an account."""
    await sessions.end_all(conn, account_id)
    await store.change(conn, store.REVOKE_KEYS, {"account_id": account_id, "now": by.now})
    await store.change(conn, account_sql.END_LINKS, {"account_id": account_id})


async def listing(
    conn: AsyncConnection, *, name: str = "", part: str = "", after: str = "", limit: int = 100
) -> list[dict[str, Any]]:
    """Give accounts by name, with their grants; `part` is in a name or in what somebody is called. No hashes."""
    given = {"name": name, "part": part, "after": after, "limit": limit}
    found = await store.rows(conn, account_sql.LIST, given)
    return [{**row, "grants": [str(one) for one in grant.of_rows(row["grants"])]} for row in found]


async def exist(conn: AsyncConnection) -> bool:
    """Whether there is any account yet."""
    row = await store.one(conn, account_sql.ANY_ACCOUNT, {})
    return bool(row and row["there"])


async def _locked(conn: AsyncConnection, name: str) -> dict[str, Any]:
    found = await store.one(conn, account_sql.LOCK, {"name": name_of(name)})
    if found is None:
        raise NotFound(f"there is no account {name_of(name)}")
    return found


async def _change_grants(
    conn: AsyncConnection, account: dict[str, Any], more: Sequence[Grant], fewer: Sequence[Grant], by: Change
) -> None:
    for given in more:
        await _grant(conn, account["account_id"], given, by)
    for taken in fewer:
        if taken == Grant(role=Role.ADMIN):
            await _keep_an_administrator(conn, account)
        if not await store.change(conn, account_sql.UNGRANT, _row(account["account_id"], taken)):
            raise NotFound(f"{account['name']} does not hold {taken}")
    if more or fewer:
        detail = {"granted": [str(one) for one in more], "taken": [str(one) for one in fewer]}
        await store.audit(conn, by, "account.grants", account["name"], detail)


async def _grant(conn: AsyncConnection, account_id: int, given: Grant, by: Change) -> None:
    row = {**_row(account_id, given), "now": by.now, "actor": by.actor}
    place = await store.one(conn, account_sql.PLACE_EXISTS, row)
    if not place or not place["there"]:
        raise NotFound(f"{given}: there is no such area or patrol grid")
    await store.change(conn, account_sql.GRANT, row)


async def _keep_an_administrator(conn: AsyncConnection, account: dict[str, Any]) -> None:
    """Raise `Conflict` when this account is the only one left that administers the whole city."""
    await conn.execute(account_sql.LOCK_ADMINS.encode(), {"lock": ADMINISTRATORS})
    rows = await store.rows(conn, account_sql.GRANTS, account)
    held = grant.of_rows((row["role"], row["area_code"], row["patrol_grid"]) for row in rows)
    others = await store.one(conn, account_sql.ADMINS, account)
    if Grant(role=Role.ADMIN) in held and account["disabled_at"] is None and not (others and others["others"]):
        raise Conflict(f"{account['name']} is the last administrator: make another one first")


async def _check_department(conn: AsyncConnection, department_id: int | None) -> None:
    if department_id is None:
        return
    found = await store.one(conn, account_sql.DEPARTMENT_EXISTS, {"department_id": department_id})
    if not found or not found["there"]:
        raise InvalidInput(f"there is no department {department_id}")


def _row(account_id: int, given: Grant) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "role": given.role.value,
        "area_code": given.area_code,
        "patrol_grid": given.patrol_grid,
    }
