"""What a component is besides its class and code: its state, and the rows a survey brings."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

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
    NEAR_DUPLICATE = "near_duplicate"
    NO_MAPPING = "code_no_mapping"
    OVERLAP = "overlap"
    NO_DEPARTMENT = "no_department"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Why one row of a file was not loaded, or what is odd about one that was: line, column, reason code, sentence."""

    line: int
    column: str
    reason: str
    detail: str
    refused: bool = True
    lon: float | None = None
    """Where it is, when that could be read."""
    lat: float | None = None


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
    former: NDArray[np.object_]
    """The code it had in another edition of the catalogue; empty for none."""
    unit_grid_id: NDArray[np.int32]
    """0 = not assigned (the city has no grids yet)."""

    def __len__(self) -> int:
        return len(self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """How often something was found in a file, and how often it lies somewhere."""

    reason: str
    refused: bool
    findings: int
    placed: int


MOST_FINDINGS = 10_000
"""That a report holds: a file of millions of bad rows must not fill memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReport:
    """What became of a survey file. `survey_id` is None for a dry run."""

    survey_id: int | None
    rows_read: int
    created: int
    changed: int
    unchanged: int
    missing: int
    """Registered components of the survey's classes and districts that it does not have; they stay as they are."""
    findings: tuple[Finding, ...]
    """The first of them by line, at most `MOST_FINDINGS`; all are kept with the survey."""
    counts: tuple[ReasonCount, ...]
    """All findings by reason, the most frequent first."""
    crs: str
    notes: tuple[str, ...]
    """How the file was read, where it did not say so itself."""
    departments_missing: Mapping[str, int]
    """Loaded rows that name no owner, no maintainer."""

    @property
    def loaded(self) -> int:
        """Rows that are in the registry now as the file has them."""
        return self.created + self.changed + self.unchanged

    def summary(self) -> dict[str, Any]:
        """Give the counts and remarks of the whole file, as they are kept with the survey."""
        return {
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "missing": self.missing,
            "refused": self.refused,
            "reasons": self.reasons,
            "departments_missing": dict(self.departments_missing),
            "notes": list(self.notes),
        }

    @property
    def refused(self) -> int:
        """Rows that were not loaded."""
        return sum(count.findings for count in self.counts if count.refused)

    @property
    def reasons(self) -> dict[str, int]:
        """All findings by reason, the most frequent first."""
        found: Counter[str] = Counter()
        for count in self.counts:
            found[count.reason] += count.findings
        return dict(found.most_common())
