"""`citygrid devices command` and `commands`: tell a device to do something, and see what became of it."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from cli import known
from core.errors import InvalidInput
from devices import commands
from devices.command import OPEN, State
from devices.commands import Wish
from devices.model import Change
from runtime import settings
from storage.pool import WRITER, connect

ACTOR = "command line"
LOOK_EVERY_S = 0.3
Label = Annotated[str, typer.Argument(help="What the device's sticker says.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def install(app: typer.Typer) -> None:
    """Add both to `citygrid devices`."""
    app.command(name="command")(tell)
    app.command(name="commands")(listing)


def tell(
    label: Label,
    name: Annotated[str, typer.Argument(help="What it is to do: lamp_on, lamp_off, lamp_dim, set_interval ...")],
    arguments: Annotated[list[str] | None, typer.Argument(help="name=number ...")] = None,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")] = "",
    life_s: Annotated[float, typer.Option(help="Seconds after which it no longer counts.")] = 600.0,
    wait_s: Annotated[float, typer.Option(help="Wait so long for the device's answer; 0 = do not wait.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Tell a device to do something and wait for its answer. Exit status 1 when it refused or did not answer.

    Example: citygrid devices command SL-000017 lamp_dim dimming_pct=60 --reason "festival"

    Example: citygrid devices command MC-000123 set_interval interval_s=300 --life-s 86400 --wait-s 0
    """
    wish = Wish(label=label, command=name, arguments=_numbers(arguments), reason=reason, life=timedelta(seconds=life_s))
    number, row = asyncio.run(_tell(wish, wait_s))
    if as_json:
        print(json.dumps(row, default=str, ensure_ascii=False))
    elif row["state"] == State.REFUSED:
        print(f"{label} refused order {number}: {row['answer'] or 'no reason given'}")
    elif row["state"] in OPEN:
        print(f"order {number} is {row['state']}; {label} has not answered yet: citygrid devices commands {label}")
    else:
        print(f"{label}: order {number} is {row['state']}")
    if wait_s > 0 and row["state"] != State.DONE:
        raise typer.Exit(1)


def listing(
    label: Label,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List what a device was told and what became of it. Example: citygrid devices commands SL-000017."""
    rows = asyncio.run(_listing(label, limit))
    if as_json:
        print(json.dumps(rows, default=str, ensure_ascii=False))
        return
    if not rows:
        print(f"{label} was told nothing yet: citygrid devices command {label} --help")
        return
    table = Table("order", "command", "state", "given", "by", "sent", "answer")
    for row in rows:
        given = " ".join([row["command"], *(f"{name}={value:g}" for name, value in row["arguments"].items())])
        when = row["requested_at"].astimezone().strftime("%Y-%m-%d %H:%M:%S")
        cells = (row["command_id"], given, row["state"], when, row["requested_by"], f"{row['tries']}x", row["answer"])
        table.add_row(*(str(cell or "") for cell in cells))
    Console().print(table)


async def _tell(wish: Wish, wait_s: float) -> tuple[int, dict[str, Any]]:
    async with await _connect() as conn:
        number = await commands.give(conn, wish, known.types(), Change(now=datetime.now(UTC), actor=ACTOR))
        until = time.monotonic() + wait_s
        while True:
            (row,) = await commands.listing(conn, wish.label, before=number + 1, limit=1)
            if row["state"] not in OPEN or time.monotonic() >= until:
                return number, row
            await asyncio.sleep(LOOK_EVERY_S)


async def _listing(label: str, limit: int) -> list[dict[str, Any]]:
    async with await _connect() as conn:
        return await commands.listing(conn, label, limit=limit)


async def _connect() -> AsyncConnection:
    conn = await connect(settings.load().writer_dsn(), role=WRITER, name="devices")
    await conn.set_autocommit(True)
    return conn


def _numbers(arguments: list[str] | None) -> dict[str, float]:
    given: dict[str, float] = {}
    for argument in arguments or ():
        name, _, text = argument.partition("=")
        try:
            given[name] = float(text)
        except ValueError:
            raise InvalidInput(f"an argument looks like name=number, not {argument!r}") from None
    return given
