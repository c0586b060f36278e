"""What can be wrong with a partition of a city, which of it blocks, and how much is borne. Pure values."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from shapely.geometry.base import BaseGeometry


class Flaw(StrEnum):
    """Kinds of finding; the value is the reason code people see."""

    BAD_CODE = "bad_code"
    DUPLICATE_CODE = "duplicate_code"
    WRONG_PARENT = "wrong_parent"
    UNKNOWN_PARENT = "unknown_parent"
    UNKNOWN_PATROL_GRID = "unknown_patrol_grid"
    BAD_GEOMETRY = "bad_geometry"
    INVALID_RING = "invalid_ring"
    OVERLAP = "overlap"
    GAP = "gap"
    OUTSIDE_PARENT = "outside_parent"
    CUTS_GRID = "cuts_grid"
    SLIVER = "sliver"
    FAR_AREA = "far_area"
    NOT_ADJACENT = "not_adjacent"
    REUSED_CODE = "reused_code"
    CUT_BY_PATROL = "cut_by_patrol"
    """As `cuts_grid`, seen when unit grids are imported: the patrol grids of old can only follow later."""


REFUSES = frozenset({
    Flaw.BAD_CODE, Flaw.DUPLICATE_CODE, Flaw.WRONG_PARENT, Flaw.UNKNOWN_PARENT, Flaw.UNKNOWN_PATROL_GRID,
    Flaw.BAD_GEOMETRY, Flaw.INVALID_RING,
})  # fmt: skip
"""The grid itself cannot be loaded, whatever is accepted."""
BLOCKS = REFUSES | {Flaw.OVERLAP, Flaw.GAP, Flaw.OUTSIDE_PARENT, Flaw.CUTS_GRID}
"""The partition is none: nothing is loaded unless somebody accepts it. All others are remarks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFinding:
    """One thing wrong, with the codes of the grids it concerns."""

    flaw: Flaw
    codes: tuple[str, ...]
    area_m2: float
    detail: str
    shape: BaseGeometry | None = None
    """Where: the overlap, the gap, the part that sticks out, else the grid. In the unit that was looked at."""
    feature: int = 0
    """The number in the file, from 1; 0: not of one feature."""
    column: str = ""

    @property
    def blocks(self) -> bool:
        """Tell whether a partition with it is loaded only when somebody accepts it."""
        return self.flaw in BLOCKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is borne. Our choices; a city sets its own by options of the import."""

    tolerance_m2: float = 1.0
    """Smaller overlaps and gaps are rounding of coordinates: a hundredth of a percent of a unit grid."""
    sliver_m: float = 3.0
    """What is narrower on average (2 x area / perimeter) is a sliver."""
    crack_m: float = 1.0
    """A gap that opens to the outside is found when it is narrower than this."""
    area_m2: float = 10_000.0
    """The size of a unit grid (万米单元网格)."""
    area_factor: float = 4.0
    """A unit grid so many times larger or smaller is remarked on."""


def counts(findings: Iterable[GridFinding]) -> dict[str, int]:
    """Give how many findings there are of each kind that occurs."""
    result: dict[str, int] = {}
    for finding in findings:
        result[finding.flaw.value] = result.get(finding.flaw.value, 0) + 1
    return result
