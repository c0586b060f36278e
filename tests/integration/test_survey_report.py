"""What a survey report says of rows and of the file, and the file of rows to mend."""

import csv
from pathlib import Path

import numpy as np
import pyogrio.raw
import shapely
from psycopg import AsyncConnection

from components_registry import service
from components_registry.model import MOST_FINDINGS
from components_registry.service import Survey, import_survey
from tests.integration.test_components import NOW, ONE, TWO, components, conn, survey

__all__ = ["conn"]


async def test_refused_rows_come_back_to_be_mended_and_then_load(conn: AsyncConnection, tmp_path: Path) -> None:
    given = survey(tmp_path, ONE, "1302030103000000,完好,118.186,39.63,某公司", "1302030103000009,完好", TWO)
    mend = tmp_path / "mend.csv"

    await import_survey(conn, Survey(file=given.file, refused_rows=mend), now=NOW, actor="me")

    rows = list(csv.reader(mend.open(encoding="utf-8-sig")))
    assert [row[0:3] + row[4:] for row in rows] == [
        ["finding_line", "finding_column", "finding_reason", "code", "state", "x", "y", "owner"],
        ["3", "code", "code_serial_zero", "1302030103000000", "完好", "118.186", "39.63", "某公司"],
        ["4", "", "row_shape", "1302030103000009", "完好"],
    ]
    mend.write_text("\n".join(mend.read_text(encoding="utf-8-sig").splitlines()[:2]).replace("0000,", "0003,"))
    again = await import_survey(conn, Survey(file=mend), now=NOW, actor="me")
    assert (again.created, again.refused) == (1, 0)


async def test_refused_features_come_back_with_their_geometry(conn: AsyncConnection, tmp_path: Path) -> None:
    file, mend = tmp_path / "survey.gpkg", tmp_path / "mend.csv"
    pyogrio.raw.write(
        file, shapely.to_wkb(shapely.points([118.185, 118.186], 39.63)),
        [np.asarray(["1302030103000001", "1302030103000000"], object)], ["code"],
        driver="GPKG", geometry_type="Point", crs="EPSG:4326",
    )  # fmt: skip

    await import_survey(conn, Survey(file=file, refused_rows=mend), now=NOW, actor="me")

    row = next(csv.DictReader(mend.open(encoding="utf-8-sig")))
    assert (row["finding_line"], row["code"], row["wkt"]) == ("2", "1302030103000000", "POINT (118.186 39.63)")


async def test_two_of_a_class_nearer_than_asked_are_told_and_loaded(conn: AsyncConnection, tmp_path: Path) -> None:
    near = "1302030103000003,完好,118.185003,39.63,"
    other_class = "1302030137000004,完好,118.185003,39.63,"

    report = await import_survey(conn, survey(tmp_path, ONE, near, other_class), now=NOW, actor="me")
    again = await import_survey(
        conn, survey(tmp_path, "1302030103000005,完好,118.185001,39.63,"), now=NOW, actor="me"
    )  # fmt: skip

    assert (report.loaded, report.refused) == (3, 0)
    assert [(f.line, f.reason, f.detail, f.refused) for f in report.findings] == [
        (3, "near_duplicate", "line 2 has the same class 0.26 m away", False)
    ]
    assert [(f.line, f.detail) for f in again.findings] == [
        (2, "component 1302030103000001 of the same class is registered 0.09 m away")
    ]
    assert len(await components(conn)) == 4


async def test_near_can_be_narrowed_or_left_out(conn: AsyncConnection, tmp_path: Path) -> None:
    given = survey(tmp_path, ONE, "1302030103000003,完好,118.185003,39.63,")

    for near_m in (0.1, 0.0):
        asked = Survey(file=given.file, near_m=near_m)
        assert (await import_survey(conn, asked, now=NOW, actor="me", dry_run=True)).findings == ()


async def test_the_file_as_a_whole_is_summed_up_and_kept(conn: AsyncConnection, tmp_path: Path) -> None:
    report = await import_survey(conn, survey(tmp_path, ONE, TWO, "1302030103000000,,1,2,"), now=NOW, actor="me")

    expected = {
        "created": 2, "changed": 0, "unchanged": 0, "missing": 0, "refused": 1, "reasons": {"code_serial_zero": 1},
        "departments_missing": {"owner": 1, "maintainer": 2}, "notes": [],
    }  # fmt: skip
    assert report.summary() == expected
    kept = await (await conn.execute("SELECT summary FROM survey")).fetchone()
    assert kept == (expected,)
    assert report.survey_id is not None
    assert tuple(await service.findings_of(conn, report.survey_id)) == report.findings


async def test_a_row_in_another_district_than_its_code_says_is_refused(conn: AsyncConnection, tmp_path: Path) -> None:
    await conn.execute(
        "INSERT INTO area (area_code, level, parent_code, name_zh, name_en)"
        " VALUES ('130202', 'district', '130200', '路南区', 'Lunan')"
    )

    report = await import_survey(conn, survey(tmp_path, "1302020103000001,,118.185,39.63,"), now=NOW, actor="me")

    assert [(f.column, f.reason) for f in report.findings] == [("code", "other_district")]


async def test_polygons_over_registered_ones_of_their_class_are_told(conn: AsyncConnection, tmp_path: Path) -> None:
    def green(serial: int, west: float) -> Survey:
        file = tmp_path / f"{serial}.csv"
        box = shapely.box(west, 39.63, west + 0.001, 39.631).wkt
        file.write_text(f'code,wkt\n130203041100000{serial},"{box}"\n', encoding="utf-8")
        return Survey(file=file)

    first = await import_survey(conn, green(1, 118.183), now=NOW, actor="me")
    over = await import_survey(conn, green(2, 118.1835), now=NOW, actor="me")
    beside = await import_survey(conn, green(3, 118.1846), now=NOW, actor="me")

    assert (first.findings, beside.findings) == ((), ())
    (finding,) = over.findings
    assert (finding.reason, finding.refused, finding.lon) == ("overlap", False, 118.184)
    assert finding.detail.startswith("50% of it or of component 1302030411000001 lie over one another (47")


async def test_of_two_polygons_of_a_class_in_a_file_the_later_is_told_with_how_much(
    conn: AsyncConnection, tmp_path: Path
) -> None:
    squares = {
        2: ("0411", 0, 0, 10), 3: ("0411", 9, 0, 10), 4: ("0411", 5, 0, 10),  # 10 % and 60 %, the most is told
        5: ("0411", 20, 0, 10), 6: ("0411", 22, 2, 1),  # inside
        7: ("0411", 40, 0, 10), 8: ("0411", 50, 0, 10),  # side by side
        9: ("0510", 41, 1, 5),  # another class
    }  # fmt: skip
    file = tmp_path / "greens.csv"
    rows: list[str] = []
    for line, (kind, x, y, side) in squares.items():
        box = shapely.box(*(np.asarray([x, y, x + side, y + side]) / 1e4 + [118.181, 39.63, 118.181, 39.63]))
        rows.append(f'130203{kind}{line:06d},"{box.wkt}"')
    file.write_text("\n".join(("code,wkt", *rows)) + "\n", encoding="utf-8")

    report = await import_survey(conn, Survey(file=file), now=NOW, actor="me")
    narrow = await import_survey(conn, Survey(file=file, overlap=0.3), now=NOW, actor="me", dry_run=True)

    assert report.loaded == len(squares)
    assert [(f.line, f.reason, f.refused, f.detail[:24]) for f in report.findings] == [
        (3, "overlap", False, "10% of it or of line 2 l"),
        (4, "overlap", False, "60% of it or of line 3 l"),
        (6, "overlap", False, "100% of it or of line 5 "),
    ]
    assert 118.1815 < (report.findings[1].lon or 0) < 118.1825
    assert [f.line for f in narrow.findings] == [4, 6]


async def test_of_very_many_findings_a_report_holds_the_first_and_counts_all(
    conn: AsyncConnection, tmp_path: Path
) -> None:
    bad, mend = MOST_FINDINGS + 5, tmp_path / "mend.csv"
    given = survey(tmp_path, *["1302030103000000,,,,"] * bad, ONE)

    report = await import_survey(conn, Survey(file=given.file, refused_rows=mend), now=NOW, actor="me")

    assert [f.line for f in report.findings] == list(range(2, MOST_FINDINGS + 2))
    assert (report.refused, report.reasons, report.loaded) == (bad, {"code_serial_zero": bad}, 1)
    assert report.survey_id
    assert len(await service.findings_of(conn, report.survey_id, limit=2 * bad)) == bad
    assert len(mend.read_text(encoding="utf-8-sig").splitlines()) == 1 + bad


async def test_rows_without_a_unit_are_told_when_asked(conn: AsyncConnection, tmp_path: Path) -> None:
    given = survey(tmp_path, ONE, "1302030103000009,完好,118.186,39.63,")

    asked = await import_survey(
        conn, Survey(file=given.file, required=["owner", "maintainer"]), now=NOW, actor="me", dry_run=True
    )
    report = await import_survey(conn, given, now=NOW, actor="me")

    assert [(f.line, f.column) for f in asked.findings] == [(2, "maintainer"), (3, "owner"), (3, "maintainer")]
    assert {f.reason for f in asked.findings} == {"no_department"}
    assert report.findings == ()


async def test_a_refused_row_is_placed_as_far_as_it_can_be(conn: AsyncConnection, tmp_path: Path) -> None:
    given = survey(tmp_path, "1302030103000000,完好,118.186,39.63,", "1302030103000009,完好,,,", "x,完好,900,39.63,")

    report = await import_survey(conn, given, now=NOW, actor="me")

    assert [(f.line, f.lon, f.lat) for f in report.findings] == [(2, 118.186, 39.63), (3, None, None), (4, None, None)]
    assert report.survey_id
    assert [f.lon for f in await service.findings_of(conn, report.survey_id)] == [118.186, None, None]
