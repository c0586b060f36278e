"""`citygrid devices batches`: factory-made devices that fetch their own identity with the key of their batch."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from cli import known
from devices import claiming
from devices.claiming import Batch
from devices.model import Change
from runtime import settings
from storage.pool import WRITER, connect

app = typer.Typer(no_args_is_help=True, help="Batches of factory-made devices: add, list, revoke.")

ACTOR = "command line"
Name = Annotated[str, typer.Argument(help="What the factory calls it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    name: Name,
    profile: Annotated[str, typer.Option(help="Device type of all of them.")],
    file: Annotated[Path, typer.Option(help="A text file of labels, one a line.", exists=True, dir_okay=False)],
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long they may claim.")] = 365,
    as_json: AsJson = False,
) -> None:
    """Add a batch and print its key, which is shown now and never again.

    Example: citygrid devices batches add LOT-2026-11 --profile manhole_cover --file labels.txt
    """
    labels = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    now = datetime.now(UTC)
    batch = Batch(name=name, profile=profile, labels=labels, until=now + timedelta(days=days))
    key = _run(lambda conn: claiming.add(conn, batch, known.types(), Change(now=now, actor=ACTOR)))
    if as_json:
        print(json.dumps({"batch": name, "labels": len(labels), "key": key}))
        return
    print(key)
    print(f"batch {name}: {len(labels)} labels; the line above is its key, for the factory only", file=sys.stderr)


@app.command()
def revoke(name: Name) -> None:
    """End a batch; what was claimed stays. Example: citygrid devices batches revoke LOT-2026-11."""
    _run(lambda conn: claiming.revoke(conn, name, Change(now=datetime.now(UTC), actor=ACTOR)))
    print(f"batch {name} has ended")


@app.command(name="list")
def list_batches(as_json: AsJson = False) -> None:
    """List batches and how many of their devices claimed. Example: citygrid devices batches list --json."""
    batches = _run(claiming.listing)
    if as_json:
        print(json.dumps(batches, default=str, ensure_ascii=False))
        return
    if not batches:
        print("no batches: citygrid devices batches add --help")
        return
    table = Table("batch", "type", "claimed", "until", "state")
    for row in batches:
        ended = "revoked" if row["revoked_at"] else "ended" if row["until"] <= datetime.now(UTC) else "open"
        claimed = f"{row['claimed']} of {row['labels']}"
        table.add_row(row["name"], row["profile"], claimed, row["until"].astimezone().strftime("%Y-%m-%d"), ended)
    Console().print(table)


def _run(work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
    async def connected() -> Any:
        async with await connect(settings.load().writer_dsn(), role=WRITER, name="devices") as conn:
            await conn.set_autocommit(True)
            return await work(conn)

    return asyncio.run(connected())
