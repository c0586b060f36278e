"""`citygrid grids`: partitions a city brings itself, imported, checked, put in force and taken back."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from cli.grid_report import findings_geojson, report_of, show_findings, show_regridding, write_moves
from cli.moment import instant
from components_registry.mapping import AS_IT_IS
from core.errors import NotFound
from geo.findings import GridFinding, Limits
from geo.gridfile import Level
from runtime import grid_import, gridwork, regrid, settings
from storage.pool import OWNER, connect
from storage.queries import grid_versions as queries

app = typer.Typer(no_args_is_help=True, help="Grids: unit and patrol grids, and the outlines of areas.")

LevelOption = Annotated[Level, typer.Option(help="Which grids; areas go before unit grids.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Moves = Annotated[Path | None, typer.Option(help="Write what moved here: .csv, .json or .geojson.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do all of it, keep nothing.")]
ACTOR = "command"
_BORNE = Limits()


@app.command(name="import")
def import_command(  # a command's options
    file: Annotated[Path, typer.Argument(help="Partition: .gpkg, .shp, .gdb, .geojson or .geojsonl, of polygons.")],
    level: LevelOption,
    crs: Annotated[str, typer.Option(help="EPSG code, PROJ string or GCJ-02. Default: as the file says.")] = "",
    layer: Annotated[str, typer.Option(help="Layer, when the file has several.")] = "",
    encoding: Annotated[str, typer.Option(help="Of its texts, as GB18030. Default: found out.")] = "",
    mapping: Annotated[Path | None, typer.Option(help="YAML: our columns -> the file's, constants, words.")] = None,
    northing_first: Annotated[bool, typer.Option("--northing-first", help="The file's x is the northing.")] = False,
    trust_crs: Annotated[bool, typer.Option("--trust-crs", help="Take it though it seems to lie elsewhere.")] = False,
    mend: Annotated[bool, typer.Option("--mend", help="Take a broken outline that encloses one area as it.")] = False,
    tolerance: Annotated[float, typer.Option(help="m2: smaller overlaps and gaps are rounding.")] = _BORNE.tolerance_m2,
    sliver: Annotated[float, typer.Option(help="m: what is narrower is a sliver.")] = _BORNE.sliver_m,
    crack: Annotated[float, typer.Option(help="m: open gaps narrower than this are found.")] = _BORNE.crack_m,
    area: Annotated[float, typer.Option(help="m2: the size of a unit grid.")] = _BORNE.area_m2,
    area_factor: Annotated[float, typer.Option(help="Times larger or smaller than that is told.")] = _BORNE.area_factor,
    accept: Annotated[str, typer.Option(help="Why it is right in spite of blocking findings.")] = "",
    geojson: Annotated[Path | None, typer.Option(help="Write the findings with their places here.")] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Check a partition and keep it as a draft. Example: citygrid grids import units.gpkg --level unit.

    The first of a level is put in force at once; others by `citygrid grids activate`. Exit code 1 when it was refused.
    """
    given = grid_import.GridFile(
        file=file,
        level=level,
        crs=crs,
        layer=layer,
        encoding=encoding,
        mapping=AS_IT_IS if mapping is None else grid_import.load_mapping(mapping),
        northing_first=northing_first,
        trusted=trust_crs,
        mend=mend,
        limits=Limits(
            tolerance_m2=tolerance, sliver_m=sliver, crack_m=crack, area_m2=area, area_factor=area_factor
        ),
    )  # fmt: skip

    async def work() -> grid_import.GridReport:
        async with await _connect() as conn:
            return await grid_import.import_grids(
                conn, given, now=datetime.now(UTC), actor=ACTOR, accept=accept, dry_run=dry_run
            )

    report = asyncio.run(work())
    if geojson is not None:
        geojson.write_text(findings_geojson(report.findings), encoding="utf-8")
    if as_json:
        print(json.dumps(report_of(report), ensure_ascii=False))
    else:
        print(f"{file}: {report.rows} features, {report.grids} {level} grids, {len(report.findings)} findings,")
        print(f"{report.blocking} of them blocking; version {report.version_id or '-'}: {report.state}")
        show_findings(report.findings)
    if report.state == "refused":
        raise typer.Exit(1)


@app.command()
def check(as_json: Json = False) -> None:
    """Look at what is in force: overlaps, gaps, patrol grids in pieces. Example: citygrid grids check."""

    async def work() -> tuple[int, list[GridFinding]]:
        async with await _connect() as conn:
            return await gridwork.check_all(conn)

    count, found = asyncio.run(work())
    if as_json:
        rows = [{"flaw": f.flaw, "codes": f.codes, "area_m2": f.area_m2, "detail": f.detail} for f in found]
        print(json.dumps({"unit_grids": count, "findings": rows}, ensure_ascii=False))
    else:
        print(f"{count} unit grids checked, {len(found)} findings")
        show_findings(found)
    if found:
        raise typer.Exit(1)


@app.command()
def versions(
    level: Annotated[Level | None, typer.Option(help="Only this level.")] = None, as_json: Json = False
) -> None:
    """List what was imported and when it was in force. Example: citygrid grids versions --level unit."""

    async def ask() -> list[dict[str, Any]]:
        async with await _connect() as conn:
            return await queries.versions(conn, {"level": level and level.value}, limit=1000)

    rows = asyncio.run(ask())
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, default=str))
        return
    table = Table("version", "level", "state", "grids", "findings", "source", "imported", "by", "in force")
    for row in rows:
        periods = ", ".join(f"{it['since'] or '...'} - {it['until'] or ''}" for it in row["periods"])
        found = sum((row["findings"] or {}).values())
        table.add_row(
            str(row["version_id"]), row["level"], row["state"], str(row["grids"]), str(found), row["source"],
            f"{row['imported_at']:%Y-%m-%d %H:%M}", row["actor"], periods,
        )  # fmt: skip
    Console().print(table)


@app.command()
def findings(
    version: Annotated[int, typer.Argument(help="Number of an imported version.")],
    geojson: Annotated[bool, typer.Option("--geojson", help="Print GeoJSON: the place of each.")] = False,
) -> None:
    """Print what was found in an imported file. Example: citygrid grids findings 3 --geojson."""

    async def ask() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
        async with await _connect() as conn:
            known = await queries.versions(conn, {"version_id": version}, limit=1)
            rows = [] if geojson else await queries.findings(conn, version, after=0, limit=1_000_000)
            return known, rows, await queries.finding_features(conn, version, limit=1_000_000) if geojson else []

    known, rows, features = asyncio.run(ask())
    if not known:
        raise NotFound(f"there is no version {version} of any grids")
    if geojson:
        print('{"type": "FeatureCollection", "features": [' + ",\n".join(features) + "]}")
    else:
        print(json.dumps(rows, ensure_ascii=False))


@app.command()
def activate(
    version: Annotated[int, typer.Argument(help="Number of an imported version.")],
    moves: Moves = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put a version in force and move what stands in it. Example: citygrid grids activate 3 --dry-run."""

    async def work() -> regrid.Regridding:
        async with await _connect() as conn:
            done = await regrid.activate(
                conn, version, now=datetime.now(UTC), actor=ACTOR, dry_run=dry_run, moves=_writer(moves)
            )
            await conn.commit()
            return done

    show_regridding(asyncio.run(work()), as_json=as_json)


@app.command()
def rollback(level: LevelOption, moves: Moves = None, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Put the version before the present one in force again. Example: citygrid grids rollback --level unit."""

    async def work() -> regrid.Regridding:
        async with await _connect() as conn:
            done = await regrid.roll_back(
                conn, level, now=datetime.now(UTC), actor=ACTOR, dry_run=dry_run, moves=_writer(moves)
            )
            await conn.commit()
            return done

    show_regridding(asyncio.run(work()), as_json=as_json)


@app.command()
def export(
    level: LevelOption,
    at: Annotated[str, typer.Option(help="As it was then: RFC 3339, or 24h for a day ago. Default: now.")] = "",
) -> None:
    """Print the grids in force at a moment as GeoJSON. Example: citygrid grids export --level unit --at 30d."""
    now = datetime.now(UTC)
    moment = instant(at, now) if at else now

    async def ask() -> list[str]:
        async with await _connect() as conn:
            return await queries.features_at(conn, level.value, moment)

    print('{"type": "FeatureCollection", "features": [' + ",\n".join(asyncio.run(ask())) + "]}")


def _writer(file: Path | None) -> regrid.Telling:
    async def tell(conn: AsyncConnection[Any], period_id: int) -> None:
        if file is not None:
            await write_moves(conn, period_id, file)

    return tell


async def _connect() -> AsyncConnection[Any]:
    return await connect(settings.load().owner_dsn(), role=OWNER, name="grids")
