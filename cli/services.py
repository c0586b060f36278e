"""`citygrid services`: the database and the broker without containers."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from runtime import settings
from runtime.services import control
from runtime.services.control import Part

app = typer.Typer(no_args_is_help=True, help="PostgreSQL and Mosquitto on this machine, without containers.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def prepare() -> None:
    """Find the programs, and build TimescaleDB where there is no package of it; start nothing.

    Example: citygrid services prepare
    """
    print(control.prepare(settings.load(), _say) or "nothing of our own will be started")


@app.command()
def start(as_json: Json = False) -> None:
    """Start what does not run and bring the schema up to date.

    Example: citygrid services start
    """
    _show(control.start(settings.load(), _say), as_json=as_json)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop both services; their data stay.

    Example: citygrid services stop
    """
    stopped = control.stop(settings.load())
    if as_json:
        print(json.dumps({"stopped": stopped}))
    else:
        print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def status(as_json: Json = False) -> None:
    """Show what runs; exit code 3 when something does not.

    Example: citygrid services status --json
    """
    parts = control.status(settings.load())
    _show(parts, as_json=as_json)
    if any(part.state == "stopped" for part in parts):
        raise typer.Exit(3)


@app.command()
def reset(yes: Yes = False, as_json: Json = False) -> None:
    """Stop both services and delete their data and passwords, after asking.

    Example: citygrid services reset --yes
    """
    config = settings.load()
    if not yes:
        typer.confirm(
            f"Delete all readings, incidents and accounts in {config.data_dir.resolve()}?", abort=True, err=True
        )
    deleted = control.reset(config)
    if as_json:
        print(json.dumps({"deleted": deleted}))
    else:
        print("\n".join(f"deleted {path}" for path in deleted) or "there was nothing to delete")


def _say(line: str) -> None:
    Console(stderr=True).print(line, highlight=False, markup=False)


def _show(parts: tuple[Part, ...], *, as_json: bool) -> None:
    if as_json:
        json.dump([part.as_json() for part in parts], sys.stdout)
        print()
        return
    for part in parts:
        print(f"{part.name:10} {part.state:9} {part.address}" + (f"  process {part.pid}" if part.pid else ""))
