"""What a component is besides its class and code: its state, and the rows a survey brings."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray


class State(StrEnum):
    """Condition of a component. A sensor never changes it: a person does, after looking.

    Source: 完好 破损 丢失 废弃 from a platform's schema of 2025; 占用 移除 are common elsewhere.
    """

    INTACT = "intact"
    DAMAGED = "damaged"
    MISSING = "missing"
    ABANDONED = "abandoned"
    REMOVED = "removed"
    OCCUPIED = "occupied"
    UNKNOWN = "unknown"


STATE_NAMES: Mapping[str, State] = MappingProxyType(
    {
        **{state.value: state for state in State},
        "完好": State.INTACT,
        "破损": State.DAMAGED,
        "丢失": State.MISSING,
        "废弃": State.ABANDONED,
        "移除": State.REMOVED,
        "占用": State.OCCUPIED,
        "未知": State.UNKNOWN,
        "": State.UNKNOWN,
        "0": State.INTACT,
        "1": State.DAMAGED,
        "2": State.MISSING,
        "3": State.ABANDONED,
        "4": State.REMOVED,
        "5": State.OCCUPIED,
        "9": State.UNKNOWN,
    }
)
"""What a survey may write for a state; the digits are ours."""


class Flaw(StrEnum):
    """Why a survey row was not loaded, beside the flaws of its code; the value is the reason code people see."""

    ROW_SHAPE = "row_shape"
    BAD_TEXT = "bad_text"
    UNKNOWN_STATE = "unknown_state"
    BAD_DATE = "bad_date"
    NO_COORDINATES = "no_coordinates"
    BAD_COORDINATE = "bad_coordinate"
    COORDINATE_RANGE = "coordinate_range"
    BAD_GEOMETRY = "bad_geometry"
    GEOMETRY_KIND = "geometry_kind"
    OUTSIDE_GRIDS = "outside_grids"
    OTHER_DISTRICT = "other_district"
    DUPLICATE_CODE = "duplicate_code"
    DUPLICATE_POSITION = "duplicate_position"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Why one row of a file was not loaded: line in the file, column, reason code, and a sentence."""

    line: int
    column: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRows:
    """Good rows as columns, in the order of the file. Shape: every column has length n.

    `geometry` is in WGS 84 degrees; dates are ISO text or empty; department names may be empty.
    """

    line: NDArray[np.int64]
    code: NDArray[np.str_]
    class_code: NDArray[np.str_]
    district_code: NDArray[np.str_]
    name: NDArray[np.object_]
    state: NDArray[np.object_]
    competent: NDArray[np.object_]
    owner: NDArray[np.object_]
    maintainer: NDArray[np.object_]
    surveyed_on: NDArray[np.object_]
    changed_on: NDArray[np.object_]
    data_source: NDArray[np.object_]
    note: NDArray[np.object_]
    geometry: NDArray[np.object_]
    unit_grid_id: NDArray[np.int32]
    """0 = not assigned (the city has no grids yet)."""

    def __len__(self) -> int:
        return len(self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReport:
    """What became of a survey file. `survey_id` is None for a dry run."""

    survey_id: int | None
    rows_read: int
    created: int
    changed: int
    unchanged: int
    findings: tuple[Finding, ...]
    crs: str
    notes: tuple[str, ...]
    """How the file was read, where it did not say so itself."""

    @property
    def loaded(self) -> int:
        """Rows that are in the registry now as the file has them."""
        return self.created + self.changed + self.unchanged
