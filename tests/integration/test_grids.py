"""Grids and surveys from the command line: what is loaded, what is refused, the exit codes."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
import shapely
from shapely.geometry import mapping
from typer.testing import CliRunner

from cli.main import tree

AREAS = """
INSERT INTO area (area_code, level, parent_code, name_zh, name_en) VALUES
    ('130200', 'city', NULL, '唐山市', 'Tangshan'), ('130203', 'district', '130200', '路北区', 'Lubei District'),
    ('130203001', 'street', '130203', '乔屯街道', 'Qiaotun Subdistrict'),
    ('130203001001', 'community', '130203001', '乔屯楼社区', 'Qiaotunlou Community')
"""


@pytest.fixture
def city(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CITYGRID_DATABASE_URL", database)
    with psycopg.connect(database) as conn:
        conn.execute(AREAS)
    return database


def run(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(tree(), [*arguments, "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def collection(folder: Path, name: str, *features: tuple[dict[str, Any], shapely.Geometry]) -> str:
    rows = [{"type": "Feature", "properties": given, "geometry": mapping(shape)} for given, shape in features]
    file = folder / name
    file.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    return str(file)


def cell(column: int, width: float = 0.001) -> shapely.Polygon:
    return shapely.box(118.18 + column * 0.001, 39.63, 118.18 + column * 0.001 + width, 39.631)


def test_grids_and_a_survey_are_loaded_and_good_ones_outlive_bad_ones(city: str, tmp_path: Path) -> None:
    patrols = collection(
        tmp_path, "patrol.geojson",
        ({"code": "P1", "district_code": "130203", "name_zh": "一号"}, shapely.box(118.18, 39.63, 118.182, 39.631)),
    )  # fmt: skip
    units = collection(
        tmp_path, "unit.geojson",
        ({"code": "13020300100101", "patrol_code": "P1"}, cell(0)),
        ({"code": "130203001001002", "patrol_code": "P1"}, cell(1)),
        ({"code": "130203009001001"}, cell(2)),
    )  # fmt: skip
    survey = tmp_path / "survey.csv"
    survey.write_text("code,x,y\n1302030103000001,118.1805,39.6305\n1302030103000002,118.3,39.6305\n")

    assert run("grids", "import", patrols, "--level", "patrol") == (0, {"loaded": 1, "findings": []})
    code, report = run("grids", "import", units, "--level", "unit")
    assert (code, report["loaded"], [f["reason"] for f in report["findings"]]) == (1, 2, ["unknown_parent"])
    assert run("grids", "check") == (0, {"unit_grids": 2, "findings": []})
    code, report = run("components", "import", str(survey))
    assert (code, report["rows_loaded"], [f["reason"] for f in report["findings"]]) == (1, 1, ["outside_grids"])
    assert run("components", "findings", str(report["survey_id"]))[1] == report["findings"]
    with psycopg.connect(city) as conn:
        grid = conn.execute("SELECT u.code FROM component JOIN unit_grid u USING (unit_grid_id)").fetchone()
    assert grid == ("130203001001001",)


def test_a_check_finds_overlaps_and_patrol_grids_in_pieces(city: str, tmp_path: Path) -> None:
    patrols = collection(tmp_path, "patrol.geojson", ({"code": "P1", "district_code": "130203"}, cell(0)))
    units = collection(
        tmp_path, "unit.geojson",
        ({"code": "130203001001001", "patrol_code": "P1"}, cell(0)),
        ({"code": "130203001001002"}, cell(1, width=0.0015)),
        ({"code": "130203001001003", "patrol_code": "P1"}, cell(2)),
    )  # fmt: skip
    run("grids", "import", patrols, "--level", "patrol")
    run("grids", "import", units, "--level", "unit")

    code, report = run("grids", "check")

    assert code == 1
    assert [(f["flaw"], f["codes"]) for f in report["findings"]] == [
        ("overlap", ["130203001001002", "130203001001003"]),
        ("not_adjacent", ["P1"]),
    ]


def test_the_catalogue_is_printed_whole() -> None:
    code, classes = run("components", "classes")

    assert (code, len(classes)) == (0, 116)
