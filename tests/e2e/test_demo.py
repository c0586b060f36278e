"""The demo on a small town, with real services of its own: killed processes lose nothing."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from runtime.services import control
from tests.e2e import town
from tests.own_services import free_port, isolated_settings

ROOT = Path(__file__).parents[2]
DURATION_S = 90

pytestmark = [pytest.mark.demo, pytest.mark.services, pytest.mark.timeout(400)]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that the services' unprivileged accounts can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="citygrid-e2e-"))
    folder.chmod(0o755)
    town.write(folder / "city")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Demo:
    """A running `citygrid demo --headless`; its progress lines tell how far it is."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.settings = isolated_settings(data_dir, free_port(), free_port())
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CITYGRID_")}
        environment |= {
            "CITYGRID_DATA_DIR": str(data_dir),
            "CITYGRID_DATABASE_PORT": str(self.settings.database_port),
            "CITYGRID_MQTT_PORT": str(self.settings.mqtt_port),
            "CITYGRID_HTTP_PORT": "0",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "demo", "--headless", *options],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._lines: Queue[str | None] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def wait_until_running(self, seconds: float) -> None:
        while (line := self._lines.get(timeout=120)) is not None:
            self.said.append(line)
            found = re.match(r"running (\d+) s", line)
            if found and float(found[1]) >= seconds:
                return
        raise AssertionError("the demo ended early:\n" + "".join(self.said))

    def child(self, name: str) -> int:
        """Give the process id of one of its children."""
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if parent == self.process.pid and words[-3:-1] == [b"run", name.encode()]:
                return int(entry.name)
        raise AssertionError(f"no child {name}")

    def service(self, name: str) -> int:
        """Give the process id of a service."""
        part = next(part for part in control.status(self.settings) if part.name == name)
        assert part.pid is not None
        return part.pid

    def finish(self) -> dict[str, float | None]:
        assert self.process.stdout is not None
        output = self.process.stdout.read()  # not communicate(): it would take lines away from the listener
        self.process.wait(timeout=60)
        while (line := self._lines.get(timeout=5)) is not None:
            self.said.append(line)
        assert self.process.returncode == 0, "".join(self.said[-40:])
        last: dict[str, float | None] = json.loads(output.splitlines()[-1])
        return last


@pytest.fixture
def demo(data_dir: Path) -> Iterator[Demo]:
    running = Demo(data_dir, "--duration", str(DURATION_S), "--faults-per-minute", "15", "--rate-scale", "3")
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(timeout=60)
    control.stop(running.settings)


def test_killing_each_process_in_turn_loses_nothing_and_doubles_nothing(demo: Demo) -> None:
    demo.wait_until_running(10)
    os.kill(demo.child("ingest"), signal.SIGKILL)
    demo.wait_until_running(20)
    os.kill(demo.child("api"), signal.SIGKILL)
    demo.wait_until_running(30)
    os.kill(demo.service("mosquitto"), signal.SIGKILL)
    demo.wait_until_running(50)
    os.kill(demo.service("postgres"), signal.SIGKILL)

    verdict = demo.finish()

    assert (verdict["lost"], verdict["duplicated"]) == (0, 0)
    assert verdict["matched"] == verdict["faults"]
    assert verdict["faults"]
    assert verdict["sent"] == (verdict["stored"] or 0) + (verdict["dead_letters"] or 0)
    told = re.search(r"(\d+) restarts", "".join(demo.said))
    assert told, "the demo says how many processes it started again"
    assert int(told[1]) >= 4, told[0]
