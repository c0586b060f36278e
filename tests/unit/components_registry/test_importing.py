"""Survey rows: every bad row gets one finding with its own reason, good rows stay."""

from pathlib import Path

import numpy as np
import pytest
import shapely

from components_registry.importing import Rules, Seen, check
from components_registry.model import Finding, SurveyRows
from components_registry.reading import chunks, open_source
from components_registry.taxonomy import TANGSHAN
from core.errors import InvalidInput
from geo.grid import GridIndex

GRIDS = GridIndex([11], [shapely.box(118.17, 39.62, 118.19, 39.64)])
HEADER = "code,state,x,y,wkt,surveyed_on,note"
GOOD = "1302030103000001,完好,118.18,39.63,,20250301,"


def rules(crs: str = "EPSG:4326", grids: GridIndex = GRIDS, *, northing_first: bool = False) -> Rules:
    return Rules(
        catalogue=TANGSHAN, districts={"130203"}, grids=grids, crs=crs, northing_first=northing_first
    )  # fmt: skip


def survey(folder: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    file = folder / "survey.csv"
    file.write_text("\n".join((header, *rows)) + "\n", encoding=encoding, newline="")
    return file


def run(file: Path, given: Rules | None = None, chunk_rows: int = 1000) -> tuple[list[SurveyRows], list[Finding]]:
    seen, good, findings = Seen(), [], []
    for chunk in chunks(open_source(file), rows=chunk_rows):
        rows, flawed = check(chunk.table, chunk.drawn, given or rules(), seen)
        good.append(rows)
        findings += [*chunk.refused, *flawed]
    return good, findings


BAD_ROWS = {
    "130203010300002,完好,118.18,39.63,,,": ("code", "code_length"),
    "13020301030000２2,完好,118.18,39.63,,,": ("code", "code_not_digits"),
    "1303020103000002,完好,118.18,39.63,,,": ("code", "code_foreign_district"),
    "1302031303000002,完好,118.18,39.63,,,": ("code", "code_unknown_class"),
    "1302030103000000,完好,118.18,39.63,,,": ("code", "code_serial_zero"),
    "1302030103000003,很好,118.18,39.63,,,": ("state", "unknown_state"),
    "1302030103000004,完好,118.18,39.63,,20250230,": ("surveyed_on", "bad_date"),
    "1302030103000005,完好,,,,,": ("x", "no_coordinates"),
    "1302030103000006,完好,118.18,north,,,": ("y", "bad_coordinate"),
    "1302030103000007,完好,39.63,118.18,,,": ("x", "coordinate_range"),
    "1302030103000008,完好,,,POINT (118.18,,": ("wkt", "bad_geometry"),
    '1302030301000009,完好,,,"POLYGON ((118.18 39.63, 118.182 39.632, 118.182 39.63, 118.18 39.632, 118.18 39.63))",,':
        ("wkt", "bad_geometry"),
    '1302030103000010,完好,,,"LINESTRING (118.18 39.63, 118.181 39.63)",,': ("geometry", "geometry_kind"),
    "1302030301000011,完好,118.18,39.63,,,": ("geometry", "geometry_kind"),
    "1302030103000012,完好,118.30,39.63,,,": ("geometry", "outside_grids"),
    "1302030103000001,完好,118.1805,39.63,,,": ("code", "duplicate_code"),
    "1302030103000013,完好,118.18,39.63,,,": ("geometry", "duplicate_position"),
    "1302030103000014,完好,118.181,39.63,,,bell\x07": ("note", "bad_text"),
    "1302030103000015,完好,118.18": ("", "row_shape"),
}  # fmt: skip


@pytest.mark.parametrize(("row", "expected"), BAD_ROWS.items(), ids=[reason for _, reason in BAD_ROWS.values()])
def test_a_bad_row_gets_one_finding_and_its_neighbours_stay(
    tmp_path: Path, row: str, expected: tuple[str, str]
) -> None:
    file = survey(tmp_path, GOOD, row, "1302030137000002,破损,118.182,39.63,,,")

    good, findings = run(file)

    assert [(f.line, f.column, f.reason) for f in findings] == [(3, *expected)]
    assert findings[0].detail
    assert good[0].code.tolist() == ["1302030103000001", "1302030137000002"]


def test_all_bad_rows_together_give_one_finding_each(tmp_path: Path) -> None:
    good, findings = run(survey(tmp_path, GOOD, *BAD_ROWS))

    assert sorted(f.line for f in findings) == list(range(3, 3 + len(BAD_ROWS)))
    assert good[0].code.tolist() == ["1302030103000001"]


def test_a_repeat_is_found_across_open_source(tmp_path: Path) -> None:
    _, findings = run(survey(tmp_path, GOOD, "1302030137000002,完好,118.182,39.63,,,", GOOD), chunk_rows=1)

    assert [(f.line, f.reason) for f in findings] == [(4, "duplicate_code")]
    assert "line 2" in findings[0].detail


def test_line_numbers_count_lines_inside_quoted_texts(tmp_path: Path) -> None:
    rows = ('1302030103000001,完好,118.18,39.63,,,"two\nlines"', "1302030103000000,完好,118.181,39.63,,,")

    _, findings = run(survey(tmp_path, *rows))

    assert [f.line for f in findings] == [4]


def test_good_rows_get_names_offices_dates_and_grid(tmp_path: Path) -> None:
    good, _ = run(survey(tmp_path, GOOD))
    rows = good[0]

    assert (rows.name[0], rows.state[0], rows.surveyed_on[0], rows.unit_grid_id[0]) == (
        "雨水井盖", "intact", "2025-03-01", 11,
    )  # fmt: skip
    assert rows.competent[0] == TANGSHAN.classes["0103"].department_zh


def test_a_city_without_grids_takes_rows_unassigned(tmp_path: Path) -> None:
    good, findings = run(survey(tmp_path, GOOD), rules(grids=GridIndex([], [])))

    assert findings == []
    assert good[0].unit_grid_id.tolist() == [0]


def test_survey_coordinates_are_projected_in_either_axis_order(tmp_path: Path) -> None:
    metres = survey(tmp_path, "1302030103000001,,601307.848,4389112.971,,,")
    good, _ = run(metres, rules("EPSG:4548"))
    np.testing.assert_allclose(shapely.get_coordinates(good[0].geometry), [[118.18, 39.63]], atol=1e-8)

    swapped = survey(tmp_path, "1302030103000001,,4389112.971,601307.848,,,")
    good, _ = run(swapped, rules("EPSG:4548", northing_first=True))
    np.testing.assert_allclose(shapely.get_coordinates(good[0].geometry), [[118.18, 39.63]], atol=1e-8)

    _, findings = run(swapped, rules("EPSG:4548"))
    assert [f.reason for f in findings] == ["coordinate_range"]
    assert "--axes ne" in findings[0].detail


def test_a_chinese_sheet_in_gb18030_with_its_own_headings_is_read(tmp_path: Path) -> None:
    header = "部件标识码,部件状态,经度,纬度,备注"
    file = survey(tmp_path, "1302030103000001,破损,118.18,39.63,东侧", header=header, encoding="gb18030")

    good, findings = run(file)

    assert findings == []
    assert (good[0].state[0], good[0].note[0]) == ("damaged", "东侧")


def test_geojson_features_are_rows(tmp_path: Path) -> None:
    file = tmp_path / "survey.geojson"
    file.write_text(
        '{"type":"FeatureCollection","features":['
        '{"type":"Feature","properties":{"code":"1302030103000001","state":"intact"},'
        '"geometry":{"type":"Point","coordinates":[118.18,39.63]}},'
        '{"type":"Feature","properties":{"code":"1302030103000002"},"geometry":null}]}'
    )

    good, findings = run(file)

    assert good[0].code.tolist() == ["1302030103000001"]
    assert [(f.line, f.reason) for f in findings] == [(2, "bad_geometry")]


@pytest.mark.parametrize(
    ("header", "match"),
    [("state,x,y", "no column for the component code"), ("code,state", "no coordinates"), ("code,x,y,lon", "two col")],
)
def test_a_header_that_lacks_what_is_needed_names_it(tmp_path: Path, header: str, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        run(survey(tmp_path, header=header))


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "survey.xls").write_bytes(b"\xd0\xcf")

    with pytest.raises(InvalidInput, match="does not exist"):
        open_source(tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match=r"surveys are read from \.csv, "):
        open_source(tmp_path / "survey.xls")
