"""`citygrid export`: layers as files for geographic information systems and spreadsheets."""

import asyncio
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.moment import instant
from core.errors import InvalidInput
from devices.health import LATE_AFTER_INTERVALS, SILENT_AFTER_INTERVALS
from runtime import settings
from storage.layers import cql
from storage.layers.city import COMPONENTS, LAYERS, THEN
from storage.layers.conditions import Conditions
from storage.layers.export import Shape, copy_out, format_of, is_converted, system_of
from storage.layers.formats import convert
from storage.layers.query import Selection
from storage.pool import READER, connect

app = typer.Typer(
    invoke_without_command=True,
    context_settings={"allow_interspersed_args": True},
    help="Layers as files: GeoPackage, GeoJSON, CSV, GeoParquet.",
)


class Headings(StrEnum):
    """What columns are called."""

    NAMES = "names"
    ZH = "zh"
    EN = "en"


@app.callback()
def export(
    collection: Annotated[str, typer.Argument(help=f"One of {', '.join(LAYERS)}.")],
    file: Annotated[Path, typer.Argument(help="To write: .gpkg, .geojson, .csv or .parquet.")],
    where: Annotated[str, typer.Option(help="CQL2, as \"state = 'damaged'\".")] = "",
    bbox: Annotated[str, typer.Option(help="west,south,east,north in degrees.")] = "",
    class_code: Annotated[str, typer.Option("--class", help="Only components of this class.")] = "",
    district: Annotated[str, typer.Option(help="Only what lies in this district.")] = "",
    as_of: Annotated[str, typer.Option(help="Components then: RFC 3339, or 24h for a day ago.")] = "",
    crs: Annotated[str, typer.Option(help="EPSG code: 4326, 4490, 3857, 4491 to 4554.")] = "4326",
    headings: Annotated[Headings, typer.Option(help="Of columns.")] = Headings.NAMES,
) -> None:
    """Write a layer to a file. Example: citygrid export components c.gpkg --class 0101.

    The CSV of components can be imported again as a survey.
    """
    now = datetime.now(UTC)
    layer = LAYERS.get(collection)
    if layer is None:
        raise InvalidInput(f"there is no layer {collection!r}; there are: {', '.join(LAYERS)}")
    made = Conditions(layer)
    conditions = [made.of(cql.parse(where, "cql2-text"))] if where else []
    for name, value in (("class_code", class_code), ("district_code", district)):
        if value and name not in layer.by_name:
            raise InvalidInput(f"{collection} have no {name}")
        if value:
            conditions.append(made.equals(layer.by_name[name], value))
    if bbox:
        conditions.append(made.near([_sides(bbox)], 4326))
    clock = {"now": now, "late_after": LATE_AFTER_INTERVALS, "silent_after": SILENT_AFTER_INTERVALS}
    chosen = Selection(layer=layer, clock=clock, conditions=tuple(conditions), values=made.values)
    if as_of and layer is not COMPONENTS:
        raise InvalidInput("--as-of: only components are kept as they were")
    if as_of:
        chosen = replace(chosen, source=THEN, values={**made.values, "as_of": instant(as_of, now)})
    shape = Shape(format=format_of(file), system=system_of(crs), headings=headings.value)
    print(f"{file}: {asyncio.run(_write(chosen, shape, file.absolute()))} {collection}")


async def _write(chosen: Selection, shape: Shape, file: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="citygrid-export-", dir=file.parent) as folder:
        made, copied = Path(folder) / f"made.{shape.format}", Path(folder) / "copied"
        first = copied if is_converted(shape) else made
        async with await connect(settings.load().reader_dsn(), role=READER, name="export") as conn:
            rows = await copy_out(conn, chosen, shape, first)
        if is_converted(shape):
            convert(copied, chosen.layer, shape, made)
        made.replace(file)  # a file of that name is either the old one or the whole new one
    return rows


def _sides(bbox: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(side) for side in bbox.split(","))
    except ValueError:
        raise InvalidInput(f"--bbox: {bbox!r} is not west,south,east,north") from None
    return west, south, east, north
