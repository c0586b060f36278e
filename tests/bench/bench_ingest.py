"""Messages a second from the publisher to the committed row, beside the limits of the same machine in the same run.

Run: python -m tests.bench ingest. Broker, database, publisher and ingest share the machine's cores. Four channels a
message, QoS 1, 5,000 devices, default rules, device state, acknowledged after commit. The limits: a bare socket that
reads and acknowledges the same messages (no client can be faster), and a bare COPY of the same rows. Latency is the
commit's own time (`track_commit_timestamp`) less the time the publisher wrote into the message, at 1,000 a second.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from core.frame import Frame
from devices.profile import shipped
from runtime.ingest_process import CLIENT_ID
from storage import readings
from tests import small_city
from tests.bench.mqtt_load import connect, template
from tests.builders import START_US, fleet
from tests.conftest import Cluster, create_database, drop_database
from tests.own_services import free_port

DEVICES = 5_000
FLOOD = int(os.environ.get("BENCH_MESSAGES", "400000"))
STEADY_RATE, STEADY_S = 1_000, 20
COPY_ROWS, COPY_BATCH = 400_000, 5_000
OUT = Path("build/bench_ingest.json")

REGISTER = """
INSERT INTO device (label, profile, district_code, unit_grid_id, state, interval_s, registered_at, registered_by, geom)
SELECT 'MC-' || lpad(n::text, 6, '0'), 'manhole_cover', '130203', 1 + n %% 4, 'in_service', 3600, now(), 'bench',
       ST_SetSRID(ST_MakePoint(118.18, 39.64), 4326)
FROM generate_series(1, %(count)s) AS n
"""
LATENCIES = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM committed_at - ts) * 1000)
FROM (SELECT pg_xact_commit_timestamp(xmin) AS committed_at, ts FROM reading) AS row_stored
"""
COUNTS = "SELECT count(*), count(DISTINCT seq), (SELECT coalesce(sum(seen), 0) FROM dead_letter) FROM reading"


def main() -> int:
    """Measure, print and write the report; 1 when anything was lost or doubled."""
    database, broker = os.environ["CITYGRID_TEST_DATABASE_URL"], os.environ["CITYGRID_TEST_MQTT_URL"]
    cluster = Cluster(database, broker)
    forget(broker)
    bare = bare_socket(broker)
    with city(cluster) as address:
        copy = asyncio.run(bare_copy(address))
    with city(cluster) as address:
        flood = run_flood(address, broker)
    forget(broker)
    with city(cluster) as address:
        steady = run_steady(address, broker)
    report: dict[str, Any] = {
        "cores": os.cpu_count(),
        "load_1m": os.getloadavg()[0],
        "bare_socket_per_s": bare,
        "bare_copy_per_s": copy,
        **flood,
        **steady,
        "of_bare_socket": flood["messages_per_s"] / bare,
        "of_bare_copy": flood["messages_per_s"] / copy,
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(report) + "\n")
    return int(bool(report["lost"] or report["doubled"]))


@contextmanager
def city(cluster: Cluster) -> Iterator[str]:
    """Give the address of a fresh database with the benchmark's devices."""
    from storage.migrate import migrate

    name = create_database(cluster)
    address = psycopg.conninfo.make_conninfo(cluster.database_url, dbname=name)
    try:
        migrate(address)
        small_city.build(address)
        with psycopg.connect(address) as conn:
            conn.execute(REGISTER, {"count": DEVICES})
        yield address
    finally:
        drop_database(cluster, name)


def forget(broker: str) -> None:
    """Make the broker forget the ingest session and its queue, so that no phase drains what another left."""
    connect(broker, CLIENT_ID).close()


def bare_socket(broker: str) -> float:
    """Give the rate of a reader that only acknowledges."""
    reader = load("bare", broker, str(FLOOD))
    assert reader.stdout is not None
    reader.stdout.readline()
    publisher = load("publish", broker, str(FLOOD), str(DEVICES), "0")
    seconds = float(reader.stdout.readline())
    publisher.wait()
    return FLOOD / seconds


def load(*arguments: str) -> subprocess.Popen[str]:
    """Start the load program."""
    command = [sys.executable, "-m", "tests.bench.mqtt_load", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def bare_copy(address: str) -> float:
    """Give the rows a second of COPY alone: the same binary rows, the same hypertable and index, no trigger."""
    devices = fleet("manhole_cover", DEVICES)
    channels = shipped()["manhole_cover"].channel_names
    values = np.full((COPY_BATCH, len(channels)), np.nan)
    values[:, [0, 1, 2, 6]] = 3.25
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as conn:
        await conn.execute("DROP TRIGGER reading_marks_rollups ON reading")
        started = time.perf_counter()
        for batch in range(COPY_ROWS // COPY_BATCH):
            frame = Frame(
                profile="manhole_cover",
                channels=channels,
                slot=np.arange(COPY_BATCH, dtype=np.int32) % DEVICES,
                ts_us=np.full(COPY_BATCH, START_US + batch * 1000, dtype=np.int64),
                seq=np.arange(COPY_BATCH, dtype=np.int32),
                values=values,
                quality=np.zeros(COPY_BATCH, dtype=np.int16),
                origin=np.zeros(COPY_BATCH, dtype=np.int8),
                unit_grid_id=np.ones(COPY_BATCH, dtype=np.int32),
                message=np.arange(COPY_BATCH, dtype=np.int32),
            )
            async with conn.transaction():
                await readings.insert_new(conn, [frame], devices, START_US)
        seconds = time.perf_counter() - started
    return COPY_ROWS / seconds


@contextmanager
def ingest(address: str, broker: str) -> Iterator["Watched"]:
    """Run the ingest process as an installation does, and give its metrics."""
    port = free_port()
    environment = os.environ | {
        "CITYGRID_DATABASE_URL": address,
        "CITYGRID_MQTT_URL": broker,
        "CITYGRID_METRICS_PORT": str(port),
        "CITYGRID_LOG_FORMAT": "json",
    }
    log = Path("build/bench_ingest.log").open("w", encoding="utf-8")  # noqa: SIM115
    process = subprocess.Popen([sys.executable, "-m", "cli.main", "run", "ingest"], env=environment, stderr=log)
    watched = Watched(process.pid, port)
    try:
        while "broker_connected" not in Path(log.name).read_text(encoding="utf-8") or not watched.ready():
            assert process.poll() is None, Path(log.name).read_text(encoding="utf-8")
            time.sleep(0.1)
        yield watched
    finally:
        process.terminate()
        process.wait()
        log.close()


class Watched:
    """What a running ingest process tells of itself."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port

    def ready(self) -> bool:
        return "ingest_ready" in Path("build/bench_ingest.log").read_text(encoding="utf-8")

    def stored(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            text = answer.read().decode()
        found = re.search(r"^citygrid_readings_stored_total ([0-9.e+]+)", text, re.MULTILINE)
        return int(float(found.group(1))) if found else 0

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+)", status)
        return int(found.group(1)) / 1024 if found else 0.0

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_flood(address: str, broker: str) -> dict[str, float]:
    """Flood the broker and wait for the last row."""
    with ingest(address, broker) as watched:
        cpu = watched.cpu_s()
        started = time.perf_counter()
        publisher = load("publish", broker, str(FLOOD), str(DEVICES), "0")
        while watched.stored() < FLOOD:
            time.sleep(0.05)
        seconds = time.perf_counter() - started
        publisher.wait()
        report = {
            "messages": FLOOD,
            "message_bytes": len(template()),
            "seconds": seconds,
            "messages_per_s": FLOOD / seconds,
            "client_us_per_message": (watched.cpu_s() - cpu) / FLOOD * 1e6,
            "peak_mb": watched.peak_mb(),
        }
    with psycopg.connect(address) as conn:
        row = conn.execute(COUNTS).fetchone()
    assert row is not None
    return report | {"lost": FLOOD - row[1] - int(row[2]), "doubled": row[0] - row[1]}


def run_steady(address: str, broker: str) -> dict[str, float]:
    """Publish at a steady rate and measure each row's way to its commit."""
    with ingest(address, broker) as watched:
        publisher = load("publish", broker, str(STEADY_RATE * STEADY_S), str(DEVICES), str(STEADY_RATE))
        publisher.wait()
        while watched.stored() < STEADY_RATE * STEADY_S:
            time.sleep(0.05)
    with psycopg.connect(address) as conn:
        row = conn.execute(LATENCIES).fetchone()
    assert row is not None
    return {"p50_ms": row[0][0], "p99_ms": row[0][1]}


if __name__ == "__main__":
    sys.exit(main())
