"""The shipped catalogue."""

import pytest

from components_registry.taxonomy import TANGSHAN, Catalogue, GeometryKind, load_catalogue
from core.errors import InvalidInput

HEADER = "class_code,major_zh,major_en,name_zh,name_en,geometry,subsystem,department_zh,department_en,source,certainty"
ROW = "0101,公用设施,Public utilities,上水井盖,Water,point,none,局,Bureau,here,A"


def test_the_city_has_116_classes_in_five_majors() -> None:
    classes = TANGSHAN.classes

    assert len(classes) == 116
    assert {code[:2] for code in classes} == {"01", "02", "03", "04", "05"}
    assert len({entry.name_zh for entry in classes.values()}) == 116
    assert {entry.geometry for entry in classes.values()} == set(GeometryKind)


def test_every_class_says_who_answers_and_where_we_know_it_from() -> None:
    for entry in TANGSHAN.classes.values():
        assert all((entry.name_en, entry.department_zh, entry.department_en, entry.source)), entry
        assert entry.certainty in {"A", "B+", "B", "C+", "C"}


def test_extension_classes_count_down_from_99() -> None:
    extensions = [code for code, entry in TANGSHAN.classes.items() if entry.is_extension]

    assert len(extensions) == 15
    assert all(int(code[2:]) >= 90 for code in extensions)


def test_a_class_that_appears_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="class 0101 appears twice"):
        load_catalogue("x", f"{HEADER}\n{ROW}\n{ROW}")


def test_a_code_must_have_the_width_of_the_catalogues_split() -> None:
    assert isinstance(load_catalogue("x", f"{HEADER}\n0{ROW}", (6, 2, 3, 5)), Catalogue)
    with pytest.raises(InvalidInput, match="is not 5 digits"):
        load_catalogue("x", f"{HEADER}\n{ROW}", (6, 2, 3, 5))
    with pytest.raises(InvalidInput, match="must make 16 digits"):
        load_catalogue("x", f"{HEADER}\n{ROW}", (6, 2, 2, 5))
