"""Turns survey rows, and findings, into PostgreSQL's text COPY format, a column at a time.

Source: PostgreSQL documentation, COPY, "Text Format": tab between fields, newline after rows, backslash escapes.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import shapely
from numpy.typing import NDArray

from components_registry.model import Finding, SurveyRows
from components_registry.table import factorize

COLUMNS = (
    "line", "code", "class_code", "district_code", "name", "state", "competent_dept_id", "owner_dept_id",
    "maintainer_dept_id", "unit_grid_id", "surveyed_on", "changed_on", "data_source", "note", "former_code", "geom",
)  # fmt: skip
"""Order of the columns in the COPY statement."""
NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_EWKB_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("srid", "<u4"), ("x", "<f8"), ("y", "<f8")])
_POINT_WITH_SRID = 0x20000001
_HEX_CHARACTERS = _EWKB_POINT.itemsize * 2


def text_rows(rows: SurveyRows, departments: Mapping[str, int]) -> str:
    """Give the COPY text of all rows; `departments` gives the key of every name in the rows, NULL for empty ones."""
    columns = (
        [str(line) for line in rows.line.tolist()],
        rows.code.tolist(),
        rows.class_code.tolist(),
        rows.district_code.tolist(),
        _escaped(rows.name),
        _escaped(rows.state),
        _keys(rows.competent, departments),
        _keys(rows.owner, departments),
        _keys(rows.maintainer, departments),
        [str(key) if key else NULL for key in rows.unit_grid_id.tolist()],
        [date or NULL for date in rows.surveyed_on.tolist()],
        [date or NULL for date in rows.changed_on.tolist()],
        _escaped(rows.data_source),
        _escaped(rows.note),
        _escaped(rows.former),
        _hex_ewkb(rows.geometry),
    )
    lines = list(map("\t".join, zip(*columns, strict=True)))
    return "\n".join((*lines, ""))


def text_findings(survey_id: int, findings: Iterable[Finding]) -> str:
    """Give the COPY text of findings."""
    lines = [
        f"{survey_id}\t{one.line}\t{one.column}\t{one.reason}\t{one.detail.translate(_ESCAPES)}\t{one.refused}"
        f"\t{NULL if one.lon is None else one.lon}\t{NULL if one.lat is None else one.lat}"
        for one in findings
    ]
    return "\n".join((*lines, "")) if lines else ""


def _escaped(column: NDArray[np.object_]) -> list[str]:
    number, distinct = factorize(column)
    safe = [str(text).translate(_ESCAPES) for text in distinct]
    return [safe[position] for position in number.tolist()]


def _keys(column: NDArray[np.object_], departments: Mapping[str, int]) -> list[str]:
    number, distinct = factorize(column)
    keys = [str(departments[name]) if name else NULL for name in distinct]
    return [keys[position] for position in number.tolist()]


def _hex_ewkb(geometry: NDArray[np.object_]) -> list[str]:
    """Give each geometry as hexadecimal EWKB with SRID 4326; points, the many, without a call each."""
    result = np.empty(len(geometry), dtype=np.object_)
    is_point = shapely.get_type_id(geometry) == 0
    packed = np.empty(int(is_point.sum()), dtype=_EWKB_POINT)
    packed["order"], packed["type"], packed["srid"] = 1, _POINT_WITH_SRID, 4326
    packed["x"], packed["y"] = shapely.get_x(geometry[is_point]), shapely.get_y(geometry[is_point])
    digits = packed.tobytes().hex()
    result[is_point] = [digits[at : at + _HEX_CHARACTERS] for at in range(0, len(digits), _HEX_CHARACTERS)]
    others = shapely.set_srid(geometry[~is_point], 4326)
    result[~is_point] = shapely.to_wkb(others, hex=True, include_srid=True)
    return result.tolist()
