"""Survey rows to components, a table at a time: every bad row gets one finding, every good row is kept.

Pure and column-oriented: checks run in the order a person would make them and a row's first flaw is its finding.
"""

import re
from collections.abc import Callable
from datetime import date

import numpy as np
import shapely
from numpy.typing import NDArray

from components_registry.code import explain, flaws
from components_registry.drawing import geometries, placed
from components_registry.model import STATE_NAMES, Finding, Flaw, SurveyRows
from components_registry.repeats import Seen
from components_registry.table import Table, clipped, factorize
from components_registry.verdict import Rules, Verdict
from geo.grid import OUTSIDE
from geo.label import label_points

_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_FREE_TEXT = ("name", "competent", "owner", "maintainer", "data_source", "note", "former_code")
"""Columns where anything may stand but what PostgreSQL cannot store; the others have a form of their own."""
_KINDS = {"point": (0,), "line": (1, 5), "polygon": (3, 6)}
"""Geometry kind of a class -> shapely's numbers of the accepted types (single or multiple)."""


def check(
    table: Table, drawn: NDArray[np.object_] | None, rules: Rules, seen: Seen
) -> tuple[SurveyRows, list[Finding]]:
    """Give the good rows of a table and one finding for each bad one, by line.

    Shape: `table` has the canonical columns as stripped text and `line`; `drawn` are geometries that came with the
    rows (GeoJSON), else they are made from x, y or wkt.
    """
    verdict = Verdict(table.line)
    _check_text(table, verdict)
    codes = clipped(table["code"])
    for flaw, rows in _by_value(flaws(codes, rules.catalogue, rules.districts)):
        verdict.refuse(
            rows,
            "code",
            flaw,
            lambda row, flaw=flaw: explain(flaw, table["code"][row], rules.catalogue),  # pyright: ignore[reportArgumentType]
        )
    state = _check_states(table, verdict)
    dates = {column: _check_dates(table, column, verdict) for column in ("surveyed_on", "changed_on")}
    geometry = geometries(table, drawn, rules, verdict)
    district, major, minor, _ = rules.catalogue.split
    class_code = _slice(codes, district, district + major + minor)
    _check_kinds(geometry, class_code, rules, verdict)
    lon, lat = _labels(geometry, verdict)
    grid = _locate(lon, lat, rules, verdict)
    _check_districts(grid, codes, rules, verdict)
    _check_repeats(codes, class_code, (lon, lat), seen, verdict)
    keep = verdict.good
    names = {entry.class_code: entry.name_zh for entry in rules.catalogue.classes.values()}
    offices = {entry.class_code: entry.department_zh for entry in rules.catalogue.classes.values()}
    rows = SurveyRows(
        line=table.line[keep],
        code=codes[keep],
        class_code=class_code[keep],
        district_code=_slice(codes, 0, district)[keep],
        name=_or_default(table["name"], class_code, names)[keep],
        state=state[keep],
        competent=_or_default(table["competent"], class_code, offices)[keep],
        owner=table["owner"][keep],
        maintainer=table["maintainer"][keep],
        surveyed_on=dates["surveyed_on"][keep],
        changed_on=dates["changed_on"][keep],
        data_source=table["data_source"][keep],
        note=table["note"][keep],
        former=table["former_code"][keep],
        geometry=geometry[keep],
        unit_grid_id=grid[keep],
    )
    return rows, placed(verdict.findings, table, drawn, rules)


def _by_value(values: NDArray[np.object_]) -> list[tuple[str, NDArray[np.bool_]]]:
    return [(value, values == value) for value in sorted({value for value in values.tolist() if value is not None})]


def _slice(codes: NDArray[np.str_], start: int, stop: int) -> NDArray[np.str_]:
    """Give characters start to stop of each code; codes that are too short give what there is."""
    wide = np.ascontiguousarray(codes.astype("U16")).view(np.uint32).reshape(len(codes), 16)
    return np.ascontiguousarray(wide[:, start:stop]).view(f"U{stop - start}").ravel()


def _mapped(column: NDArray[np.object_], table: Callable[[str], object]) -> NDArray[np.object_]:
    """Apply a function to each distinct text once."""
    number, distinct = factorize(column)
    values = np.empty(len(distinct), dtype=np.object_)
    for position, text in enumerate(distinct):
        values[position] = table(text)
    return values[number]


def _or_default(
    column: NDArray[np.object_], class_code: NDArray[np.str_], defaults: dict[str, str]
) -> NDArray[np.object_]:
    given = column
    fallback = _mapped(class_code.astype(np.object_), lambda code: defaults.get(code, ""))
    return np.where(given == "", fallback, given)


def _check_text(table: Table, verdict: Verdict) -> None:
    for column in _FREE_TEXT:
        number, distinct = factorize(table[column])
        broken = np.asarray([_CONTROL.search(text) is not None for text in distinct], dtype=bool)
        if broken.any():
            verdict.refuse(
                broken[number],
                column,
                Flaw.BAD_TEXT,
                lambda _row, column=column: f"{column} holds control characters or bytes of another encoding",
            )


def _check_states(table: Table, verdict: Verdict) -> NDArray[np.object_]:
    state = _mapped(table["state"], lambda text: STATE_NAMES.get(text.casefold()))
    missing = np.asarray([value is None for value in state], dtype=bool)
    verdict.refuse(
        missing,
        "state",
        Flaw.UNKNOWN_STATE,
        lambda row: f"state {table['state'][row]!r} is none of {', '.join(name for name in STATE_NAMES if name)}",
    )
    return state


def _check_dates(table: Table, column: str, verdict: Verdict) -> NDArray[np.object_]:
    """Give ISO dates, empty where the file has none."""
    number, distinct = factorize(table[column])
    iso = np.asarray([_iso_date(text) for text in distinct], dtype=np.object_)
    wrong = np.asarray([value is None for value in iso], dtype=bool)
    verdict.refuse(
        wrong[number],
        column,
        Flaw.BAD_DATE,
        lambda row: f"{table[column][row]!r} is no date: write YYYYMMDD or YYYY-MM-DD",
    )
    return iso[number]


def _iso_date(text: str) -> str | None:
    """Give YYYY-MM-DD, an empty text for none, None for what is no date."""
    if not text:
        return ""
    parts = _DATE.fullmatch(text)
    if parts is None:
        return None
    try:
        return date(int(parts[1]), int(parts[2]), int(parts[3])).isoformat()
    except ValueError:
        return None


def _check_kinds(geometry: NDArray[np.object_], class_code: NDArray[np.str_], rules: Rules, verdict: Verdict) -> None:
    kind = shapely.get_type_id(geometry)
    classes = rules.catalogue.classes
    wanted = _mapped(
        class_code.astype(np.object_),
        lambda code: classes[code].geometry.value if code in classes else "",
    )
    fits = np.zeros(len(kind), dtype=bool)
    for name, accepted in _KINDS.items():
        fits |= (wanted == name) & np.isin(kind, accepted)
    verdict.refuse(
        ~fits,
        "geometry",
        Flaw.GEOMETRY_KIND,
        lambda row: f"class {class_code[row]} is drawn as a {wanted[row]}, the row has a {geometry[row].geom_type}",
    )


def _labels(geometry: NDArray[np.object_], verdict: Verdict) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lon, lat = np.full(len(geometry), np.nan), np.full(len(geometry), np.nan)
    lon[verdict.good], lat[verdict.good] = label_points(geometry[verdict.good])
    return lon, lat


def _locate(lon: NDArray[np.float64], lat: NDArray[np.float64], rules: Rules, verdict: Verdict) -> NDArray[np.int32]:
    grid = rules.grids.locate(lon, lat)
    if len(rules.grids):
        verdict.refuse(
            grid == OUTSIDE,
            "geometry",
            Flaw.OUTSIDE_GRIDS,
            lambda row: f"{lon[row]:.6f}, {lat[row]:.6f} is in no unit grid: nobody would be responsible there",
        )
    return grid


def _check_districts(grid: NDArray[np.int32], codes: NDArray[np.str_], rules: Rules, verdict: Verdict) -> None:
    if not rules.grid_districts:
        return
    district, *_ = rules.catalogue.split
    keys, number = np.unique(grid, return_inverse=True)
    held = np.asarray([rules.grid_districts.get(key, "") for key in keys.tolist()])[number]
    coded = _slice(codes, 0, district)
    verdict.refuse(
        (held != coded) & (grid != OUTSIDE),
        "code",
        Flaw.OTHER_DISTRICT,
        lambda row: f"the code begins with district {coded[row]}, the place is in district {held[row]}",
    )


def _check_repeats(
    codes: NDArray[np.str_],
    class_code: NDArray[np.str_],
    label: tuple[NDArray[np.float64], NDArray[np.float64]],
    seen: Seen,
    verdict: Verdict,
) -> None:
    """Refuse the second row with a code, and the second of a class at a place; the first one stays."""
    rows = np.flatnonzero(verdict.good)
    by_code, by_place = np.zeros(len(codes), dtype=np.int64), np.zeros(len(codes), dtype=np.int64)
    by_code[rows], by_place[rows] = seen.take(
        class_code[rows].astype(np.int64),
        codes[rows].astype(np.int64),
        (label[0][rows], label[1][rows]),
        verdict.lines[rows],
    )
    verdict.refuse(
        by_code > 0, "code", Flaw.DUPLICATE_CODE, lambda row: f"code {codes[row]} is already in line {by_code[row]}"
    )
    verdict.refuse(
        by_place > 0,
        "geometry",
        Flaw.DUPLICATE_POSITION,
        lambda row: f"line {by_place[row]} has the same class {class_code[row]} at the same place",
    )
