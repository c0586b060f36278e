"""`citygrid city`: make the synthetic city, load a city, say which one is loaded."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from core.errors import NotFound
from runtime import city, settings
from simulators.city.generate import DEFAULT_SEED, STEPS, generate, write
from storage.pool import OWNER, connect

app = typer.Typer(
    no_args_is_help=True, help="The city: areas, grids, components and devices as files, and loading them."
)

"""The demo's city. Any other number is another city of the same size."""
_ACTOR = "city load"


@app.command(name="generate")
def generate_command(
    seed: Annotated[int, typer.Option(help="Same seed, same city, byte for byte.", min=0)] = DEFAULT_SEED,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; default <data dir>/city.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the city's summary as JSON.")] = False,
) -> None:
    """Write the files of the synthetic city. Example: citygrid city generate --seed 7 --out /tmp/city."""
    folder = out or settings.load().data_dir / "city"
    summary = generate_into(folder, seed)
    print(json.dumps(summary, ensure_ascii=False) if as_json else _sentence(summary, f"written to {folder}"))


@app.command()
def load(
    folder: Annotated[Path | None, typer.Option("--dir", help="Folder of a city; default <data dir>/city.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was loaded as JSON.")] = False,
) -> None:
    """Load a city into the database; the same city again changes nothing. Example: citygrid city load."""
    config = settings.load()
    report = load_from(config, folder or config.data_dir / "city")
    if as_json:
        counts = {"already_there": report.already_there, "components": report.components, "devices": report.devices}
        print(json.dumps({**counts, "city": report.city}, ensure_ascii=False))
        return
    print(_sentence(report.city, "was already loaded" if report.already_there else "loaded"))


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False) -> None:
    """Say which city the database holds. Example: citygrid city show --json."""

    async def ask() -> dict[str, Any] | None:
        async with await connect(settings.load().owner_dsn(), role=OWNER, name="city") as conn:
            return await city.loaded_city(conn)

    facts = asyncio.run(ask())
    if facts is None:
        raise NotFound("no city is loaded: run `citygrid city load`")
    print(json.dumps(facts, ensure_ascii=False) if as_json else _sentence(facts, "is loaded"))


def generate_into(folder: Path, seed: int = DEFAULT_SEED) -> dict[str, Any]:
    """Generate a city into a folder with a progress bar on standard error; give its summary."""
    with _progress() as progress:
        task = progress.add_task("city", total=len(STEPS))

        def begin(step: str) -> None:
            progress.update(task, description=step, completed=STEPS.index(step))

        made = generate(seed, begin)
        begin("files")
        summary = write(made, folder)
        progress.update(task, completed=len(STEPS))
    return summary


def load_from(config: settings.Settings, folder: Path) -> city.LoadReport:
    """Load a city's folder with a progress bar on standard error."""
    total = city.read_summary(folder).get("counts", {}).get("components")
    with _progress() as progress:
        task = progress.add_task("city", total=total)

        def report(step: str, done: int) -> None:
            progress.update(task, description=step, completed=done if step == "components" else None)

        return asyncio.run(_load(config, folder, report))


async def _load(config: settings.Settings, folder: Path, report: city.Report) -> city.LoadReport:
    kinds = city.kinds(config)
    async with await AsyncConnection[Any].connect(config.owner_dsn(), autocommit=True) as conn:
        return await city.load_city(conn, folder, now=datetime.now(UTC), actor=_ACTOR, report=report, kinds=kinds)


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def _sentence(facts: Any, what: str) -> str:
    counts = facts.get("counts", {})
    parts = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())
    synthetic = f"\n{facts.get('statement_zh', '')}\n{facts.get('statement_en', '')}" if facts.get("synthetic") else ""
    return f"{facts.get('name_zh')} {facts.get('name_en')} {what}: {parts}{synthetic}"
