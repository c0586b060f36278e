"""The 16-digit code: known good and bad texts."""

import numpy as np
import pytest

from components_registry.code import CodeFlaw, ComponentCode, flaw_of, flaws, format_code, parse_code
from components_registry.taxonomy import TANGSHAN
from core.errors import InvalidInput

DISTRICTS = ("130202", "130203", "130204", "130205")
VECTORS = {
    "1302030103000123": None,
    "1302030137000001": None,
    "1302031303000123": CodeFlaw.UNKNOWN_CLASS,
    "1303020103000123": CodeFlaw.FOREIGN_DISTRICT,
    "130203010300123": CodeFlaw.LENGTH,
    "13020301030001234": CodeFlaw.LENGTH,
    "1302030103000000": CodeFlaw.SERIAL_ZERO,
    "13020301030001２3": CodeFlaw.NOT_DIGITS,
    "1.30203010300e15": CodeFlaw.NOT_DIGITS,
    "": CodeFlaw.LENGTH,
}


@pytest.mark.parametrize(("text", "flaw"), VECTORS.items())
def test_each_text_has_its_flaw(text: str, flaw: CodeFlaw | None) -> None:
    assert flaw_of(text, TANGSHAN, DISTRICTS) == flaw


def test_a_column_is_judged_like_each_of_its_texts() -> None:
    assert flaws(np.asarray(list(VECTORS)), TANGSHAN, DISTRICTS).tolist() == list(VECTORS.values())
    assert flaws(np.asarray([], dtype=np.str_), TANGSHAN, DISTRICTS).tolist() == []


def test_a_good_code_gives_its_parts() -> None:
    expected = ComponentCode(district_code="130203", class_code="0103", serial=123)

    assert parse_code("1302030103000123", TANGSHAN, DISTRICTS) == expected


def test_a_bad_code_says_what_is_wrong() -> None:
    with pytest.raises(InvalidInput, match="full-width digits do not count"):
        parse_code("13020301030001２3", TANGSHAN, DISTRICTS)


@pytest.mark.parametrize("serial", [0, 1_000_000])
def test_a_serial_that_does_not_fit_cannot_be_written(serial: int) -> None:
    with pytest.raises(InvalidInput, match="does not fit"):
        format_code(ComponentCode(district_code="130203", class_code="0103", serial=serial), TANGSHAN)
