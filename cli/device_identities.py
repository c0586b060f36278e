"""`citygrid devices credentials` and `citygrid devices gateways`: who may connect to the broker as what."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from core.errors import InvalidInput
from devices import gateways as gateway_cases
from devices import identities
from devices.identities import Change, Holder, Issued
from runtime import rulebooks, settings
from storage.pool import WRITER, connect

credentials = typer.Typer(no_args_is_help=True, help="Identities at the broker: issue, rotate, revoke, list.")
gateways = typer.Typer(no_args_is_help=True, help="Gateways, and the devices they publish for.")

ACTOR = "command line"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Labels = Annotated[list[str] | None, typer.Argument(help="Labels of devices.")]
Gateway = Annotated[str, typer.Option(help="A gateway instead of devices.")]
Listed = Annotated[Path | None, typer.Option("--file", help="A text file of labels, one a line.")]


@credentials.command()
def issue(labels: Labels = None, gateway: Gateway = "", file: Listed = None, as_json: AsJson = False) -> None:
    """Give devices or a gateway a user name and a password, which is shown now and never again.

    Example: citygrid devices credentials issue MC-000123

    Example: citygrid devices credentials issue --file labels.txt --json > passwords.json
    """
    _show(_each(identities.issue, _holders(labels, gateway, file)), as_json=as_json)


@credentials.command()
def rotate(labels: Labels = None, gateway: Gateway = "", file: Listed = None, as_json: AsJson = False) -> None:
    """Give a new password in place of the old one, which no longer counts within seconds.

    Example: citygrid devices credentials rotate MC-000123
    """
    _show(_each(identities.rotate, _holders(labels, gateway, file)), as_json=as_json)


@credentials.command()
def revoke(labels: Labels = None, gateway: Gateway = "", file: Listed = None, as_json: AsJson = False) -> None:
    """End identities and their certificates; a live connection of theirs ends within seconds.

    Example: citygrid devices credentials revoke --gateway GW-7
    """
    holders = _holders(labels, gateway, file)

    async def work(conn: AsyncConnection) -> None:
        for holder in holders:
            await identities.revoke(conn, holder, _now())

    run(work)
    revoked = [holder.label for holder in holders]
    print(json.dumps({"revoked": revoked}) if as_json else f"revoked: {', '.join(revoked)}")


@credentials.command(name="list")
def list_identities(
    label: Annotated[str, typer.Argument(help="Only of this label, with those revoked.")] = "",
    gateway: Gateway = "",
    after: Annotated[str, typer.Option(help="Go on after this label.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List who has an identity; passwords are nowhere. Example: citygrid devices credentials list MC-000123."""
    rows = run(lambda conn: identities.listing(conn, label=label or gateway, after=after, limit=limit))
    table(rows, "nobody has an identity: `citygrid devices credentials issue LABEL`", as_json=as_json)


@gateways.command()
def add(
    label: Annotated[str, typer.Argument(help="What the sticker says.")],
    district: Annotated[str, typer.Option(help="Six digits.")],
) -> None:
    """Register a gateway. Example: citygrid devices gateways add GW-7 --district 130203."""
    run(lambda conn: gateway_cases.add(conn, label, district, _now()))
    print(f"gateway {label} is registered; list its devices: citygrid devices gateways assign {label} LABEL ...")


@gateways.command()
def assign(
    gateway: Annotated[str, typer.Argument(help="The gateway, or `none` to take devices from theirs.")],
    labels: Labels = None,
    file: Listed = None,
) -> None:
    """List devices under a gateway, which may publish for them. Example: citygrid devices gateways assign GW-7 MC-1.

    A device is listed under one gateway at most.
    """
    named = [holder.label for holder in _holders(labels, "", file)]
    run(lambda conn: gateway_cases.assign(conn, "" if gateway == "none" else gateway, named, _now()))
    print(f"{len(named)} devices are listed under {gateway}")


@gateways.command(name="list")
def list_gateways(as_json: AsJson = False) -> None:
    """List gateways with their devices. Example: citygrid devices gateways list --json."""
    rows = run(gateway_cases.listing)
    if not as_json:
        rows = [{**row, "devices": len(row["devices"])} for row in rows]
    table(rows, "no gateways: `citygrid devices gateways add LABEL --district 130203`", as_json=as_json)


def _holders(labels: list[str] | None, gateway: str, file: Path | None) -> list[Holder]:
    named = list(labels or ())
    if file is not None:
        named += file.read_text(encoding="utf-8-sig").split()
    if bool(named) == bool(gateway):
        raise InvalidInput("say either labels of devices (or --file), or --gateway")
    return [Holder(label=gateway, is_gateway=True)] if gateway else [Holder(label=label) for label in named]


def _each(case: Callable[..., Awaitable[Issued]], holders: list[Holder]) -> list[Issued]:
    """Do it for all or for none."""
    profiles = rulebooks.profiles(settings.load())

    async def work(conn: AsyncConnection) -> list[Issued]:
        async with conn.transaction():
            return [await case(conn, holder, profiles, _now()) for holder in holders]

    return run(work)


def _show(issued: list[Issued], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(one) for one in issued]))
        return
    for one in issued:
        print(f"user name {one.user_name}  password {one.password}")
    print("Write the passwords down: they are shown only now.", file=sys.stderr)


def table(rows: list[dict[str, Any]], nothing: str, *, as_json: bool) -> None:
    """Print rows as a table or JSON, or the sentence that says what makes some."""
    if as_json:
        print(json.dumps(rows, default=str))
    elif not rows:
        print(nothing)
    else:
        table = Table(*rows[0])
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        Console().print(table)


def _now() -> Change:
    return Change(now=datetime.now(UTC), actor=ACTOR)


def run(work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
    """Do a use case on a connection that may write, and give what it gives."""

    async def inside() -> Any:
        async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
            return await work(conn)

    return asyncio.run(inside())
