"""`citygrid grids`: import unit and patrol grids, and check that they tile the city."""

import asyncio
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection

from core.errors import InvalidInput
from geo.geojson import features_of
from geo.findings import GridFinding
from runtime import gridwork, settings
from storage.pool import session_options

app = typer.Typer(no_args_is_help=True, help="Unit grids and patrol grids.")


class Level(StrEnum):
    """Which grids a file holds."""

    UNIT = "unit"
    PATROL = "patrol"


@app.command(name="import")
def import_command(
    file: Annotated[Path, typer.Argument(help="GeoJSON FeatureCollection of polygons with a property `code`.")],
    level: Annotated[Level, typer.Option(help="What the file holds; patrol grids go first.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Load grids by code; bad features are listed. Example: citygrid grids import grids.geojson --level unit.

    Exit code 1 when there are findings; the good grids are loaded all the same.
    """
    features = _read(file)

    async def work() -> tuple[int, list[GridFinding]]:
        async with await _connect() as conn:
            load = gridwork.import_units if level is Level.UNIT else gridwork.import_patrols
            return await load(conn, features)

    loaded, found = asyncio.run(work())
    if as_json:
        rows = [{"feature": f.feature, "column": f.column, "reason": f.flaw, "detail": f.detail} for f in found]
        print(json.dumps({"loaded": loaded, "findings": rows}, ensure_ascii=False))
    else:
        print(f"{file}: {loaded} {level} grids loaded, {len(found)} refused")
        for entry in found:
            print(f"feature {entry.feature}, {entry.column}: {entry.flaw}: {entry.detail}")
    if found:
        raise typer.Exit(1)


@app.command()
def check(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Look for overlaps, gaps, broken outlines and patrol grids in pieces. Example: citygrid grids check."""

    async def work() -> tuple[int, list[GridFinding]]:
        async with await _connect() as conn:
            return await gridwork.check_all(conn)

    count, found = asyncio.run(work())
    if as_json:
        rows = [{"flaw": f.flaw, "codes": f.codes, "area_m2": f.area_m2, "detail": f.detail} for f in found]
        print(json.dumps({"unit_grids": count, "findings": rows}, ensure_ascii=False))
    else:
        print(f"{count} unit grids checked, {len(found)} findings")
        for entry in found:
            print(f"{entry.flaw}: {entry.detail}")
    if found:
        raise typer.Exit(1)


async def _connect() -> AsyncConnection[Any]:
    url = settings.load().owner_dsn()
    return await AsyncConnection[Any].connect(url, autocommit=True, options=session_options(""))


def _read(file: Path) -> list[Any]:
    if not file.is_file():
        raise InvalidInput(f"{file} does not exist")
    try:
        document = json.loads(file.read_bytes())
    except ValueError as error:
        raise InvalidInput(f"{file} is no JSON: {error}") from error
    return list(features_of(document, str(file)))
