"""What a survey report says of rows and of the file, and the file of rows to mend."""

import csv
from pathlib import Path

import numpy as np
import pyogrio.raw
import shapely
from psycopg import AsyncConnection

from components_registry import service
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
