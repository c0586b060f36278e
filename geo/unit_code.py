"""Unit grid codes: 15 digits, district 6 + street 3 + community 3 + number 3, and the order of the numbers.

Inside a community the numbers run from west to east, then from north to south; a code is never reused.
Source: Beijing DB11 text on unit grid division (15 digits, order); 14-digit codes of CJ/T 213-2005 are padded.
"""

import re

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput

MOST_IN_A_COMMUNITY = 999
_CODE = re.compile(r"[0-9]{14,15}")


def normal_code(text: str) -> str:
    """Give the 15-digit form of a unit grid code; a 14-digit one (two-digit number) gets its zero.

    Raises: `InvalidInput` when it is neither, or its number is zero.
    """
    if not _CODE.fullmatch(text):
        raise InvalidInput(f"unit grid code {text!r} is not 15 digits (or 14 of the edition of 2005)")
    code = text if len(text) == 15 else f"{text[:12]}0{text[12:]}"
    if code.endswith("000"):
        raise InvalidInput(f"unit grid code {text!r} has the number 000: numbers start at 001")
    return code


def community_of(code: str) -> str:
    """Give the 12-digit community code inside a unit grid code."""
    return code[:12]


def district_of(code: str) -> str:
    """Give the 6-digit district code inside any area or grid code."""
    return code[:6]


def number_grids(
    x_m: NDArray[np.float64], y_m: NDArray[np.float64], community: NDArray[np.int32], row_m: float
) -> NDArray[np.int32]:
    """Give each grid's number inside its community: bands of `row_m` from north to south, in each from west to east.

    Shape: n grids by their centres (metres); `community` any labels. Numbers start at 1 in every community.
    Raises: `InvalidInput` when a community has more than 999 grids.
    """
    if not len(y_m):
        return np.zeros(0, dtype=np.int32)
    band = np.floor((y_m.max() - y_m) / row_m + 0.5).astype(np.int64)
    order = np.lexsort((x_m, band, community))
    sorted_community = community[order]
    first = np.flatnonzero(np.r_[True, sorted_community[1:] != sorted_community[:-1]])
    start = np.repeat(first, np.diff(np.r_[first, len(order)]))
    numbers = np.empty(len(order), dtype=np.int32)
    numbers[order] = np.arange(len(order)) - start + 1
    if numbers.max(initial=0) > MOST_IN_A_COMMUNITY:
        raise InvalidInput("a community has more than 999 unit grids: split it")
    return numbers
