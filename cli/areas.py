"""`citygrid areas`: named areas that rules speak of (`inside(nanhu_park)`), and routes vehicles keep to."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from runtime import settings, spacework
from storage import places
from storage.pool import OWNER, connect

app = typer.Typer(no_args_is_help=True, help="Named areas and routes, for rules that ask where something is.")


@app.command(name="import")
def import_command(
    file: Annotated[Path, typer.Argument(help="GeoJSON polygons with code, name_zh, name_en.")],
    crs: Annotated[str, typer.Option(help="Any EPSG code or PROJ string.")] = "EPSG:4326",
) -> None:
    """Load named areas; one that is there gets the new outline. Example: citygrid areas import areas.geojson."""

    async def load() -> int:
        async with await connect(settings.load().owner_dsn(), role=OWNER, name="areas") as conn:
            return await spacework.import_areas(conn, file, crs=crs)

    print(f"{file}: {asyncio.run(load())} areas loaded")


@app.command()
def routes(
    file: Annotated[Path, typer.Argument(help="GeoJSON lines with route, name_zh, name_en.")],
    crs: Annotated[str, typer.Option(help="Any EPSG code or PROJ string.")] = "EPSG:4326",
) -> None:
    """Load routes; a vehicle's install data name its own. Example: citygrid areas routes routes.geojson."""

    async def load() -> int:
        async with await connect(settings.load().owner_dsn(), role=OWNER, name="areas") as conn:
            return await spacework.import_routes(conn, file, crs=crs)

    print(f"{file}: {asyncio.run(load())} routes loaded")


@app.command(name="list")
def list_command(as_json: Annotated[bool, typer.Option("--json", help="Print GeoJSON.")] = False) -> None:
    """List the named areas. Example: citygrid areas list."""

    async def ask() -> list[tuple[str, str, str, str, float]]:
        async with await connect(settings.load().owner_dsn(), role=OWNER, name="areas") as conn:
            return await places.list_areas(conn)

    found = asyncio.run(ask())
    if as_json:
        features = [
            {
                "type": "Feature",
                "id": code,
                "geometry": json.loads(geometry),
                "properties": {"code": code, "name_zh": zh, "name_en": en, "area_m2": round(area_m2)},
            }
            for code, zh, en, geometry, area_m2 in found
        ]
        print(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False))
        return
    for code, zh, en, _, area_m2 in found:
        print(f"{code:<20} {area_m2 / 1e6:>9.3f} km2  {zh}  {en}")
