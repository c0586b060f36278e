"""How `citygrid grids` prints findings and what moved: tables, JSON, CSV, GeoJSON."""

import csv
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from core.errors import InvalidInput
from geo.findings import GridFinding, counts
from geo.geojson import collection, feature
from runtime.grid_import import GridReport
from runtime.regrid import Regridding
from storage.queries import grid_versions as queries

SHOWN = 20
"""Findings printed; all of them are stored, and in --json and --geojson."""
_PAGE = 20_000
_COLUMNS = (
    "kind", "name", "from_unit_grid", "to_unit_grid", "from_patrol_grid", "to_patrol_grid", "lon", "lat"
)  # fmt: skip


def report_of(report: GridReport) -> dict[str, Any]:
    """Give a report as JSON says it."""
    rows = [
        {
            "flaw": it.flaw, "blocks": it.blocks, "feature": it.feature, "codes": it.codes,
            "area_m2": round(it.area_m2, 1), "detail": it.detail,
        }
        for it in report.findings
    ]  # fmt: skip
    return {
        "version_id": report.version_id, "level": report.level, "state": report.state, "crs": report.crs,
        "features": report.rows, "grids": report.grids, "blocking": report.blocking,
        "counts": counts(report.findings), "notes": report.notes, "findings": rows,
    }  # fmt: skip


def findings_geojson(findings: Sequence[GridFinding]) -> str:
    """Give findings as GeoJSON: each where it is."""
    features = [
        feature(it.shape, {"flaw": it.flaw, "blocks": it.blocks, "codes": it.codes, "area_m2": round(it.area_m2, 1),
                           "detail": it.detail})
        for it in findings if it.shape is not None
    ]  # fmt: skip
    return json.dumps(collection(features), ensure_ascii=False)


def show_findings(findings: Sequence[GridFinding]) -> None:
    """Print how many there are of each kind, and the first of them."""
    if not findings:
        return
    table = Table("finding", "blocks", "m2", "what")
    for it in sorted(findings, key=lambda it: not it.blocks)[:SHOWN]:
        table.add_row(it.flaw, "yes" if it.blocks else "", f"{it.area_m2:.0f}", it.detail)
    console = Console()
    console.print(", ".join(f"{name}: {number}" for name, number in counts(findings).items()))
    console.print(table)
    if len(findings) > SHOWN:
        console.print(f"... and {len(findings) - SHOWN} more: --json or --geojson has them all")


def show_regridding(done: Regridding, *, as_json: bool) -> None:
    """Print what a version's coming moved."""
    what = {"version_id": done.version.version_id, "level": done.version.level, "period_id": done.period_id}
    if as_json:
        print(json.dumps({**what, "moved": done.counts}, ensure_ascii=False))
        return
    would = "would be" if done.period_id is None else "is"
    print(f"version {done.version.version_id} of the {done.version.level} grids {would} in force")
    for name, number in done.counts.items():
        print(f"{name.replace('_', ' '):<24} {number:>9,}")


async def write_moves(conn: AsyncConnection[Any], period_id: int, file: Path) -> None:
    """Write what moved from one grid to another as CSV, JSON or GeoJSON, by the file's name."""
    kinds = {".csv": _write_csv, ".json": _write_json, ".geojson": _write_geojson}
    if file.suffix not in kinds:
        raise InvalidInput(f"{file}: what moved is written as {', '.join(kinds)}")
    rows = [row async for row in _moves(conn, period_id)]
    kinds[file.suffix](file, rows)


async def _moves(conn: AsyncConnection[Any], period_id: int) -> AsyncGenerator[dict[str, Any]]:
    after = ("", 0)
    while page := await queries.moves(conn, period_id, after=after, limit=_PAGE):
        for row in page:
            yield {name: row[name] for name in _COLUMNS}
        after = (page[-1]["kind"], page[-1]["key"])


def _write_csv(file: Path, rows: list[dict[str, Any]]) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_COLUMNS)
        writer.writerows(row.values() for row in rows)


def _write_json(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


def _write_geojson(file: Path, rows: list[dict[str, Any]]) -> None:
    features = [
        {"type": "Feature", "properties": row, "geometry": {"type": "Point", "coordinates": [lon, lat]}}
        for row in rows
        for lon, lat in [(row.pop("lon"), row.pop("lat"))]
    ]
    file.write_text(json.dumps(collection(features), ensure_ascii=False), encoding="utf-8")
