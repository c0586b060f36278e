"""What a map asks of the API over a loaded city, end to end over HTTP: tiles cold and warm, search, boxes, polygons.

Run: PYTHONPATH=. python tests/bench/bench_map.py, with a city loaded in the database of the settings. Beside each
stands what bounds it in the same run: a bare answer of the same server, or COPY of the same rows. Results go to
build/bench_map.json; exit code 1 when a goal was missed.
"""

import asyncio
import http.client
import json
import math
import os
import random
import sys
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from runtime import server
from runtime.settings import Settings, load
from tests.bench.bench_tiles import POINTS, tile
from tests.credentials import add_key, bearer

OUT = Path("build/bench_map.json")
TILES, ROUNDS = 25, 20
COLD_MS, WARM_MS, SEARCH_MS, WITHIN_MS = 100, 20, 50, 100
SEARCHES = {
    "code, whole": "1302030101000003",
    "code, beginning": "13020301",
    "label": "mh-130202-00001",
    "end of a label": "00017",
    "name, 1 letter": "厕",
    "name, 2 letters": "井盖",
    "name in English": "manhole",
    "street": "纬32道",
    "area": "乔屯街道",
    "unit": "排水公司",
    "many units": "公司",
    "nothing": "不存在",
}
# The smallest of some boxes around a point that holds at most 10,000 components, and how many.
BOX = """
SELECT d, n FROM generate_series(0.012, 0.002, -0.00025) AS d
CROSS JOIN LATERAL (SELECT count(*) AS n FROM component
                    WHERE geom && ST_MakeEnvelope(%(lon)s - d, %(lat)s - d, %(lon)s + d, %(lat)s + d, 4326)) AS c
WHERE n <= 10000 LIMIT 1
"""
ROWS = """
COPY (SELECT code, class_code, state, ST_X(ST_PointOnSurface(geom)), ST_Y(ST_PointOnSurface(geom)) FROM component
      WHERE geom && ST_MakeEnvelope({}, {}, {}, {}, 4326)) TO STDOUT
"""
CENTRE = (118.18, 39.63)


class Client:
    """One keep-alive connection of somebody who may see everything."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._headers = headers | {"Accept-Encoding": "gzip", "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, path: str, *, tag: str = "", body: str | None = None) -> tuple[float, bytes, str]:
        """Give milliseconds, the body as it came and its entity tag."""
        headers = self._headers | ({"If-None-Match": tag} if tag else {})
        started_s = time.perf_counter()
        self._connection.request("POST" if body else "GET", path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        spent_ms = (time.perf_counter() - started_s) * 1000
        assert answer.status in {200, 304}, (path, answer.status, content)
        return spent_ms, content, answer.headers.get("etag", "")


def main() -> int:
    """Measure, print and write."""
    settings = load()
    with psycopg.connect(settings.owner_dsn(), autocommit=True) as conn, serving(settings) as port:
        points = conn.execute(POINTS).fetchall()
        if not points:
            print("no city is loaded: run `citygrid city load`", file=sys.stderr)
            return 2
        client = Client(port, bearer(add_key(conn, f"bench-{uuid.uuid4().hex[:8]}", "admin")))
        report: dict[str, Any] = {"load_1m": os.getloadavg()[0], "bare_answer": bare(client)}
        report["tiles"] = list(tiles(client, points))
        report["search"] = search(client)
        report["within"] = within(client, conn)
    report["goals_met"] = goals(report)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(not all(report["goals_met"].values()))


@contextmanager
def serving(settings: Settings) -> Generator[int]:
    """Serve the API in a thread of its own and give its port."""
    with server.listen("127.0.0.1", 0) as listener:
        running = server.make_server(server.make_app(settings))
        thread = threading.Thread(target=lambda: asyncio.run(running.serve(sockets=[listener])))
        thread.start()
        while not running.started:
            time.sleep(0.05)
        try:
            yield listener.getsockname()[1]
        finally:
            running.should_exit = True
            thread.join()


def bare(client: Client) -> dict[str, float]:
    """Give what an answer costs that asks the database next to nothing."""
    return spread([client.ask("/api/v1/areas?level=city")[0] for _ in range(ROUNDS)])


def tiles(client: Client, points: list[tuple[float, float]]) -> Iterator[dict[str, Any]]:
    """Draw tiles of every zoom for the first time, again from the server's memory, and again knowing their tag."""
    for kind in ("components", "grids"):
        for z in range(8, 19):
            everywhere = sorted({tile(lon, lat, z) for lon, lat in points})
            chosen = random.Random(z).sample(everywhere, min(TILES, len(everywhere)))
            paths = [f"/api/v1/tiles/{kind}/{z}/{x}/{y}.mvt" for x, y in chosen]
            first = [client.ask(path) for path in paths]
            again = [client.ask(path)[0] for path in paths]
            known = [client.ask(path, tag=tag)[0] for path, (_, _, tag) in zip(paths, first, strict=True)]
            row: dict[str, Any] = {
                "kind": kind,
                "z": z,
                "tiles": len(paths),
                "cold": spread([spent for spent, _, _ in first]),
                "warm": spread(again),
                "known": spread(known),
                "largest_compressed_bytes": max(len(content) for _, content, _ in first),
            }
            say(f"{kind} z{z}", row["cold"], f"warm {row['warm']['p95_ms']} ms, 304 {row['known']['p95_ms']} ms")
            yield row


def search(client: Client) -> dict[str, dict[str, float]]:
    """Look each kind of text up."""
    figures: dict[str, dict[str, float]] = {}
    for name, text in SEARCHES.items():
        path = f"/api/v1/search?q={quote(text)}"
        client.ask(path)
        figures[name] = spread([client.ask(path)[0] for _ in range(ROUNDS)])
        say(f"search {name}", figures[name])
    return figures


def within(client: Client, conn: psycopg.Connection) -> dict[str, Any]:
    """Ask for nearly 10,000 components by box and by polygon; beside it COPY of the same rows."""
    lon, lat = CENTRE
    row = conn.execute(BOX, {"lon": lon, "lat": lat}).fetchone()
    assert row
    d = float(row[0])
    sides = (lon - d, lat - d, lon + d, lat + d)
    corners = [[lon - d, lat - d], [lon + d, lat - d], [lon + d, lat + d], [lon - d, lat + d], [lon - d, lat - d]]
    polygon = json.dumps({"geometry": {"type": "Polygon", "coordinates": [corners]}})
    box = "/api/v1/components/within?bbox=" + ",".join(map(str, sides))
    figures: dict[str, Any] = {"components": row[1]}
    figures["box"] = spread([client.ask(box)[0] for _ in range(ROUNDS)])
    figures["polygon"] = spread([client.ask("/api/v1/components/within", body=polygon)[0] for _ in range(ROUNDS)])
    figures["copy"] = spread([copied(conn, sides) for _ in range(ROUNDS)])
    for name in ("box", "polygon", "copy"):
        say(f"within {name}, {row[1]} components", figures[name])
    return figures


def copied(conn: psycopg.Connection, sides: tuple[float, ...]) -> float:
    """Give how long the bare rows take out of the database."""
    started_s = time.perf_counter()
    with conn.cursor() as cursor, cursor.copy(ROWS.format(*sides).encode()) as copy:
        for _ in copy:
            pass
    return (time.perf_counter() - started_s) * 1000


def spread(times_ms: list[float]) -> dict[str, float]:
    """Give the middle and the 95th percentile."""
    ordered = sorted(times_ms)
    return {
        "p50_ms": round(ordered[len(ordered) // 2], 1),
        "p95_ms": round(ordered[math.ceil(len(ordered) * 0.95) - 1], 1),
    }


def goals(report: dict[str, Any]) -> dict[str, bool]:
    """Say which goals were met."""
    return {
        "tiles_cold": all(row["cold"]["p95_ms"] < COLD_MS for row in report["tiles"]),
        "tiles_warm": all(row["warm"]["p95_ms"] < WARM_MS for row in report["tiles"]),
        "search": all(figure["p95_ms"] < SEARCH_MS for figure in report["search"].values()),
        "within": all(report["within"][name]["p95_ms"] < WITHIN_MS for name in ("box", "polygon")),
    }


def say(what: str, figure: dict[str, float], more: str = "") -> None:
    print(f"{what:34} p50 {figure['p50_ms']:>6} ms  p95 {figure['p95_ms']:>6} ms  {more}")


if __name__ == "__main__":
    sys.exit(main())
