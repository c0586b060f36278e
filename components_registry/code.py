"""The identification code of a component (部件标识码): 16 digits = district, major, minor, serial.

Text, never a number: leading zeros matter and 16 digits exceed 2^53. There is no check digit. How the digits divide
is the catalogue's setting (2 + 2 + 6 in the edition of 2013; 2 + 3 + 5 is in circulation).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from components_registry.taxonomy import Catalogue
from core.errors import InvalidInput

LENGTH = 16
_AS_A_NUMBER = re.compile(r"[0-9.]+E\+[0-9]+", re.IGNORECASE)
"""How a spreadsheet writes a number that is too long for it."""


class CodeFlaw(StrEnum):
    """Why a text is no component code here; the value is the reason code people see."""

    LENGTH = "code_length"
    NOT_DIGITS = "code_not_digits"
    FOREIGN_DISTRICT = "code_foreign_district"
    UNKNOWN_CLASS = "code_unknown_class"
    SERIAL_ZERO = "code_serial_zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentCode:
    """A code in its parts."""

    district_code: str
    class_code: str
    serial: int


def format_code(code: ComponentCode, catalogue: Catalogue) -> str:
    """Give the 16 digits.

    Raises: `InvalidInput` when a part does not fit its digits.
    """
    district, _, _, serial = catalogue.split
    text = f"{code.district_code}{code.class_code}{code.serial:0{serial}d}"
    if len(code.district_code) != district or len(text) != LENGTH or not 0 < code.serial < 10**serial:
        raise InvalidInput(f"{code} does not fit 16 digits divided {catalogue.split}")
    return text


def parse_code(text: str, catalogue: Catalogue, districts: Collection[str]) -> ComponentCode:
    """Give the parts of a code.

    Raises: `InvalidInput` with the sentence of `explain`; `districts` are the accepted 6-digit prefixes.
    """
    flaw = flaw_of(text, catalogue, districts)
    if flaw:
        raise InvalidInput(explain(flaw, text, catalogue))
    district, major, minor, _ = catalogue.split
    return ComponentCode(
        district_code=text[:district],
        class_code=text[district : district + major + minor],
        serial=int(text[district + major + minor :]),
    )


def flaw_of(text: str, catalogue: Catalogue, districts: Collection[str]) -> CodeFlaw | None:
    """Give the first thing wrong with `text` as a code, or None."""
    return flaws(np.asarray([text]), catalogue, districts)[0]


def flaws(codes: NDArray[np.str_], catalogue: Catalogue, districts: Collection[str]) -> NDArray[np.object_]:
    """Give for each code the first thing wrong with it, or None. Shape: (n,) to (n,)."""
    found = np.full(len(codes), None, dtype=np.object_)
    wide = codes.astype(f"U{LENGTH + 1}")
    points = wide.view(np.uint32).reshape(len(codes), LENGTH + 1)
    digits = ((points[:, :LENGTH] >= 0x30) & (points[:, :LENGTH] <= 0x39)).all(axis=1)
    district, major, minor, _ = catalogue.split
    width = major + minor
    prefix = points[:, :district].copy().view(f"U{district}").ravel()
    classes = points[:, district : district + width].copy().view(f"U{width}").ravel()
    serial_zero = (points[:, district + width : LENGTH] == 0x30).all(axis=1)
    checks = (
        (np.char.str_len(wide) != LENGTH, CodeFlaw.LENGTH),
        (~digits, CodeFlaw.NOT_DIGITS),
        (~np.isin(prefix, sorted(districts)), CodeFlaw.FOREIGN_DISTRICT),
        (~np.isin(classes, sorted(catalogue.classes)), CodeFlaw.UNKNOWN_CLASS),
        (serial_zero, CodeFlaw.SERIAL_ZERO),
    )
    for wrong, flaw in reversed(checks):
        found[wrong] = flaw
    return found


def explain(flaw: CodeFlaw, text: str, catalogue: Catalogue) -> str:
    """Say in one sentence what is wrong and what would be right."""
    if _AS_A_NUMBER.fullmatch(text):
        return (
            f"{text!r} is a number: a spreadsheet keeps 15 digits and lost the rest;"
            " format the column as text and fill it in again"
        )
    district, major, minor, _ = catalogue.split
    class_code = text[district : district + major + minor]
    sentences = {
        CodeFlaw.LENGTH: f"{text!r} has {len(text)} characters; a component code has 16",
        CodeFlaw.NOT_DIGITS: f"{text!r} is not all digits 0-9 (full-width digits do not count)",
        CodeFlaw.FOREIGN_DISTRICT: f"{text!r} starts with {text[:district]!r}, which is no district of this city",
        CodeFlaw.UNKNOWN_CLASS: f"{text!r} has class {class_code!r}, which is not in the catalogue",
        CodeFlaw.SERIAL_ZERO: f"{text!r} has serial zero; serials start at 1",
    }
    return sentences[flaw]
