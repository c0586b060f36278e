"""Whole files in the wrong place: another zone, axes swapped, degrees for metres, the GCJ-02 offset. Pure.

Each trap is found by trying the other reading on a sample of the rows and seeing that it fits the city, while the asked
one does not. The city is what is registered: its unit grids with their districts, and components surveyed before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components_registry.verdict import Rules
from core.errors import InvalidInput
from geo import gcj02
from geo.grid import OUTSIDE
from geo.projection import DEGREES, NAMES, short_name, to_degrees

SAMPLE_ROWS = 20_000
_TRIED_ROWS = 500
_FEWEST_ROWS = 10
"""Fewer rows prove nothing; their own findings say what is wrong with each."""
_FITS = 0.8
_FITS_NOT = 0.5
_BETTER = 4
"""As a reason to suspect the offset, rows in a wrong district must become this many times fewer without it."""
_FAR_M, _NEAR_M = 150.0, 30.0
"""The offset is 300 m and more; a careful survey finds a component again within a few metres. Our choice."""
_DEGREE_M = 111_320.0
_LARGEST_DEGREE = 360.0


class DatumTrap(InvalidInput):
    """A file whose coordinates are not what they were said to be; nothing of it was loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Some rows of a file: codes, and one position each in the file's own coordinates."""

    code: NDArray[np.str_]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    crs: str
    northing_first: bool


def refuse_trap(sample: Sample, rules: Rules, former: Mapping[str, tuple[float, float]], name: str) -> None:
    """Raise `DatumTrap` when the sample lies elsewhere than read, with the reading that fits.

    `former` gives longitude and latitude of the sample's components that are registered already.
    """
    usable = np.isfinite(sample.x) & np.isfinite(sample.y)
    if usable.sum() < _FEWEST_ROWS or not len(rules.grids):
        return
    sample = Sample(code=sample.code[usable], x=sample.x[usable], y=sample.y[usable])
    asked = _Reading(crs=rules.crs, northing_first=rules.northing_first)
    _refuse_other_system(sample, rules, asked, name)
    if rules.crs != gcj02.NAME:
        _refuse_offset(sample, rules, former, _degrees(sample, asked), name)


def _refuse_other_system(sample: Sample, rules: Rules, asked: _Reading, name: str) -> None:
    some = np.linspace(0, len(sample.x) - 1, min(len(sample.x), _TRIED_ROWS)).astype(np.intp)
    tried = Sample(code=sample.code[some], x=sample.x[some], y=sample.y[some])
    fit = _share_inside(tried, rules, asked)
    if fit >= _FITS_NOT:
        return
    for other in _readings(tried, asked):
        better = _share_inside(tried, rules, other)
        if better >= _FITS:
            raise DatumTrap(
                f"{name}: nothing was loaded. Read as {_spoken(asked)}, {fit:.0%} of {len(tried.x)} rows looked at lie"
                f" in the city's grids; read as {_spoken(other)}, {better:.0%} do: {_cause(tried, asked, other)}."
                f" Use {_options(other)}, or --trust-crs if it is right all the same"
            )


def _readings(sample: Sample, asked: _Reading) -> Iterator[_Reading]:
    """Give the other ways to read the coordinates, the nearest to what was asked first."""
    small = max(np.abs(sample.x).max(), np.abs(sample.y).max()) <= _LARGEST_DEGREE
    # CGCS2000 Gauss-Kruger: 3 degrees without and with the zone's number, then 6 degrees. Source: EPSG registry.
    zones = (*range(4534, 4555), *range(4513, 4534), *range(4502, 4513), *range(4491, 4502))
    systems = [DEGREES] if small else [f"EPSG:{zone}" for zone in zones]
    yield _Reading(crs=asked.crs, northing_first=not asked.northing_first)
    for northing_first in (asked.northing_first, not asked.northing_first):
        for crs in systems:
            yield _Reading(crs=crs, northing_first=northing_first)


def _degrees(sample: Sample, reading: _Reading) -> gcj02.Positions:
    easting, northing = (sample.y, sample.x) if reading.northing_first else (sample.x, sample.y)
    return to_degrees(reading.crs, easting, northing)


def _share_inside(sample: Sample, rules: Rules, reading: _Reading) -> float:
    return float((rules.grids.locate(*_degrees(sample, reading)) != OUTSIDE).mean())


def _spoken(reading: _Reading) -> str:
    code = short_name(reading.crs)
    return f"{code} ({NAMES[code]})" if code in NAMES else code


def _cause(sample: Sample, asked: _Reading, other: _Reading) -> str:
    if asked.northing_first != other.northing_first:
        return "the axes are swapped"
    if other.crs == DEGREES:
        return "the numbers are degrees, not metres"
    if max(np.abs(sample.x).max(), np.abs(sample.y).max()) > _LARGEST_DEGREE and asked.crs == DEGREES:
        return "the numbers are metres, not degrees"
    return "the zone is another, or its number before the easting is missing or too much"


def _options(reading: _Reading) -> str:
    return f"--crs {short_name(reading.crs)} --axes {'ne' if reading.northing_first else 'en'}"


def _refuse_offset(
    sample: Sample, rules: Rules, former: Mapping[str, tuple[float, float]], given: gcj02.Positions, name: str
) -> None:
    taken_off = gcj02.unshifted(*given)
    proof = _by_former_positions(sample, former, given, taken_off)
    if proof is None:
        proof = _by_districts(sample, rules, given, taken_off)
    if proof:
        offset = float(np.median(_metres(given, taken_off)))
        raise DatumTrap(
            f"{name}: nothing was loaded. {proof}: these are positions of a Chinese map service (GCJ-02, {offset:.0f} m"
            f" off here). Have them converted, or use --crs {gcj02.NAME}, which takes the offset off to about a metre,"
            " or --trust-crs if they are right all the same"
        )


def _by_former_positions(
    sample: Sample, former: Mapping[str, tuple[float, float]], given: gcj02.Positions, taken_off: gcj02.Positions
) -> str | None:
    """Give the proof, an empty text when former positions disprove the offset, None when they are too few."""
    rows = np.flatnonzero([code in former for code in sample.code.tolist()])
    if len(rows) < _FEWEST_ROWS:
        return None
    before = np.asarray([former[str(code)] for code in sample.code[rows]], dtype=np.float64)
    known = before[:, 0], before[:, 1]
    away = _metres((given[0][rows], given[1][rows]), known)
    left = _metres((taken_off[0][rows], taken_off[1][rows]), known)
    if (away > _FAR_M).mean() < _FITS or (left < _NEAR_M).mean() < _FITS:
        return "" if (away < _FAR_M).mean() > _FITS_NOT else None
    return (
        f"{len(rows)} components that are registered lie {np.median(away):.0f} m from where they were, and"
        f" {np.median(left):.0f} m once the GCJ-02 offset is taken off"
    )


def _by_districts(sample: Sample, rules: Rules, given: gcj02.Positions, taken_off: gcj02.Positions) -> str | None:
    if not rules.grid_districts:
        return None
    wrong = _astray(sample, rules, given)
    left = _astray(sample, rules, taken_off)
    if wrong - left < _FEWEST_ROWS or wrong < _BETTER * left:
        return None
    return (
        f"Of {len(sample.x)} rows looked at, {wrong} lie outside the district of their code, and {left} once the GCJ-02"
        " offset is taken off"
    )


def _astray(sample: Sample, rules: Rules, at: gcj02.Positions) -> int:
    found = rules.grids.locate(*at).tolist()
    codes = sample.code.tolist()
    return sum(rules.grid_districts.get(grid) != code[:6] for grid, code in zip(found, codes, strict=True))


def _metres(first: gcj02.Positions, second: gcj02.Positions) -> NDArray[np.float64]:
    """Distance on a plane: good to a thousandth over some kilometres."""
    east = (first[0] - second[0]) * np.cos(np.radians(second[1]))
    return np.hypot(east, first[1] - second[1]) * _DEGREE_M
