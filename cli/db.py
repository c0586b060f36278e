"""`citygrid db`: bring the database's schema up to date and look at it."""

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
