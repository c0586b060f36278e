"""The same survey in every format gives the same components; what a file does not say is found out or asked for."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyogrio.raw
import pytest
import shapely

from components_registry.importing import Rules, Seen, check
from components_registry.mapping import AS_IT_IS, ColumnMapping, parse
from components_registry.model import Finding
from components_registry.reading import chunks, open_source
from components_registry.taxonomy import TANGSHAN
from core.errors import InvalidInput
from geo.grid import GridIndex
from geo.projection import geometries_from_degrees

CODES = ["1302030103000001", "1302030137000002"]
NAMES = ["雨水井盖甲", "乙"]
STATES = ["完好", "破损"]
DATES = np.asarray(["2025-03-01", "2025-03-02"], dtype="datetime64[D]")
POINTS = np.asarray(shapely.points([118.18, 118.182], [39.63, 39.631]))
EXPECTED = [
    ("1302030103000001", "雨水井盖甲", "intact", "2025-03-01", 118.18, 39.63),
    ("1302030137000002", "乙", "damaged", "2025-03-02", 118.182, 39.631),
]
DRIVERS = {
    "survey.gpkg": "GPKG", "survey.shp": "ESRI Shapefile", "survey.gdb": "OpenFileGDB",
    "survey.geojson": "GeoJSON", "survey.geojsonl": "GeoJSONSeq",
}  # fmt: skip


def write(file: Path, crs: str = "EPSG:4326", **options: Any) -> Path:
    geometry = POINTS if crs == "EPSG:4326" else geometries_from_degrees(crs, POINTS)
    dates = DATES.astype("datetime64[ms]") if file.suffix == ".gdb" else DATES
    columns = [np.asarray(CODES, object), np.asarray(NAMES, object), np.asarray(STATES, object), dates]
    pyogrio.raw.write(
        file, shapely.to_wkb(geometry), columns, ["code", "objname", "state", "surveyed_on"],
        driver=DRIVERS[file.name], geometry_type="Point", crs=crs, **options,
    )  # fmt: skip
    return file


def read(
    file: Path, *, crs: str = "", rows: int = 1000, mapping: ColumnMapping = AS_IT_IS, layer: str = ""
) -> tuple[list[tuple[Any, ...]], list[Finding]]:
    source = open_source(file, layer=layer)
    rules = Rules(
        catalogue=TANGSHAN, districts={"130203"}, grids=GridIndex([], []), northing_first=False,
        crs=crs or source.crs or "EPSG:4326",
    )  # fmt: skip
    seen, found, findings = Seen(), list[tuple[Any, ...]](), list[Finding]()
    for chunk in chunks(source, mapping, rows):
        good, flawed = check(chunk.table, chunk.drawn, rules, seen)
        findings += [*chunk.refused, *flawed]
        places = shapely.get_coordinates(good.geometry).round(7).tolist()
        columns = (good.code.tolist(), good.name, good.state, good.surveyed_on)
        found += [(*row, *place) for row, place in zip(zip(*columns, strict=True), places, strict=True)]
    return found, findings


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize("rows", [1, 1000])
def test_every_layer_format_gives_the_same_components(tmp_path: Path, name: str, rows: int) -> None:
    assert read(write(tmp_path / name), rows=rows) == (EXPECTED, [])


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4527", "EPSG:4548", "EPSG:4498", "EPSG:4508"])
@pytest.mark.parametrize("name", ["survey.gpkg", "survey.shp"])
def test_the_files_own_system_is_used(tmp_path: Path, name: str, crs: str) -> None:
    assert read(write(tmp_path / name, crs)) == (EXPECTED, [])


def test_a_local_system_is_given_as_a_proj_string(tmp_path: Path) -> None:
    local = "+proj=tmerc +lat_0=0 +lon_0=118.2 +x_0=100000 +y_0=-4300000 +ellps=GRS80 +units=m"
    file = write(tmp_path / "survey.gpkg", local)

    assert read(file, crs=local) == (EXPECTED, [])


@pytest.mark.parametrize("encoding", ["GB18030", "GBK", "UTF-8"])
@pytest.mark.parametrize("told", [True, False])
def test_a_shapefiles_chinese_is_read_whether_or_not_it_says_its_encoding(
    tmp_path: Path, encoding: str, told: bool
) -> None:
    file = write(tmp_path / "survey.shp", encoding=encoding)
    if not told:
        file.with_suffix(".cpg").unlink()

    assert read(file) == (EXPECTED, [])
    assert bool(open_source(file).notes) is not told


def test_a_shapefile_whose_cpg_lies_is_read_and_the_lie_is_said(tmp_path: Path) -> None:
    file = write(tmp_path / "survey.shp", encoding="GBK")
    file.with_suffix(".cpg").write_text("UTF-8")

    assert read(file) == (EXPECTED, [])
    assert open_source(file).notes == ("survey.shp says its texts are UTF-8, but they are not: read as GB18030",)


def test_texts_in_no_known_encoding_ask_for_it(tmp_path: Path) -> None:
    file = write(tmp_path / "survey.shp", encoding="GBK")
    file.with_suffix(".cpg").unlink()
    table = file.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace("雨水".encode("gbk"), b"\xff\xff\xff\xff"))

    with pytest.raises(InvalidInput, match="--encoding"):
        open_source(file)


def test_a_file_with_several_layers_asks_which(tmp_path: Path) -> None:
    file = write(tmp_path / "survey.gpkg", layer="covers")
    write(file, layer="lamps")

    with pytest.raises(InvalidInput, match=r"2 layers: covers, lamps; name one with --layer"):
        open_source(file)
    with pytest.raises(InvalidInput, match="no layer 'lids'"):
        open_source(file, layer="lids")
    assert read(file, layer="covers") == (EXPECTED, [])


def workbook(file: Path, *rows: tuple[Any, ...], sheets: tuple[str, ...] = ("井盖",)) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for sheet in sheets:
        page = book.create_sheet(sheet)
        for row in (("code", "部件名称", "state", "surveyed_on", "x", "y"), *rows):
            page.append(row)
    book.create_sheet("Sheet2")
    book.save(file)
    return file


ROWS = (
    (CODES[0], NAMES[0], STATES[0], datetime(2025, 3, 1), 118.18, 39.63),
    (CODES[1], NAMES[1], STATES[1], "20250302", "118.182", 39.631),
)


def test_a_workbook_gives_the_same_components(tmp_path: Path) -> None:
    assert read(workbook(tmp_path / "survey.xlsx", *ROWS), rows=1) == (EXPECTED, [])


def test_a_code_that_excel_took_for_a_number_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = workbook(tmp_path / "survey.xlsx", (1302030103000001, "", "", None, 118.18, 39.63), (), *ROWS[1:])

    found, findings = read(file)

    assert found == EXPECTED[1:]
    assert [(f.line, f.column) for f in findings] == [(2, "code")]
    assert "a spreadsheet keeps 15 digits" in findings[0].detail


def test_a_workbook_with_several_sheets_asks_which(tmp_path: Path) -> None:
    file = workbook(tmp_path / "survey.xlsx", *ROWS, sheets=("井盖", "路灯"))

    with pytest.raises(InvalidInput, match="2 sheets with rows: 井盖, 路灯"):
        open_source(file)
    assert read(file, layer="路灯") == (EXPECTED, [])


@pytest.mark.parametrize("name", ["survey.xlsx", "survey.gpkg", "survey.geojson", "survey.shp"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"no survey at all")
    file.with_suffix(".dbf").write_bytes(b"")

    with pytest.raises(InvalidInput, match=name):
        open_source(file)


MAPPING = """
columns: {code: BM, x: DQJD, y: DQWD}
constants: {state: 完好, data_source: 普查}
values: {owner: {城管: 城市管理局}}
"""


def test_a_mapping_names_columns_constants_and_words(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    file.write_text("BM,DQJD,DQWD,部件状态,owner\n1302030103000001,118.18,39.63,好,城管\n", encoding="utf-8")

    table = next(chunks(open_source(file), parse(MAPPING, "map.yaml"))).table

    row = {name: table[name][0] for name in ("code", "x", "y", "state", "data_source", "owner", "note")}
    assert row == {
        "code": "1302030103000001", "x": "118.18", "y": "39.63", "state": "完好", "data_source": "普查",
        "owner": "城市管理局", "note": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("colums: {code: BM}", "'colums' is none of columns, constants, values .is 'columns' meant"),
        ("columns: {cod: BM}", "columns: 'cod' is no column of ours .is 'code' meant"),
        ("columns: [code]", r"columns: expected `name: value` lines"),
        ("columns: {state: ZT}\nconstants: {state: intact}", "'state' stands in columns and in constants"),
        ("constants: {code: 1302030103000001}", "every row has its own 'code'"),
        ("values: {state: {好: fine}}", "'fine' is no state"),
        ("columns: {code: [a, b]}", "columns: code: expected a text"),
        ("columns: {", "is no YAML"),
    ],
)
def test_a_wrong_mapping_says_where_and_what_would_be_right(text: str, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        parse(text, "map.yaml")


def test_a_mapped_heading_that_the_file_lacks_is_named(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    file.write_text("BM,x,y\n", encoding="utf-8")

    with pytest.raises(InvalidInput, match="column for 'code': there is no 'CODE'; the file has BM, x, y"):
        chunks(open_source(file), parse("columns: {code: CODE}", "map.yaml"))


def test_nobody_imports_gdal_arrow_or_a_workbook_library_before_a_file_needs_it() -> None:
    heavy = "{'pyogrio', 'pyarrow', 'openpyxl', 'pandas'}"
    program = f"import sys, components_registry.service; sys.exit(len({heavy} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
