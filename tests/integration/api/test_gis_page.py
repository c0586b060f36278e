"""What docs/gis.md shows is run: GDAL's commands, Python, filters, exports. Its programs where they are installed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pyarrow.parquet
import pyogrio
import pytest
from typer.testing import CliRunner

from cli import export
from tests.gdal_reader import Gdal, gdal
from tests.integration.api.conftest import signed_in

PAGE = (Path(__file__).parents[3] / "docs" / "gis.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
SHELL = [line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines()]
COMMANDS = [line for line in SHELL if line.startswith("ogr")]
EXPORTS = [line.removeprefix("citygrid export ") for line in SHELL if line.startswith("citygrid export ")]
FILTERS = [line for kind, text in BLOCKS if kind == "text" for line in text.splitlines()]
(PYTHON,) = (text for kind, text in BLOCKS if kind == "python")
SHOWN = "http://localhost:8000"


@pytest.fixture
def key(shared_address: str) -> str:
    return signed_in(shared_address)["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def reader(key: str) -> Iterator[Gdal]:
    with gdal({"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": key}) as reader:
        yield reader


def asked_of(words: list[str]) -> tuple[str, str, dict[str, Any]]:
    """Give source, layer and what pyogrio calls the options of a GDAL command."""
    plain: list[str] = []
    asked: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word == "-where":
            asked["where"] = next(rest)
        elif word == "-spat":
            asked["bbox"] = tuple(float(next(rest)) for _ in range(4))
        elif word == "-oo":
            name, _, value = next(rest).partition("=")
            asked[name] = value
        elif word == "-lco":
            next(rest)
        elif not word.startswith("-"):
            plain.append(word)
    *_, source, layer = plain
    return source, layer, asked


def test_gdals_commands_read_what_they_ask_for(reader: Gdal, shared_address: str) -> None:
    found: list[tuple[str, int]] = []
    systems: list[str] = []
    for command in COMMANDS:
        source, layer, asked = asked_of(shlex.split(command)[1:])
        meta, shapes, _ = reader.read(source.replace(SHOWN, shared_address), layer, **asked)
        found.append((layer, len(shapes)))
        systems.append(meta["crs"])
    assert found == [("components", 6), ("components", 1), ("devices", 0), ("unit_grids", 4)]
    assert "4548" in systems[-1]


@pytest.mark.skipif(shutil.which("ogr2ogr") is None, reason="GDAL's programs are not installed; its library is")
def test_gdals_programs_run_as_shown(key: str, shared_address: str, tmp_path: Path) -> None:
    env = {**os.environ, "GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": key}
    for command in COMMANDS:
        words = shlex.split(command.replace(SHOWN, shared_address))
        subprocess.run(words, cwd=tmp_path, env=env, check=True, timeout=60)


def test_the_python_runs_as_shown(key: str, shared_address: str) -> None:
    code = f"KEY, ADDRESS = {key!r}, {shared_address!r}\n{PYTHON}\nprint(table[1].num_rows)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


async def test_the_filters_and_the_path_are_taken(api: httpx2.AsyncClient) -> None:
    for text in FILTERS:
        collection = "incidents" if "opened_at" in text else "components"
        answer = await api.get(f"/ogc/collections/{collection}/items", params={"filter": text})
        assert answer.status_code == 200, (text, answer.text)
    (path,) = re.findall(r"`(/ogc/collections/\w+/items\?[^`]+)`", PAGE)
    assert [it["properties"]["severity"] for it in (await api.get(path)).json()["features"]] == ["critical"]


def test_every_export_is_written(shared_city: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYGRID_DATABASE_URL", shared_city)
    monkeypatch.chdir(tmp_path)
    for line in EXPORTS:
        done = CliRunner().invoke(export.app, shlex.split(line))
        assert done.exit_code == 0, (line, done.output)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "components.gpkg", "damaged.csv", "grids.geojson", "lamps.parquet", "then.csv",
    ]  # fmt: skip
    nothing = pyarrow.parquet.read_table(tmp_path / "lamps.parquet")
    assert (nothing.num_rows, {"class_zh", "state"} <= set(nothing.column_names)) == (0, True), "no lamp is registered"
    done = CliRunner().invoke(export.app, ["components", "none.gpkg", "--class", "0137"])
    assert (done.exit_code, pyogrio.read_info("none.gpkg")["features"]) == (0, 0), done.output
