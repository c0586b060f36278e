"""The command tree and the exit codes; nothing else.

Exit codes: 0 done, 1 the work found something wrong, 2 wrong usage or settings, 3 a service does not answer.
"""

import sys

import typer
from psycopg import OperationalError

from cli import city, components, db, demo, devices, doctor, grafana, grids, rules, run, services, simulate
from core.errors import PlatformError, Unavailable

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="CityGrid: sensors on street furniture, incidents on the city's grid.",
)
app.add_typer(services.app, name="services")
app.add_typer(doctor.app, name="doctor")
app.add_typer(db.app, name="db")
app.add_typer(city.app, name="city")
app.add_typer(grids.app, name="grids")
app.add_typer(components.app, name="components")
app.add_typer(devices.app, name="devices")
app.add_typer(rules.app, name="rules")
app.add_typer(run.app, name="run")
app.add_typer(simulate.app, name="simulate")
app.add_typer(demo.app, name="demo")
app.add_typer(grafana.app, name="grafana")


def main() -> None:
    """Run the command line; known errors become one sentence and an exit code."""
    try:
        app()
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
