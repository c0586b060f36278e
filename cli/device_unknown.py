"""`citygrid devices unknown`: devices that knock and are not registered."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from cli import known
from devices import unknown
from devices.guess import guess
from devices.model import Change, Registration
from runtime import settings
from storage.pool import READER, WRITER, connect

app = typer.Typer(no_args_is_help=True, help="Devices that send and are not registered.")
ACTOR = "command line"
Number = Annotated[int, typer.Argument(help="Its number in the list.")]


@app.command(name="list")
def list_unknown(
    ignored: Annotated[bool, typer.Option(help="Those that somebody lets knock.")] = False,
    district: Annotated[str, typer.Option(help="Only those that send on this district's topics.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=2500)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Who knocks, the last heard first. Example: citygrid devices unknown list."""
    rows = asyncio.run(_find({"ignored": ignored, "district_code": district or None}, limit))
    for row in rows:
        row["likely"] = ", ".join(guess(row["kind"], row["payload"], known.types()).profiles)
        row["payload"] = row["payload"].decode(errors="replace")
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        print("nobody knocks")
        return
    table = Table("no.", "format", "address", "district", "gateway", "seen", "last", "likely")
    for row in rows:
        table.add_row(
            *(str(row[name]) for name in ("unknown_id", "format", "address", "district_code", "gateway", "seen")),
            str(row["last_seen"]),
            row["likely"],
        )
    Console().print(table)


@app.command()
def register(
    number: Number,
    profile: Annotated[str, typer.Option(help="Device type.")],
    label: Annotated[str, typer.Option(help="Default: the name it speaks by.")] = "",
    component: Annotated[str, typer.Option(help="The component's 16-digit code.")] = "",
    district: Annotated[str, typer.Option(help="Six digits; taken from the component when left out.")] = "",
    lon: Annotated[float | None, typer.Option(help="Longitude, WGS 84 degrees.")] = None,
    lat: Annotated[float | None, typer.Option(help="Latitude, WGS 84 degrees.")] = None,
    codec: Annotated[str, typer.Option(help="What reads its LoRaWAN bytes.")] = "",
) -> None:
    """Register it as it speaks; what it said so far is tried again.

    Example: citygrid devices unknown register 12 --profile manhole_cover --component 1302030102000001
    """
    wanted = Registration(
        label=label,
        profile=profile,
        component_code=component,
        district_code=district,
        lon_deg=lon,
        lat_deg=lat,
        codec=codec,
    )
    done = asyncio.run(_changed(lambda conn, by: unknown.register(conn, number, wanted, known.types(), by)))
    print(f"{done} is registered, installed from now on")


@app.command()
def ignore(number: Number, reason: Annotated[str, typer.Option(help="Why; kept in the audit.")]) -> None:
    """Let it knock unnoticed. Example: citygrid devices unknown ignore 12 --reason "the neighbouring city's"."""
    asyncio.run(_changed(lambda conn, by: unknown.ignore(conn, number, by), reason))
    print("it knocks unnoticed from now on")


@app.command()
def notice(number: Number) -> None:
    """End that it is ignored. Example: citygrid devices unknown notice 12."""
    asyncio.run(_changed(lambda conn, by: unknown.notice(conn, number, by)))
    print("it is listed when it knocks again")


async def _changed(change: Callable[[AsyncConnection, Change], Awaitable[Any]], reason: str = "") -> Any:
    async with await connect(settings.load().writer_dsn(), role=WRITER, name="cli") as conn:
        return await change(conn, Change(now=datetime.now(UTC), actor=ACTOR, reason=reason))


async def _find(given: dict[str, object], limit: int) -> list[dict[str, Any]]:
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        return await unknown.find(conn, given, limit=limit)
