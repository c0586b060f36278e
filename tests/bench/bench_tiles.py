"""Time and size of vector tiles over the loaded city, straight from the database: no HTTP, no cache, no compression.

Run: PYTHONPATH=. python tests/bench/bench_tiles.py, with a city loaded in the database of the settings. Tiles are
chosen by a seed among those that hold unit grids, so dense and sparse ones as they lie. Results go to
build/bench_tiles.json.
"""

import asyncio
import json
import math
import random
import sys
import time
from pathlib import Path

from psycopg import AsyncConnection

from runtime.settings import load
from storage import tiles
from storage.pool import OWNER, READER, connect

ZOOMS = range(9, 19)
TILES = 40
P95_MS = 100.0
MOST_BYTES = 500_000
POINTS = "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_Centroid(geom) AS p FROM unit_grid ORDER BY code) AS c"


def main() -> int:
    """Measure and print; exit code 1 when a tile is too slow or too large."""
    report = asyncio.run(measure_all())
    if not report:
        print("no city is loaded: run `citygrid city load`", file=sys.stderr)
        return 2
    good = all(row["p95_ms"] <= P95_MS and row["largest_bytes"] < MOST_BYTES for row in report)
    file = Path("build/bench_tiles.json")
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"good": good, "p95_limit_ms": P95_MS, "tiles": report}, indent=1) + "\n")
    return 0 if good else 1


async def measure_all() -> list[dict[str, float]]:
    """Draw tiles of every zoom, after the VACUUM that comes by itself soon after a load; nothing without a city."""
    async with await connect(load().owner_dsn(), role=OWNER, name="bench") as owner:
        await owner.set_autocommit(True)
        await owner.execute("VACUUM component, unit_grid")
    conn = await connect(load().reader_dsn(), role=READER, name="bench")
    points = await (await conn.execute(POINTS)).fetchall()
    report = [
        await measure(conn, kind, z, sorted({tile(lon, lat, z) for lon, lat in points}))
        for kind in ("components", "grids")
        for z in ZOOMS
    ]
    await conn.close()
    return report


async def measure(conn: AsyncConnection, kind: str, z: int, all_tiles: list[tuple[int, int]]) -> dict[str, float]:
    """Draw some tiles of one zoom and give their times and sizes."""
    chosen = random.Random(z).sample(all_tiles, min(TILES, len(all_tiles)))
    times_ms: list[float] = []
    sizes: list[int] = []
    for x, y in chosen:
        started_s = time.perf_counter()
        body = await getattr(tiles, kind)(conn, z, x, y)
        times_ms.append((time.perf_counter() - started_s) * 1000)
        sizes.append(len(body))
    times_ms.sort()
    row = {
        "kind": kind,
        "z": z,
        "tiles": len(chosen),
        "p50_ms": round(times_ms[len(times_ms) // 2], 1),
        "p95_ms": round(times_ms[math.ceil(len(times_ms) * 0.95) - 1], 1),
        "largest_bytes": max(sizes),
    }
    print(f"{kind:10} z{z:<2} {row['tiles']:>3} tiles  p50 {row['p50_ms']:>6} ms  p95 {row['p95_ms']:>6} ms  "
          f"largest {row['largest_bytes']:>7} bytes")  # fmt: skip
    return row


def tile(lon_deg: float, lat_deg: float, z: int) -> tuple[int, int]:
    """Give the tile a point lies in."""
    y = (1 - math.asinh(math.tan(math.radians(lat_deg))) / math.pi) / 2
    return int((lon_deg + 180) / 360 * 2**z), int(y * 2**z)


if __name__ == "__main__":
    sys.exit(main())
