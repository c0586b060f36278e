"""The command tree and the exit codes; nothing else.

Exit codes: 0 done, 1 the work found something wrong, 2 wrong usage or settings, 3 a service does not answer.

A command's module is imported when the command is used: importing all of them takes seconds, and the processes of the
platform are started through here.
"""

import importlib.metadata
import sys
from importlib import import_module
from typing import Annotated

import typer
from psycopg import OperationalError

from core.errors import PlatformError, Unavailable

COMMANDS = {
    "demo": "Bring a whole synthetic city to life. Example: citygrid demo --headless --duration 120",
    "doctor": "What is there, what is missing, how to mend it. Example: citygrid doctor --json",
    "services": "PostgreSQL and Mosquitto without containers. Example: citygrid services start",
    "db": "The database's schema. Example: citygrid db migrate",
    "city": "Generate and load a synthetic city. Example: citygrid city load --seed 1",
    "grids": "Unit and patrol grids. Example: citygrid grids import grids.geojson --level unit",
    "areas": "Areas and routes that rules speak of. Example: citygrid areas import areas.geojson",
    "components": "Surveyed components. Example: citygrid components import survey.csv --crs EPSG:4548",
    "codes": "Codes of new components. Example: citygrid codes issue --district 130203 --class 0103 --count 10",
    "departments": "Units that answer for components. Example: citygrid departments unclear --by class",
    "export": "Layers as files. Example: citygrid export components c.gpkg --class 0101",
    "devices": "Devices on components. Example: citygrid devices import devices.csv",
    "coverage": "How densely the city is sensed. Example: citygrid coverage --by class",
    "types": "Device types: the shipped ones and the city's own. Example: citygrid types lint",
    "dead-letters": "Refused messages and trying them again. Example: citygrid dead-letters list --since 24h",
    "readings": "Stored readings. Example: citygrid readings export out.csv --profile camera --from 24h",
    "rules": "Rules and their tests. Example: citygrid rules test",
    "silences": "What is held back on purpose. Example: citygrid silences list",
    "limits": "Time limits by class. Example: citygrid limits list --class 0101",
    "calendar": "Working hours and holidays. Example: citygrid calendar show --year 2026",
    "notices": "Who was told of what, and where notices go. Example: citygrid notices list --state parked",
    "people": "Accounts, roles, API keys. Example: citygrid people add wang --grant admin",
    "run": "The platform's processes. Example: citygrid run ingest",
    "ingest": "Running ingest processes, live. Example: citygrid ingest top",
    "simulate": "Simulate, record, replay. Example: citygrid simulate replay feed.ndjson --speed 10",
    "grafana": "Dashboards of a Grafana server. Example: citygrid grafana push --url http://localhost:3000",
}
"""Command -> what it does and an example, in the order of the help; each is `app` of the module of that name."""


def tree(only: str | None = None) -> typer.Typer:
    """Give the command tree; with `only`, the other commands are names and help, and their modules stay unimported."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        help="CityGrid: sensors on street furniture, incidents on the city's grid.",
    )
    app.callback()(_root)
    for name, what in COMMANDS.items():
        command = import_module(f"cli.{name.replace('-', '_')}").app if only in {None, name} else typer.Typer()
        app.add_typer(command, name=name, help=what)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"citygrid {importlib.metadata.version('citygrid')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line; known errors become one sentence and an exit code."""
    asked = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")
    try:
        tree(only=asked)()
    except Unavailable as error:
        _fail(str(error), 3)
    except PlatformError as error:
        _fail(str(error), 2)
    except OperationalError as error:
        _fail(f"the database does not answer: {str(error).splitlines()[0]} (see `citygrid services status`)", 3)


def _fail(sentence: str, code: int) -> None:
    print(f"citygrid: {sentence}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
