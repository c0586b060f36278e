"""`citygrid devices move | replace | retire | history`: a device's life."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli import known
from core.errors import NotFound
from devices import service
from devices.life import State
from devices.model import Change, Move, Registration
from runtime import settings
from storage.pool import READER, WRITER, connect
from storage.queries import device_life
from wire.addresses import NAMINGS, NATIVE
from wire.uplinks import CODECS

ACTOR = "command line"
Reason = Annotated[str, typer.Option(help="Why; kept in its history.")]


def install(app: typer.Typer) -> None:
    """Add the commands to `citygrid devices`."""
    for command in (move, replace, retire, history):
        app.command()(command)


def move(
    label: str,
    to: Annotated[State, typer.Argument(help="The state it goes to.")],
    reason: Reason = "",
    component: Annotated[str, typer.Option(help="Where it is installed again; the component's 16-digit code.")] = "",
) -> None:
    """Move a device a step along its life. Example: citygrid devices move MC-000123 maintenance --reason works."""
    asyncio.run(_move(Move(label=label, to=to, component_code=component), reason))
    print(f"{label} is now {to}")


def replace(
    label: Annotated[str, typer.Argument(help="The device that is taken down.")],
    by: Annotated[str, typer.Argument(help="The device that takes its place, registered or not.")],
    reason: Reason,
    payload: Annotated[str, typer.Option("--format", help="What it speaks: " + ", ".join(NAMINGS))] = NATIVE,
    address: Annotated[str, typer.Option(help="Its name in that format, e.g. a devEUI; default: its label.")] = "",
    codec: Annotated[str, typer.Option(help="What reads its LoRaWAN bytes: " + ", ".join(CODECS))] = "",
) -> None:
    """Put another device in a device's place; the component keeps the readings of both.

    Example: citygrid devices replace MC-000123 MC-000777 --reason "battery empty"
    """
    follower = Registration(label=by, profile="", format=payload, address=address, codec=codec)
    asyncio.run(_replace(label, follower, reason))
    print(f"{by} stands where {label} stood; it is installed until its first reading arrives")


def retire(label: str, reason: Reason) -> None:
    """Take a device out for good; its readings stay. Example: citygrid devices retire MC-1 --reason stolen."""
    asyncio.run(_move(Move(label=label, to=State.RETIRED), reason))
    print(f"{label} is retired")


def history(
    label: str,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What happened to a device, newest first. Example: citygrid devices history MC-000123."""
    rows = asyncio.run(_history(label, limit))
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, default=str))
        return
    table = Table("at", "what", "by", "why", "more")
    for row in rows:
        more = {name: value for name, value in row["detail"].items() if name not in {"state", "reason"}}
        said = ", ".join(f"{name} {value}" for name, value in more.items() if value not in ("", None))
        table.add_row(str(row["at"]), row["kind"], row["actor"], row["detail"].get("reason", ""), said)
    Console().print(table)


async def _move(wanted: Move, reason: str) -> None:
    async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
        await service.move(conn, wanted, known.types(), Change(now=datetime.now(UTC), actor=ACTOR, reason=reason))


async def _replace(label: str, follower: Registration, reason: str) -> None:
    async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
        by = Change(now=datetime.now(UTC), actor=ACTOR, reason=reason)
        await service.replace(conn, label, follower, known.types(), by)


async def _history(label: str, limit: int) -> list[dict[str, Any]]:
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        rows = await device_life.events(conn, label, limit=limit)
    if not rows:
        raise NotFound(f"there is no device {label}")
    return rows
