"""How long the city's 548,000 components take from their survey file into the registry, indexed and in their grids.

Run as `.venv/bin/python tests/bench/bench_registry.py`; needs CITYGRID_TEST_DATABASE_URL (a superuser's address). Makes
and drops its own database. The measure beside the seconds is a bare COPY of the same rows into a table without keys.
"""

import asyncio
import json
import os
import platform
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import psycopg
from psycopg import AsyncConnection, conninfo, sql

from components_registry import service
from geo.gridfile import Level
from runtime import grid_import, gridwork, regrid
from runtime.city import _csv_rows, _features
from simulators.city.generate import generate, write
from storage import grid_versions, grids
from storage.migrate import migrate

OUT = Path(__file__).parents[2] / "build" / "bench_registry.json"
BARE_TABLE = "CREATE UNLOGGED TABLE bare AS SELECT * FROM component"
# Every unit grid of the city redrawn 30 m further east: nothing stays where it was.
SHIFTED = """
INSERT INTO grid_shape
SELECT %(version_id)s, u.code, u.community_code, coalesce(p.code, ''), u.code, u.code, '', u.area_m2,
       ST_Translate(u.geom, 0.00035, 0)
FROM unit_grid AS u LEFT JOIN patrol_grid AS p USING (patrol_grid_id) WHERE u.state = 'valid'
"""
ROWS = "COPY component TO STDOUT"
EMPTY = "TRUNCATE bare"
BARE = "COPY bare FROM STDIN"


def timed(rows: int, seconds: float) -> dict[str, float]:
    return {"seconds": round(seconds, 2), "rows_per_s": round(rows / seconds)}


async def run(url: str, folder: Path, now: datetime) -> dict[str, Any]:
    results: dict[str, Any] = {}
    async with await AsyncConnection.connect(url, autocommit=True, options="-c jit=off") as conn:
        await grids.upsert_areas(conn, [grids.AreaRow(**row) for row in _csv_rows(folder / "areas.csv")])
        await gridwork.import_patrols(conn, _features(folder / "patrol_grids.geojson"))
        await gridwork.import_units(conn, _features(folder / "unit_grids.geojson"))
        survey = service.Survey(file=folder / "components.csv", synthetic=True)
        begin, python = time.perf_counter(), time.process_time()
        report = await service.import_survey(conn, survey, now=now, actor="bench")
        results["first import"] = timed(report.loaded, time.perf_counter() - begin)
        results["first import"]["python_cpu_s"] = round(time.process_time() - python, 2)
        await conn.execute(BARE_TABLE)
        async with conn.cursor() as cursor, cursor.copy(ROWS) as copy:
            blocks = [bytes(block) async for block in copy]
        await conn.execute(EMPTY)
        begin = time.perf_counter()
        async with conn.cursor() as cursor, cursor.copy(BARE) as copy:
            for block in blocks:
                await copy.write(block)
        results["bare COPY"] = timed(report.loaded, time.perf_counter() - begin)
        begin = time.perf_counter()
        again = await service.import_survey(conn, survey, now=now, actor="bench")
        results["same survey again"] = timed(again.unchanged, time.perf_counter() - begin)
        results |= await regridded(conn, folder, now)
        assert (report.loaded, again.unchanged) == (548_000, 548_000), (report.loaded, again)
    return results


async def regridded(conn: AsyncConnection[Any], folder: Path, now: datetime) -> dict[str, Any]:
    begin = time.perf_counter()
    file = grid_import.GridFile(file=folder / "unit_grids.geojson", level=Level.UNIT)
    checked = await grid_import.import_grids(conn, file, now=now, actor="bench", dry_run=True)
    results = {"check unit grids": timed(checked.grids, time.perf_counter() - begin)}
    version_id = await grid_versions.insert(
        conn, Level.UNIT, state="draft", source="shifted", crs="", now=now, actor="bench"
    )
    await conn.execute(SHIFTED, {"version_id": version_id})
    begin = time.perf_counter()
    done = await regrid.activate(conn, version_id, now=now, actor="bench")
    looked_up = done.counts["components_looked_up"]
    results["re-gridding"] = {**timed(looked_up, time.perf_counter() - begin), **done.counts}
    return results


def main() -> None:
    server = os.environ["CITYGRID_TEST_DATABASE_URL"]
    name = f"citygrid_bench_{uuid.uuid4().hex[:8]}"
    url = conninfo.make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("CREATE EXTENSION timescaledb")
            conn.execute("CREATE EXTENSION postgis")
        migrate(url)
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            made = generate(20130)
            middle = time.perf_counter()
            write(made, Path(folder))
            results: dict[str, Any] = {
                "generate": timed(548_000, middle - begin),
                "write files": timed(548_000, time.perf_counter() - middle),
            }
            results |= asyncio.run(run(url, Path(folder), datetime.now(UTC)))
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    bare = results["bare COPY"]["seconds"]
    print(f"{'548,000 components':<20}{'seconds':>9}{'rows/s':>10}{'x bare COPY':>13}")
    for step, entry in results.items():
        print(f"{step:<20}{entry['seconds']:>9}{entry['rows_per_s']:>10,}{entry['seconds'] / bare:>13.1f}")
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"results": results, "cores": os.cpu_count(), "load_1m": load}, indent=2) + "\n")


if __name__ == "__main__":
    main()
