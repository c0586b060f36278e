"""`citygrid db`: bring the database's schema up to date and look at it."""

import json
from typing import Annotated

import typer

from runtime import settings
from storage import migrate as migrations

app = typer.Typer(no_args_is_help=True, help="The database's schema.")


@app.command()
def migrate() -> None:
    """Apply the migrations that are missing. Example: citygrid db migrate."""
    applied = migrations.migrate(settings.load().owner_dsn())
    for name in applied:
        print(f"applied {name}")
    if not applied:
        print("the schema is up to date")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the migrations and what became of each; exit 1 when some are missing. Example: citygrid db status."""
    states = migrations.status(settings.load().owner_dsn())
    if as_json:
        print(json.dumps([{"name": name, "state": state} for name, state in states]))
    else:
        for name, state in states:
            print(f"{state:8} {name}")
    raise typer.Exit(1 if any(state == "missing" for _, state in states) else 0)
