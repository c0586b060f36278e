"""The ingest process under measurement: started as an installation starts it, watched through its metrics and /proc."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.lanes import CITY, Lane, queues
from tests.own_services import free_port

LOG = Path("build/bench_ingest.log")
CLIENT_IDS = tuple(queue.client_id for queue in queues(CITY))


@contextmanager
def ingest(address: str, broker: str) -> Iterator["Watched"]:
    """Run the ingest process until the block ends."""
    port = free_port()
    environment = os.environ | {
        "CITYGRID_DATABASE_URL": address,
        "CITYGRID_MQTT_URL": broker,
        "CITYGRID_METRICS_PORT": str(port),
        "CITYGRID_LOG_FORMAT": "json",
    }
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w", encoding="utf-8") as log:
        process = subprocess.Popen([sys.executable, "-m", "cli.main", "run", "ingest"], env=environment, stderr=log)
        watched = Watched(process.pid, port)
        try:
            while not watched.ready():
                assert process.poll() is None, LOG.read_text(encoding="utf-8")
                time.sleep(0.1)
            yield watched
        finally:
            process.terminate()
            process.wait()


class Watched:
    """What a running ingest process tells of itself."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port

    def ready(self) -> bool:
        """Whether it has read the registry and every lane is subscribed."""
        log = LOG.read_text(encoding="utf-8")
        return "ingest_ready" in log and log.count("broker_connected") >= len(Lane)

    def stored(self) -> int:
        """Reading sets stored so far."""
        found = re.search(r"^citygrid_readings_stored_total ([0-9.e+]+)", self._metrics(), re.MULTILINE)
        return int(float(found.group(1))) if found else 0

    def step_seconds(self) -> dict[str, float]:
        """Seconds spent in each step so far."""
        found = re.findall(r'^citygrid_step_seconds_sum\{step="(\w+)"\} ([0-9.e+-]+)', self._metrics(), re.MULTILINE)
        return {step: float(seconds) for step, seconds in found}

    def resident_mb(self) -> float:
        """Memory now."""
        return self._status_mb("VmRSS")

    def peak_mb(self) -> float:
        """Memory at its most."""
        return self._status_mb("VmHWM")

    def cpu_s(self) -> float:
        """Processor seconds so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _status_mb(self, line: str) -> float:
        found = re.search(rf"{line}:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text(encoding="ascii"))
        return int(found.group(1)) / 1024 if found else 0.0

    def _metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            text: str = answer.read().decode()
        return text
