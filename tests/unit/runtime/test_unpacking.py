"""What somebody sends is unpacked within limits, and only what it says it is gets read."""

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.errors import InvalidInput
from runtime.unpacking import survey_in

ENDS = (".csv", ".xlsx", ".gpkg", ".shp", ".gdb", ".geojson")
MEGABYTE = 1024 * 1024


def packed(folder: Path, parts: Mapping[str, bytes], name: str = "sent.zip") -> Path:
    file = folder / name
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as sink:
        for part, content in parts.items():
            sink.writestr(part, content)
    return file


def unpacked(file: Path, most_bytes: int = MEGABYTE) -> Path:
    return survey_in(file, ENDS, most_bytes=most_bytes)


def refusal(file: Path, most_bytes: int = MEGABYTE) -> str:
    with pytest.raises(InvalidInput) as refused:
        unpacked(file, most_bytes)
    return str(refused.value)


def test_a_shapefile_comes_out_whole_beside_what_systems_add(tmp_path: Path) -> None:
    parts = {"井盖/lamps.shp": b"\0\0\x27\x0a", "井盖/lamps.dbf": b"x", "__MACOSX/._lamps.shp": b"x"}
    file = packed(tmp_path, parts)

    found = unpacked(file)

    assert (found.name, found.parent.name) == ("lamps.shp", "井盖")
    assert found.with_suffix(".dbf").is_file()
    assert not (tmp_path / "unpacked" / "__MACOSX").exists()


def test_names_of_older_chinese_zips_are_read_as_they_were_meant(tmp_path: Path) -> None:
    file = packed(tmp_path, {"XXXX.csv": b"code\n"})
    # zipfile itself would write the name as UTF-8
    file.write_bytes(file.read_bytes().replace(b"XXXX.csv", "路灯.csv".encode("gb18030")))

    assert unpacked(file).name == "路灯.csv"


def test_a_geodatabase_may_come_without_its_own_folder(tmp_path: Path) -> None:
    found = unpacked(packed(tmp_path, {"a00000001.gdbtable": b"x", "gdb": b"x"}, "census.gdb.zip"))

    assert (found.name, found.is_dir()) == ("census.gdb", True)


@pytest.mark.parametrize("name", ["../out.csv", "a/../../out.csv", "/etc/out.csv", "..\\out.csv", "C:\\out.csv"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    assert "leads out of its folder" in refusal(packed(tmp_path, {"good.csv": b"code\n", name: b"code\n"}))
    assert sorted(path.name for path in tmp_path.rglob("*.csv")) in ([], ["good.csv"])


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("lamps.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "sent.zip", "w") as sink:
        sink.writestr(link, "/etc/passwd")

    assert "is a link" in refusal(tmp_path / "sent.zip")


def test_what_grows_beyond_the_limit_is_refused_whatever_it_says_of_itself(tmp_path: Path) -> None:
    bomb = packed(tmp_path, {"lamps.csv": b"0" * 3 * MEGABYTE})
    assert bomb.stat().st_size < 10_000
    assert "more than 1 MB once unpacked" in refusal(bomb)

    modest = bomb.read_bytes().replace((3 * MEGABYTE).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    (tmp_path / "lying").mkdir()
    lying = tmp_path / "lying" / "sent.zip"
    lying.write_bytes(modest)
    refusal(lying)
    assert sum(path.stat().st_size for path in lying.parent.rglob("*.csv")) <= MEGABYTE

    sheet = packed(tmp_path, {"xl/sheet1.xml": b"0" * 3 * MEGABYTE}, "sheet.xlsx")
    assert "once unpacked" in refusal(sheet)


def test_a_broken_zip_and_one_without_a_single_survey_are_explained(tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 and no more")
    assert "did not come whole" in refusal(broken)

    for number, (parts, said) in enumerate(
        [({"read.me": b"x"}, "holds no survey"), ({"a.csv": b"x", "b/c.csv": b"x"}, "2 surveys (a.csv, b/c.csv)")]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert said in refusal(packed(folder, parts))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lamps.geojson", b"<OGRVRTDataSource><OGRVRTLayer name='passwd'/></OGRVRTDataSource>"),
        ("lamps.gpkg", b"{}"),
        ("lamps.shp", b"PK\x03\x04"),
        ("lamps.xlsx", b"code,state\n"),
    ],
)
def test_a_file_that_is_another_than_its_name_says_reaches_no_reader(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    refusal(tmp_path / name)
