"""How long a survey of 548,000 components takes from CSV and from GeoPackage, and what memory an import holds at most.

Run as `.venv/bin/python tests/bench/bench_survey.py [copies]`; needs CITYGRID_TEST_DATABASE_URL (a superuser's).
Each import runs in a process of its own, into a database of its own, so its peak is its own. The large file is the
small one `copies` times and a third of it once more (four: 2.2 million), each copy with its own serials and two metres
further. The limit beside
the seconds is a bare COPY of the same rows into a table without keys or indexes.
"""

import asyncio
import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import psycopg
import pyogrio.raw
import shapely
from psycopg import AsyncConnection, conninfo, sql

from components_registry import service
from runtime import gridwork
from runtime.city import _csv_rows, _features
from simulators.city.generate import generate, write
from storage import grids
from storage.migrate import migrate

OUT = Path(__file__).parents[2] / "build" / "bench_survey.json"
SERIALS_A_COPY = 240_000
STEP_DEG = 0.00002
GOAL_S = 60.0
GROWTH = 1.25
"""Of the peak, from the small file to the large one: what still counts as flat."""
DATABASE_MB = 320
"""What the database's process may use for any file: it builds indexes in at most 256 MB."""
BARE_TABLE = "CREATE UNLOGGED TABLE bare AS SELECT * FROM component WITH NO DATA"
ROWS = "COPY component TO STDOUT (FORMAT binary)"
BARE = "COPY bare FROM STDIN (FORMAT binary)"
BLOCK_BYTES = 1 << 20


async def load(url: str, folder: Path, file: Path) -> dict[str, Any]:
    async with await AsyncConnection.connect(url, autocommit=True, options="-c jit=off") as conn:
        await grids.upsert_areas(conn, [grids.AreaRow(**row) for row in _csv_rows(folder / "areas.csv")])
        await gridwork.import_patrols(conn, _features(folder / "patrol_grids.geojson"))
        await gridwork.import_units(conn, _features(folder / "unit_grids.geojson"))
        before = peak_mb()
        with Backend(conn.info.backend_pid).watched() as backend:
            begin, python = time.perf_counter(), time.process_time()
            survey = service.Survey(file=file, synthetic=True)
            report = await service.import_survey(conn, survey, now=datetime.now(UTC), actor="bench")
            seconds = time.perf_counter() - begin
        figures = {
            "rows": report.rows_read,
            "loaded": report.loaded,
            "seconds": round(seconds, 1),
            "python_cpu_s": round(time.process_time() - python, 1),
            "database_cpu_s": backend.cpu_s,
            "mb_before": before,
            "mb_peak": peak_mb(),
            "database_mb_peak": backend.peak_mb,
        }
        return {**figures, "bare_copy_s": round(await bare_copy(conn, folder / "rows"), 1)}


async def bare_copy(conn: AsyncConnection, file: Path) -> float:
    """Give how long the same rows take by themselves."""
    await conn.execute(BARE_TABLE)
    with file.open("wb") as stream:
        async with conn.cursor() as cursor, cursor.copy(ROWS) as copy:
            async for block in copy:
                stream.write(block)
    begin = time.perf_counter()
    with file.open("rb") as stream:
        async with conn.cursor() as cursor, cursor.copy(BARE) as copy:
            while block := stream.read(BLOCK_BYTES):
                await copy.write(block)
    return time.perf_counter() - begin


def peak_mb() -> int:
    """Give this process's own peak; what getrusage says begins with the peak of the process that started it."""
    return in_mb(Path("/proc/self"), "VmHWM")


def in_mb(process: Path, name: str) -> int:
    status = dict(line.split(":", 1) for line in (process / "status").read_text(encoding="utf-8").splitlines())
    return int(status[name].split()[0]) // 1024


class Backend:
    """The database's process of a connection, on the same machine: its processor time, and its own memory at most.

    Without the buffers all processes share, and without helpers it starts to build an index.
    """

    def __init__(self, pid: int) -> None:
        self._process = Path("/proc") / str(pid)
        self._done = threading.Event()
        self.peak_mb = 0
        self.cpu_s = 0.0

    @contextmanager
    def watched(self) -> Generator["Backend"]:
        before, watcher = self._cpu_s(), threading.Thread(target=self._watch)
        watcher.start()
        try:
            yield self
        finally:
            self._done.set()
            watcher.join()
            self.cpu_s = round(self._cpu_s() - before, 1)

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self.peak_mb = max(self.peak_mb, in_mb(self._process, "RssAnon"))

    def _cpu_s(self) -> float:
        fields = (self._process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_a_process_of_its_own(server: str, folder: Path, file: Path) -> dict[str, Any]:
    name = f"citygrid_bench_{uuid.uuid4().hex[:8]}"
    url = conninfo.make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("CREATE EXTENSION timescaledb")
            conn.execute("CREATE EXTENSION postgis")
        migrate(url)
        command = [sys.executable, __file__, "--load", url, str(folder), str(file)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def as_geopackage(source: Path, file: Path) -> None:
    """Write the survey's rows as a layer: its texts as fields, its places as geometries."""
    with source.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    drawn = [row.get("wkt", "") for row in rows]
    shapes = np.asarray([None] * len(rows), dtype=object)
    lines = np.asarray([text != "" for text in drawn])
    shapes[lines] = shapely.from_wkt([text for text in drawn if text])
    points = [(float(row["x"]), float(row["y"])) for row, line in zip(rows, lines, strict=True) if not line]
    shapes[~lines] = shapely.points(np.asarray(points))
    names = [name for name in rows[0] if name not in {"x", "y", "wkt"}]
    fields = [np.asarray([row[name] for row in rows], dtype=object) for name in names]
    pyogrio.raw.write(
        file, shapely.to_wkb(shapes), fields, names, driver="GPKG", geometry_type="Unknown", crs="EPSG:4326"
    )


def copied(source: Path, file: Path, copies: int) -> None:
    """Write the points of a survey several times: other serials, each copy a little further east."""
    with source.open(encoding="utf-8-sig", newline="") as given, file.open("w", encoding="utf-8", newline="") as out:
        reader = csv.DictReader(given)
        writer = csv.DictWriter(out, fieldnames=reader.fieldnames or ())
        writer.writeheader()
        for number, row in enumerate(reader):
            if row.get("wkt"):
                writer.writerow(row)
                continue
            code, x = row["code"], float(row["x"])
            for copy in range(copies + (number % 3 == 0)):
                row["code"] = f"{code[:10]}{int(code[10:]) + copy * SERIALS_A_COPY:06d}"
                row["x"] = f"{x + copy * STEP_DEG:.9f}"
                writer.writerow(row)


def goals(results: dict[str, dict[str, Any]]) -> dict[str, bool]:
    """Say which goals were met."""
    small, layer, large = results["csv"], results["geopackage"], results["csv_large"]
    return {
        "csv": small["seconds"] < GOAL_S,
        "geopackage": layer["seconds"] < GOAL_S,
        "flat": large["mb_peak"] < small["mb_peak"] * GROWTH,
        "database_bounded": large["database_mb_peak"] < DATABASE_MB,
    }


def main() -> int:
    server = os.environ["CITYGRID_TEST_DATABASE_URL"]
    copies = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(generate(20130), folder)
        survey, layer, large = (folder / file for file in ("components.csv", "components.gpkg", "large.csv"))
        as_geopackage(survey, layer)
        copied(survey, large, copies)
        for what, file in (("csv", survey), ("geopackage", layer), ("csv_large", large)):
            results[what] = {**in_a_process_of_its_own(server, folder, file), "load_1m": round(os.getloadavg()[0], 1)}
            print(what, results[what], flush=True)
    met = goals(results)
    report = {"cores": os.cpu_count(), "results": results, "goals": met}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(met)
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        print(json.dumps(asyncio.run(load(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])))))
    else:
        sys.exit(main())
