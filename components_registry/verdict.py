"""What the rows of a survey are checked against, and the first flaw of each. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from components_registry.model import Finding
from components_registry.taxonomy import Catalogue
from geo.grid import GridIndex

DETAIL_CHARACTERS = 500
"""Of a finding's sentence, which may quote a field: a broken quotation mark makes a field of half a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the rows of one file are checked against."""

    catalogue: Catalogue
    districts: Collection[str]
    """Accepted first six digits."""
    grids: GridIndex
    """Empty: rows are not assigned, and none is refused for lying outside."""
    crs: str
    grid_districts: Mapping[int, str] = field(default_factory=dict[int, str])
    """Key of each grid -> code of its district; empty: nobody asks whether a row lies in its code's district."""
    northing_first: bool
    """The file's x is the northing (latitude) and its y the easting, as Chinese survey sheets write."""


class Verdict:
    """The first flaw of each row, filled check by check."""

    def __init__(self, lines: NDArray[np.int64]) -> None:
        self.good = np.ones(len(lines), dtype=bool)
        self.findings: list[Finding] = []
        self.lines = lines

    def refuse(self, wrong: NDArray[np.bool_], column: str, reason: str, sentence: Callable[[int], str]) -> None:
        """Note a finding for each wrong row that had none."""
        rows = np.flatnonzero(wrong & self.good)
        self.good[rows] = False
        self.findings += [
            Finding(line=int(self.lines[row]), column=column, reason=reason, detail=sentence(row)[:DETAIL_CHARACTERS])
            for row in rows.tolist()
        ]
