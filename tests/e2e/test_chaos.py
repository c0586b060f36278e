"""A short round of `make chaos`: three faults under a small load, judged by the independent checker."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAULTS = ("ingest_killed", "database_backend_killed", "broker_killed_republished")

pytestmark = [pytest.mark.services, pytest.mark.long]


def test_a_short_round_of_chaos_loses_and_doubles_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.chaos",
            *FAULTS,
            "--rate",
            "500",
            "--scale",
            "0.05",
            "--data-dir",
            tmp_path / "c",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    report = json.loads(done.stdout.splitlines()[-1])
    assert report["faults"] == dict.fromkeys(FAULTS, 1), done.stderr
    assert [report[name] for name in ("lost", "doubled", "unexplained", "altered")] == [0, 0, 0, 0]
    assert report["acknowledged"] == report["sent"] == report["stored"] + report["dead_lettered"]
    assert done.returncode == 0
