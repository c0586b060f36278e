"""Messages a second from the publisher to the committed row, beside the limits of the same machine in the same run.

Run: python -m tests.bench ingest. Broker, database, publisher and ingest share the machine's cores. Four channels a
message, QoS 1, default rules, device state, acknowledged after commit. Beside it, on the same broker and database: a
bare socket that reads and acknowledges the same messages (no client can be faster), a bare COPY of the same rows, and
a peer (mqtt.js into COPY, which has less to do; `tests/bench/peer`). The flood is sized to last BENCH_SECONDS (60).
Latency is the commit's own time (`track_commit_timestamp`) less the time the publisher wrote into the message.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from core.frame import Frame
from devices.profile import shipped
from storage import readings
from tests import small_city
from tests.bench.ingest_process import CLIENT_IDS, ingest
from tests.bench.mqtt_load import connect, template
from tests.builders import START_US, fleet
from tests.conftest import Cluster, create_database, drop_database

DEVICES = 5_000
FEW, MANY = 1_000, 500_000
"""Fleets whose cost a message is compared."""
SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
SHORT = int(os.environ.get("BENCH_MESSAGES", "400000"))
"""Messages of every measurement but the flood."""
STEADY_RATE, STEADY_S = 1_000, 20
COPY_ROWS, COPY_BATCH = 400_000, 5_000
OUT = Path("build/bench_ingest.json")
PEER = Path(__file__).parent / "peer"

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

Report = dict[str, Any]


def main() -> int:
    """Measure, print and write the report; 1 when anything was lost or doubled."""
    database, broker = os.environ["CITYGRID_TEST_DATABASE_URL"], os.environ["CITYGRID_TEST_MQTT_URL"]
    cluster = Cluster(database, broker)
    report: Report = {"cores": os.cpu_count(), "load_1m": os.getloadavg()[0], "message_bytes": len(template())}
    forget(broker)
    bare = report["bare_socket_per_s"] = bare_socket(broker)
    _say(f"bare socket {bare:,.0f}/s")
    with city(cluster) as address:
        report["bare_copy_per_s"] = asyncio.run(bare_copy(address))
    with city(cluster) as address:
        report["peer_per_s"] = run_peer(address, broker)
    _say(f"peer {report['peer_per_s']:,.0f}/s")
    with city(cluster) as address:
        flood = report["flood"] = run_flood(address, broker, int(bare * SECONDS), DEVICES)
    _say(f"ours {flood['messages_per_s']:,.0f}/s over {flood['seconds']:.0f} s")
    with city(cluster) as address:
        report["steady"] = run_steady(address, broker)
    report["fleet"] = run_fleets(cluster, broker)
    report["of_bare_socket"] = flood["messages_per_s"] / bare
    report["of_bare_copy"] = flood["messages_per_s"] / report["bare_copy_per_s"]
    report["of_peer"] = flood["messages_per_s"] / report["peer_per_s"]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(report) + "\n")
    return int(bool(flood["lost"] or flood["doubled"]))


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


@contextmanager
def city(cluster: Cluster, devices: int = DEVICES) -> Iterator[str]:
    """Give the address of a fresh database with the benchmark's devices, and a broker that remembers nothing."""
    from storage.migrate import migrate

    forget(cluster.mqtt_url)
    name = create_database(cluster)
    address = psycopg.conninfo.make_conninfo(cluster.database_url, dbname=name)
    try:
        migrate(address)
        small_city.build(address)
        with psycopg.connect(address) as conn:
            conn.execute(REGISTER, {"count": devices})
        yield address
    finally:
        drop_database(cluster, name)


def forget(broker: str) -> None:
    """Make the broker forget the ingest sessions and their queues, so that no phase drains what another left."""
    for client_id in CLIENT_IDS:
        connect(broker, client_id).close()


def bare_socket(broker: str) -> float:
    """Give the rate of a reader that only acknowledges."""
    reader = load("bare", broker, str(SHORT))
    assert reader.stdout is not None
    reader.stdout.readline()
    publisher = load("publish", broker, str(SHORT), str(DEVICES), "0")
    seconds = float(reader.stdout.readline())
    publisher.wait()
    return SHORT / seconds


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
        await conn.execute("DROP TRIGGER IF EXISTS reading_marks_rollups ON reading")
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


def run_peer(address: str, broker: str) -> float:
    """Give the rate of mqtt.js into COPY, from the first publish to the last committed row."""
    node = shutil.which("node", path=f"{Path('.venv/node/bin').resolve()}:{os.environ['PATH']}")
    assert node is not None, "Node comes with `scripts/bootstrap --tests`"
    if not (PEER / "node_modules").exists():
        subprocess.run(["scripts/with-node", "npm", "ci", "--prefix", str(PEER)], check=True, stdout=sys.stderr)
    parts = psycopg.conninfo.conninfo_to_dict(address)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    environment = os.environ | {variable: str(parts[name]) for name, variable in names.items() if name in parts}
    command = [node, str(PEER / "peer.mjs"), broker]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as peer:
        assert peer.stdout is not None
        while peer.stdout.readline().strip() != "ready":
            assert peer.poll() is None, "the peer ended"
        started = time.perf_counter()
        publisher = load("publish", broker, str(SHORT), str(DEVICES), "0")
        for line in peer.stdout:
            if line.startswith("stored") and int(line.split()[1]) >= SHORT:
                break
        seconds = time.perf_counter() - started
        publisher.wait()
        peer.terminate()
    return SHORT / seconds


def run_flood(address: str, broker: str, messages: int, devices: int) -> Report:
    """Flood the broker and wait for the last row."""
    with ingest(address, broker) as watched:
        before, backends = watched.cpu_s(), _cpu_of("postgres")
        broker_before = _cpu_of("mosquitto")
        started = time.perf_counter()
        publisher = load("publish", broker, str(messages), str(devices), "0")
        halfway_mb = 0.0
        while (stored := watched.stored()) < messages:
            halfway_mb = halfway_mb or (watched.resident_mb() if stored * 2 > messages else 0.0)
            time.sleep(0.05)
        seconds = time.perf_counter() - started
        publisher.wait()
        report: Report = {
            "messages": messages,
            "seconds": seconds,
            "messages_per_s": messages / seconds,
            "readings_per_s": 4 * messages / seconds,
            "us_per_message": {
                "ingest": (watched.cpu_s() - before) / messages * 1e6,
                "database": (_cpu_of("postgres") - backends) / messages * 1e6,
                "broker": (_cpu_of("mosquitto") - broker_before) / messages * 1e6,
            },
            "step_us_per_message": {step: s / messages * 1e6 for step, s in watched.step_seconds().items()},
            "halfway_mb": halfway_mb,
            "end_mb": watched.resident_mb(),
            "peak_mb": watched.peak_mb(),
        }
    with psycopg.connect(address) as conn:
        row = conn.execute(COUNTS).fetchone()
    assert row is not None
    return report | {"lost": messages - row[1] - int(row[2]), "doubled": row[0] - row[1]}


def _cpu_of(program: str) -> float:
    """Give the processor seconds of all processes of a program, and of its children that ended."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if f"({program})" in text:
            ticks += sum(int(field) for field in text.rsplit(")", 1)[1].split()[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def run_steady(address: str, broker: str) -> Report:
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


def run_fleets(cluster: Cluster, broker: str) -> Report:
    """Compare the cost of a message among few and among many known devices."""
    report: Report = {}
    for devices in (FEW, MANY):
        with city(cluster, devices) as address:
            flood = run_flood(address, broker, SHORT, devices)
        report[str(devices)] = {name: flood[name] for name in ("messages_per_s", "us_per_message", "peak_mb")}
        _say(f"{devices:,} devices: {flood['messages_per_s']:,.0f}/s")
    few, many = report[str(FEW)], report[str(MANY)]
    report["wall_many_to_few"] = few["messages_per_s"] / many["messages_per_s"]
    ours = [sum(it["us_per_message"][part] for part in ("ingest", "database")) for it in (many, few)]
    report["cpu_many_to_few"] = ours[0] / ours[1]
    return report


if __name__ == "__main__":
    sys.exit(main())
