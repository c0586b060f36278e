"""A city's own edition: what its folder adds, what its codes are elsewhere, and what is wrong by file and line."""

from pathlib import Path

import numpy as np
import pytest

from components_registry import own_edition
from components_registry.editions import SHIPPED
from core.errors import InvalidInput
from tests import own_catalogue
from tests.own_catalogue import TEXTS

HEAD = TEXTS["edition.toml"]
CLASSES = TEXTS["classes.csv"]
HEADING = CLASSES.splitlines()[0]
MAPPING_HEADING = TEXTS["mapping.csv"].splitlines()[0]
SPLIT = 'id = "own"\ntitle_zh = "本市"\ntitle_en = "Own"\ndigits = { district = 6, major = 2, minor = 3, serial = 5 }\n'
WIDE = "class_code,name_zh,name_en,geometry,department_zh,department_en,major_zh,major_en\n"


def test_the_folder_of_the_page_adds_classes_and_changes_a_department(tmp_path: Path) -> None:
    known = own_edition.add(SHIPPED, own_catalogue.write(tmp_path))

    classes = known.catalogue.classes
    assert (known.city, len(classes)) == ("our-city-2024", len(SHIPPED.by_id["2013"].catalogue.classes) + 2)
    assert (classes["0103"].department_zh, classes["0103"].name_zh) == ("市水务局", "雨水井盖")
    assert (classes["0198"].major_zh, classes["0198"].subsystem) == ("公用设施", "none")
    assert (classes["0598"].geometry, classes["0598"].source) == ("polygon", "本市部件编码表 2024")
    assert SHIPPED.city == "tangshan"


def test_what_the_mapping_does_not_name_is_as_in_the_base(tmp_path: Path) -> None:
    known = own_edition.add(SHIPPED, own_catalogue.write(tmp_path))

    became = {one.from_code: one.to_code for one in known.successors("2007", known.city)}
    assert (became["0117"], became["0308"]) == ("0131", "0309")
    national = {one.from_code: one.to_code for one in known.successors(known.city, "2013")}
    assert (national["0198"], national["0103"], "0598" in national) == ("0125", "0103", False)
    codes = np.asarray(["1302030117000005"], dtype=np.object_)
    assert known.recode(codes, "2007", {}).codes.tolist() == ["1302030131000005"]


def test_another_split_keeps_the_serial_or_says_that_it_does_not_fit(tmp_path: Path) -> None:
    rows = "01003,雨水井盖,Stormwater cover,point,水务局,Water Bureau,公用设施,Public utilities\n"
    mapping = f"{MAPPING_HEADING}\n2007,0103,own,01003,A,list\n"
    folder = own_catalogue.write(tmp_path, edition=SPLIT, classes=WIDE + rows, mapping=mapping)
    known = own_edition.add(SHIPPED, folder)

    codes = np.asarray(["1302030103000007", "1302030103123456", "1302030101000001"], dtype=np.object_)
    made = known.recode(codes, "2007", {})
    assert made.codes.tolist()[0] == "1302030100300007"
    assert made.flaw.tolist() == [None, "code_no_mapping", "code_unknown_class"]
    assert "more than the 5 digits" in known.explain("code_no_mapping", codes[1], "2007")
    assert [(part.first, part.last) for part in known.by_id["own"].parts] == [(1, 6), (7, 8), (9, 11), (12, 16)]


def test_a_spreadsheet_that_writes_gb_18030_is_read(tmp_path: Path) -> None:
    folder = own_catalogue.write(tmp_path)
    (folder / "classes.csv").write_bytes(CLASSES.encode("gb18030"))
    assert own_edition.add(SHIPPED, folder).catalogue.classes["0198"].name_zh == "充电桩"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"edition": None}, "edition.toml does not exist"),
        ({"edition": HEAD.replace("title_zh", "title")}, r"edition.toml: .*title"),
        ({"edition": HEAD.replace("our-city-2024", "2013")}, "is an edition of CityGrid"),
        ({"edition": HEAD.replace('"2013"', '"1999"')}, "base '1999' is no edition; there are 2007, 2013"),
        ({"edition": SPLIT.replace("serial = 5", "serial = 6")}, "digits make 17; a code has 16"),
        ({"edition": SPLIT + 'base = "2013"'}, "leave base out, list all classes"),
        ({"classes": None}, "classes.csv cannot be read"),
        ({"classes": CLASSES.replace("name_zh", "name")}, "column 'name_zh': it has to have class_code"),
        ({"classes": CLASSES.replace("0198", "198")}, "classes.csv:3: class_code '198' is not 4 digits"),
        ({"classes": CLASSES.replace("0598", "0198")}, "classes.csv:4: class 0198 appears twice"),
        ({"classes": CLASSES.replace("雨水井盖", "别的")}, "classes.csv:2: class 0103 is 雨水井盖 in 2013, not 别的"),
        ({"classes": CLASSES.replace("polygon", "area")}, "geometry 'area' is none of point, line, polygon"),
        ({"classes": CLASSES.replace("0598", "7798")}, "give major_zh and major_en"),
        ({"classes": CLASSES.replace("市发改委", "")}, "classes.csv:3: no department_zh"),
        ({"classes": f"{HEADING}\n0198,充电桩\n"}, "classes.csv:2: not 7 fields"),
        ({"mapping": f"{MAPPING_HEADING}\n2007,0117,2013,0131,A,x\n"}, "not from 2007 to 2013"),
        ({"mapping": f"{MAPPING_HEADING}\n2007,0117,our-city-2024,9999,A,x\n"}, "has no class '9999'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, changed: dict[str, str | None], said: str) -> None:
    changed = {"mapping": None, **changed}
    with pytest.raises(InvalidInput, match=said):
        own_edition.add(SHIPPED, own_catalogue.write(tmp_path, **changed))
