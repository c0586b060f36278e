"""`citygrid ingest`: look at running ingest processes."""

import asyncio
import json
import time
from typing import Annotated, Any

import typer
from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from runtime import ingest_top, settings
from runtime.top_numbers import Look, numbers

app = typer.Typer(no_args_is_help=True, help="Look at running ingest processes.")

EVERY_S = 2.0


@app.callback()
def _group() -> None:
    """Keep `top` a command of its own."""


@app.command()
def top(
    once: Annotated[bool, typer.Option("--once", help="Look for one interval, print, end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document an interval, a line each.")] = False,
    every_s: Annotated[float, typer.Option("--interval", min=0.2, help="Seconds between two looks.")] = EVERY_S,
) -> None:
    """Show what ingest does now: rates, lag, lanes, refusals, the slowest step, shards and who carries them.

    Exit code 3 when no ingest process runs. Example: citygrid ingest top --once --json
    """
    loaded = settings.load()
    console = Console(highlight=False)
    before = asyncio.run(ingest_top.look(loaded))
    if once or as_json or not console.is_terminal:
        while True:
            before = _show(loaded, before, every_s, as_json=as_json, console=console)
            if once:
                return
    with Live(Text("looking"), console=console, screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(every_s)
            after = asyncio.run(ingest_top.look(loaded))
            live.update(screen(numbers(before, after)), refresh=True)
            before = after


def _show(loaded: settings.Settings, before: Look, every_s: float, *, as_json: bool, console: Console) -> Look:
    time.sleep(every_s)
    after = asyncio.run(ingest_top.look(loaded))
    shown = numbers(before, after)
    if as_json:
        print(json.dumps(shown, ensure_ascii=False), flush=True)
    else:
        console.print(screen(shown))
    return after


def screen(shown: dict[str, Any]) -> Panel:
    """Give the screen."""
    rates = shown["rates"]
    head = Table.grid(padding=(0, 3))
    queued = shown["broker_queued"]
    head.add_row(
        "messages/s", f"{rates['messages_per_s']:,.0f}", "lag", f"{shown['lag_s']:.2f} s",
        "waiting here", f"{shown['waiting']:,}",
    )  # fmt: skip
    head.add_row(
        "readings/s", f"{rates['readings_per_s']:,.0f}", "slowest step", shown["slowest_step"] or "-",
        "held by the broker", "not told" if queued is None else f"{queued:,}",
    )  # fmt: skip
    head.add_row(
        "refused/s", f"{rates['refused_per_s']:,.1f}", "repeated/s", f"{rates['repeated_per_s']:,.1f}",
        "retries/s", f"{rates['retries_per_s']:,.1f}",
    )  # fmt: skip
    tables = [
        _table("lanes", shown["lanes"], ("lane", "messages_per_s", "waiting")),
        _table("steps", shown["steps"], ("step", "share", "us_per_message")),
        _table("refusals", shown["refusals"], ("reason", "per_s", "since_start")),
    ]
    shards = _table("shards", shown["shards"], ("shard", "process", "epoch", "devices", "lag_s", "waiting"))
    processes = _table(
        "processes",
        shown["processes"],
        ("process", "shards", "messages_per_s", "cpu_pct", "memory_mb", "age_s", "answers"),
    )
    body = Group(head, Text(), Columns(tables, padding=(0, 3)), Text(), shards, Text(), processes)
    return Panel(body, title="citygrid ingest", subtitle="Ctrl-C ends", border_style="blue")


def _table(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in columns:
        is_text = name in {"lane", "step", "reason", "shard", "shards", "process", "answers"}
        table.add_column(name, justify="left" if is_text else "right")
    for row in rows:
        table.add_row(*(_cell(name, row[name]) for name in columns))
    return table


def _cell(name: str, value: Any) -> Text:
    if name == "process" and value is None:
        return Text("nobody", style="bold red")
    if name == "shards":
        return Text(", ".join(value) or "standing by", style="" if value else "dim")
    if name == "answers":
        return Text("yes") if value else Text("no answer", style="bold red")
    if name == "share":
        return Text(f"{value:.0%}")
    return Text("-" if value is None else f"{value:,}" if isinstance(value, int | float) else str(value))
