"""Sheets of devices as people make them: headings, encodings, what Excel does to numbers, and rows to mend."""

import io

import pytest
from openpyxl import Workbook

from core.errors import InvalidInput
from devices import sheet


def workbook(*rows: tuple[str | float, ...]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(list(row))  # pyright: ignore[reportOptionalMemberAccess]
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_csv_of_a_chinese_excel_is_read_with_chinese_headings():
    content = "标签,设备类型,部件编码,上报间隔\nMC-1,manhole_cover,1302030102000001,3600\n".encode("gb18030")

    (row,) = sheet.rows(sheet.read("devices.csv", content)).registrations

    assert (row.label, row.profile, row.component_code, row.interval_s) == (
        "MC-1",
        "manhole_cover",
        "1302030102000001",
        3600.0,
    )


def test_a_code_that_excel_rounded_is_refused_not_guessed():
    content = workbook(
        ("label", "profile", "component_code"),
        ("MC-1", "manhole_cover", "1302030102000001"),
        ("MC-2", "manhole_cover", 1302030102000000),
    )
    rows = sheet.rows(sheet.read("devices.xlsx", content))

    assert [row.label for row in rows.registrations] == ["MC-1"]
    assert [(finding.line, finding.reason) for finding in rows.findings] == [(3, "rounded_by_excel")]


def test_numbers_of_a_workbook_are_the_labels_people_see():
    content = workbook(("label", "profile", "interval_s"), (1001, "bus", 10.5))

    (row,) = sheet.rows(sheet.read("devices.xlsx", content)).registrations

    assert (row.label, row.interval_s) == ("1001", 10.5)


def test_each_bad_cell_is_a_finding_of_its_line_and_the_rest_goes_on():
    content = (
        b'label,profile,lon_deg,install\n\nA,bus,east,\nB,bus,118,"{x"\nC,bus,118,"[1]"\nD,bus,118.2,"{""a"": 1}"\n'
    )
    rows = sheet.rows(sheet.read("devices.csv", content))

    assert [row.label for row in rows.registrations] == ["D"]
    assert [(finding.line, finding.column) for finding in rows.findings] == [
        (3, "lon_deg"),
        (4, "install"),
        (5, "install"),
    ]


def test_refused_rows_come_back_with_their_finding_and_can_be_sent_again():
    first = sheet.read("devices.csv", b"label,profile,lon_deg,lat_deg,district_code\nA,bus,east,39,130203\n")
    again = sheet.refused(first, sheet.rows(first).findings)
    mended = sheet.read("again.csv", again.replace("east,39", "118,39").encode())

    assert again.splitlines()[1].startswith("2,lon_deg,not_a_number,")
    assert [row.lon_deg for row in sheet.rows(mended).registrations] == [118.0]
    assert "finding_line,finding_line" not in sheet.refused(mended, sheet.rows(first).findings)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"name,kind\n", "no column label, profile"),
        ("a.csv", b"", "no column label, profile"),
        ("a.xlsx", b"not a workbook", "not a workbook"),
        ("a.csv", b"label,profile\n\xff\xff\xff,x\n", "neither UTF-8 nor GB 18030"),
    ],
)
def test_what_is_no_sheet_says_so(name: str, content: bytes, says: str):
    with pytest.raises(InvalidInput, match=says):
        sheet.read(name, content)
