"""`citygrid people`: who may sign in, and what each may do where."""

import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from alerts import notation
from core.errors import InvalidInput, NotFound
from people import accounts, grant, keys, password_rule, sessions, sign_in
from people.model import Change
from people.passwords import Passwords
from runtime import settings
from storage.pool import WRITER, connect

app = typer.Typer(no_args_is_help=True, help="Accounts, roles, sessions and API keys.")

Answer = TypeVar("Answer")
Name = Annotated[str, typer.Argument(help="Of the account, as it signs in.")]
AnyName = Annotated[str, typer.Argument(help="Of an account; not given = all.")]
KeyName = Annotated[str, typer.Argument(help="What the key is for; the audit log says `name/this`.")]
Grants = Annotated[
    list[str], typer.Argument(help="`viewer` (the city), `dispatcher@130203` (an area), `inspector@grid:P1`.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    name: Name,
    grants: Annotated[list[str] | None, typer.Option("--grant", help="As for `grant`; may be repeated.")] = None,
    display: Annotated[str, typer.Option(help="What the person is called; not given = the name.")] = "",
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    department: Annotated[int | None, typer.Option(help="For whom somebody with the role department works.")] = None,
    without_password: Annotated[bool, typer.Option("--without-password", help="Signs in by link or OpenID.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add an account. The password is asked for, or read from standard input; it is never an argument.

    Examples: citygrid people add wang --grant admin

    pass show citygrid/li | citygrid people add li --display 李敏 --grant dispatcher@130203 --grant viewer
    """
    if language not in accounts.LANGUAGES:
        raise InvalidInput(f"the language is one of: {', '.join(accounts.LANGUAGES)}")
    given = tuple(grant.parsed(text) for text in grants or ())
    password = None if without_password else _new_password(name, display)

    async def work(conn: AsyncConnection) -> int:
        wish = accounts.Wish(
            name=name,
            display_name=display or name,
            language=language,
            department_id=department,
            password_hash=await Passwords().hashed(password) if password else None,
            grants=given,
        )
        return await accounts.add(conn, wish, _by())

    _run(work)
    _say({"name": accounts.name_of(name), "grants": [str(one) for one in given]}, "added {name}", as_json=as_json)


@app.command(name="list")
def list_accounts(as_json: AsJson = False) -> None:
    """List the accounts with what they are granted. Example: citygrid people list --json."""
    rows = _run(lambda conn: accounts.listing(conn, limit=100_000))
    if as_json:
        print(json.dumps({"items": rows}, ensure_ascii=False, default=_shown, indent=1))
        return
    table = Table("name", "called", "grants", "signs in by", "keys", "seen", "disabled")
    for row in rows:
        ways = [way for way, has in (("password", row["has_password"]), ("OpenID", row["has_oidc"])) if has]
        table.add_row(
            row["name"], row["display_name"], ", ".join(row["grants"]), ", ".join(ways), str(row["keys"]),
            _local(row["used_at"]), _local(row["disabled_at"]),
        )  # fmt: skip
    Console().print(table)


@app.command(name="grant")
def add_grants(name: Name, grants: Grants, as_json: AsJson = False) -> None:
    """Grant roles, in the city or a part of it; holds at once. Example: citygrid people grant li dispatcher@130203."""
    given = [grant.parsed(text) for text in grants]
    _run(lambda conn: accounts.add_grants(conn, name, given, _by()))
    _say({"name": name, "granted": grants}, "granted", as_json=as_json)


@app.command(name="ungrant")
def take_grants(name: Name, grants: Grants, as_json: AsJson = False) -> None:
    """Take roles away; counts at once. Example: citygrid people ungrant li dispatcher@130203."""
    taken = [grant.parsed(text) for text in grants]
    _run(lambda conn: accounts.take_grants(conn, name, taken, _by()))
    _say({"name": name, "taken": grants}, "taken", as_json=as_json)


@app.command()
def disable(name: Name, as_json: AsJson = False) -> None:
    """Let nobody in as this account; its sessions and keys end at once. Example: citygrid people disable li."""
    _run(lambda conn: accounts.disable(conn, name, _by()))
    _say({"name": name, "disabled": True}, "disabled {name}", as_json=as_json)


@app.command()
def enable(name: Name, as_json: AsJson = False) -> None:
    """Let somebody in again. Example: citygrid people enable li."""
    _run(lambda conn: accounts.enable(conn, name, _by()))
    _say({"name": name, "disabled": False}, "enabled {name}", as_json=as_json)


@app.command()
def password(name: Name, as_json: AsJson = False) -> None:
    """Set a password, asked for or from standard input; sessions and keys of the account end.

    Example: citygrid people password li
    """
    fresh = _new_password(name, "")

    async def work(conn: AsyncConnection) -> None:
        await accounts.set_password(conn, name, await Passwords().hashed(fresh), _by())

    _run(work)
    _say({"name": name}, "{name} has a new password", as_json=as_json)


@app.command()
def link(
    name: Name,
    life: Annotated[str, typer.Option("--for", help="How long it may be used: 10m, 1h.")] = "10m",
    as_json: AsJson = False,
) -> None:
    """Give an address that signs a browser in as this account, once. Example: citygrid people link li."""
    span = timedelta(microseconds=notation.duration_us(life))
    token = _run(lambda conn: sign_in.make_link(conn, name, span, datetime.now(UTC)))
    loaded = settings.load()
    address = f"http://{loaded.http_host}:{loaded.http_port}/login?token={token}"
    _say({"name": name, "address": address}, "{address}", as_json=as_json)


@app.command()
def key(
    name: Name,
    key_name: KeyName,
    grants: Annotated[
        list[str] | None, typer.Option("--grant", help="What it may; not given = all the owner may.")
    ] = None,
    life: Annotated[str, typer.Option("--for", help="How long it holds: 90d; not given = until it is revoked.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an API key for a program; it is printed once. Example: citygrid people key li nightly --grant viewer."""
    now = datetime.now(UTC)
    wish = keys.Wish(
        name=key_name,
        grants=tuple(grant.parsed(text) for text in grants) if grants else None,
        expires_at=now + timedelta(microseconds=notation.duration_us(life)) if life else None,
    )
    made = _run(lambda conn: keys.make(conn, accounts.name_of(name), wish, _by()))
    _say({"key_id": made.key_id, "key": made.key}, "{key}", as_json=as_json)


@app.command(name="keys")
def list_keys(
    name: Annotated[str, typer.Argument(help="Of an account; not given = all.")] = "", as_json: AsJson = False
) -> None:
    """List API keys; of a key only its first characters are known. Example: citygrid people keys li."""
    rows = _run(lambda conn: keys.listing(conn, name))
    if as_json:
        print(json.dumps({"items": rows}, ensure_ascii=False, default=_shown, indent=1))
        return
    table = Table("owner", "key", "begins", "grants", "made", "expires", "used")
    for row in rows:
        held = "all the owner's" if row["grants"] is None else ", ".join(row["grants"])
        times = (_local(row[field]) for field in ("created_at", "expires_at", "used_at"))
        table.add_row(row["account"], row["name"], row["prefix"], held, *times)
    Console().print(table)


@app.command()
def revoke(
    name: Name, key_name: Annotated[str, typer.Argument(help="The key's name.")], as_json: AsJson = False
) -> None:
    """Revoke an API key; it counts no longer within two seconds. Example: citygrid people revoke li nightly."""

    async def work(conn: AsyncConnection) -> None:
        known = {row["name"]: row["key_id"] for row in await keys.listing(conn, accounts.name_of(name))}
        if key_name not in known:
            raise NotFound(f"{name} has no key {key_name}")
        await keys.revoke(conn, accounts.name_of(name), known[key_name], _by())

    _run(work)
    _say({"name": name, "revoked": key_name}, "revoked {revoked}", as_json=as_json)


@app.command(name="sessions")
def list_sessions(
    name: AnyName = "",
    end: Annotated[bool, typer.Option("--end", help="End them all.")] = False,
    as_json: AsJson = False,
) -> None:
    """List who is signed in, from where; or end it. Example: citygrid people sessions li --end."""
    terms = settings.load().terms
    if end and not name:
        raise InvalidInput("name the account whose sessions are to end")
    rows = _run(lambda conn: sessions.listing(conn, accounts.name_of(name), terms, datetime.now(UTC)))
    if end:
        _run(lambda conn: accounts.end_sessions(conn, name, _by()))
    if as_json:
        print(json.dumps({"items": rows, "ended": end}, ensure_ascii=False, default=_shown, indent=1))
        return
    table = Table("account", "by", "since", "used", "until", "address", "browser")
    for row in rows:
        times = (_local(row[field]) for field in ("created_at", "used_at", "expires_at"))
        table.add_row(row["name"], row["method"], *times, row["address"], row["user_agent"][:40])
    Console().print(table)
    if end:
        print(f"ended {len(rows)}")


def _run(work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
    async def inside() -> Answer:
        async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
            return await work(conn)

    return asyncio.run(inside())


def _new_password(name: str, display: str) -> str:
    """Ask for a password twice, or take the first line of standard input."""
    if sys.stdin.isatty():
        given = getpass.getpass(f"New password of {name}: ")
        if getpass.getpass("Once more: ") != given:
            raise InvalidInput("the two are not the same")
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    return password_rule.check(given, (name, display))


def _by() -> Change:
    return Change(now=datetime.now(UTC), actor=getpass.getuser())


def _say(facts: dict[str, Any], text: str, *, as_json: bool) -> None:
    print(json.dumps(facts, ensure_ascii=False) if as_json else text.format(**facts))


def _local(at: datetime | None) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at else ""


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
