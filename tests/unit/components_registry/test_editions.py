"""Editions of the catalogue: what is known of them, and codes of one in another."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from components_registry import editions
from components_registry.editions import SHIPPED, load_editions
from core.errors import InvalidInput, NotFound


def recode(*codes: str, **chosen: str) -> editions.Recoded:
    return SHIPPED.recode(np.asarray(codes, dtype=np.object_), "2007", chosen)


def test_the_editions_have_the_classes_that_sources_show() -> None:
    assert {name: len(held.catalogue.classes) for name, held in SHIPPED.by_id.items()} == {
        "2007": 85, "2013": 101, "tangshan": 116, "three-digit-minor": 0,
    }  # fmt: skip
    majors = Counter(code[:2] for code in SHIPPED.by_id["2007"].catalogue.classes)
    assert list(majors.values()) == [38, 17, 11, 10, 3, 6]
    assert SHIPPED.by_id["2007"].catalogue.classes["0308"].name_zh == "环保监测站"
    assert SHIPPED.by_id["2013"].catalogue.classes["0308"].name_zh == "宣传栏"


def test_every_edition_says_what_each_digit_means() -> None:
    for held in SHIPPED.by_id.values():
        assert [part.name for part in held.parts] == ["district", "major", "minor", "serial"]
        assert [part.first for part in held.parts] == [1, *(part.last + 1 for part in held.parts[:-1])]
        assert held.parts[-1].last == 16
    assert [(p.first, p.last) for p in SHIPPED.by_id["three-digit-minor"].parts] == [(1, 6), (7, 8), (9, 11), (12, 16)]


def test_every_mapping_leads_from_a_class_to_a_class() -> None:
    found = SHIPPED.successors("2007", "2013")

    assert {one.from_code for one in found} == set(SHIPPED.by_id["2007"].catalogue.classes)
    assert {one.to_code for one in found} <= set(SHIPPED.by_id["2013"].catalogue.classes)
    assert Counter(one.certainty for one in found) == {"A": 52, "B+": 20, "B": 15}
    with pytest.raises(NotFound, match="nothing is known"):
        SHIPPED.successors("2013", "2007")
    same = SHIPPED.successors("2013", "tangshan")
    assert [(one.from_code, one.certainty) for one in same] == [
        (code, "A") for code in SHIPPED.by_id["2013"].catalogue.classes
    ]


def test_a_code_changes_its_class_and_keeps_district_and_serial() -> None:
    made = recode("1302030308000007", "1302030501000007", "1302030101000001")

    assert made.codes.tolist() == ["1302030309000007", "1302030308000007", "1302030101000001"]
    assert made.former.tolist() == ["1302030308000007", "1302030501000007", "1302030101000001"]
    assert dict(made.classes) == {"0101": 1, "0308": 1, "0501": 1}
    assert [text[:33] for text in SHIPPED.remarks(made.classes, "2007")] == [
        "1 rows of class 0308 (2007) were "
    ]  # fmt: skip


def test_a_class_that_was_divided_is_not_guessed_but_may_be_said() -> None:
    code = "1302030117000001"

    assert recode(code).flaw.tolist() == ["code_no_mapping"]
    assert SHIPPED.explain("code_no_mapping", code, "2007") == (
        "class 0117 of 2007 is 0130 or 0131 now: say which with --as-class 0117=0130"
    )
    assert recode(code, **{"0117": "0131"}).codes.tolist() == ["1302030131000001"]


def test_what_is_no_code_or_of_no_class_is_left_to_be_explained() -> None:
    made = recode("", "130203010100000１", "1302030199000001", "13020301")

    assert made.codes.tolist() == ["", "130203010100000１", "1302030199000001", "13020301"]
    assert made.flaw.tolist() == [None, None, "code_unknown_class", None]


def test_digits_that_do_not_make_sixteen_are_refused() -> None:
    said: dict[str, Any] = {"district": 6, "major": 2, "minor": 2, "serial": 5}
    digits = ", ".join(f"{name} = {width}" for name, width in said.items())
    meanings = "\n".join(f'{name} = {{ zh = "", en = "" }}' for name in said)
    text = (
        f'[meanings]\n{meanings}\n[[edition]]\nid = "x"\ncatalogue_id = "x"\ntitle_zh = ""\ntitle_en = ""\n'
        f'digits = {{ {digits} }}\nsource = ""\ncertainty = ""\n'
    )
    with pytest.raises(InvalidInput, match="must make 16 digits"):
        load_editions(text, {})
