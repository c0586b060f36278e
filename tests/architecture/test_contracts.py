"""The import contracts hold, and each of them catches what it is there for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import CONTRACTS, PACKAGES, ROOT

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
PLANTED = {
    "Imports only go down": {"storage/pool.py": "import devices.model"},
    "What decides does no I/O": {"geo/grid.py": "import time"},
    "Rules see located readings, never the registries or the wire": {"alerts/store.py": "import devices.model"},
    "Simulators speak the wire format and cannot reach the service side": {"simulators/feed.py": "import storage.pool"},
    "The API neither ingests nor decodes": {"api/app.py": "import ingest.session"},
    "No route knows a format": {"api/guard.py": "import wire.topics"},
    "Only services and the journey touch a store": {"api/services.py": "import devices.store"},
    "Only the API and the process that serves it import FastAPI": {"devices/service.py": "import fastapi"},
    "Only the MQTT sessions import an MQTT client": {"runtime/city.py": "import mqtt5"},
    "Only runtime.settings reads the environment": {"storage/migrate.py": "import pydantic_settings"},
    "No cycles inside any package": {"core/quality.py": "import core.origin", "core/origin.py": "import core.quality"},
}
"""For each contract: what to add to which file so that it must break."""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the Python packages, to be spoilt."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_is_kept() -> None:
    result = lint(ROOT)

    assert result.returncode == 0, result.stdout[-4000:]


def test_every_contract_catches_what_it_is_there_for(copy: Path) -> None:
    for plants in PLANTED.values():
        for file, line in plants.items():
            with (copy / file).open("a", encoding="utf-8") as spoilt:
                spoilt.write(f"\n{line}\n")

    result = lint(copy)

    broken = {row.removesuffix(" BROKEN") for row in result.stdout.splitlines() if row.endswith(" BROKEN")}
    assert broken == set(PLANTED)
    assert set(PLANTED) == {contract["name"] for contract in CONTRACTS.values()}
