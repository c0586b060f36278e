"""The geometries of survey rows, whatever they are drawn by, in degrees; and where a row with a finding lies. Pure."""

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from components_registry.model import Finding, Flaw
from components_registry.table import Table, numbers_of
from components_registry.verdict import Rules, Verdict
from geo.projection import geometries_to_degrees

CHINA = (73.0, 3.0, 136.0, 54.0)
"""West, south, east, north in degrees: what lies outside was projected with the wrong system. Our choice."""


def geometries(table: Table, drawn: NDArray[np.object_] | None, rules: Rules, verdict: Verdict) -> NDArray[np.object_]:
    """Give every row's geometry in degrees; None in rows that are refused."""
    geometry = _draw(table, verdict) if drawn is None else drawn.copy()
    verdict.refuse(
        shapely.is_missing(geometry) | shapely.is_empty(geometry),
        "geometry",
        Flaw.BAD_GEOMETRY,
        lambda _row: "the row has no geometry that can be read",
    )
    rows = np.flatnonzero(verdict.good)
    shapes = geometry[rows]
    if shapely.has_z(shapes).any():
        shapes = shapely.force_2d(shapes)
    if rules.northing_first:
        shapes = shapely.transform(shapes, lambda xy: xy[:, ::-1])
    geometry[rows] = geometries_to_degrees(rules.crs, shapes)
    bounds = shapely.bounds(geometry)
    west, south, east, north = CHINA
    inside = (bounds[:, 0] >= west) & (bounds[:, 1] >= south) & (bounds[:, 2] <= east) & (bounds[:, 3] <= north)
    verdict.refuse(
        ~inside,
        "x" if drawn is None else "geometry",
        Flaw.COORDINATE_RANGE,
        lambda row: _range_sentence(bounds[row], rules.crs),
    )
    verdict.refuse(
        ~shapely.is_valid(geometry),
        "wkt" if drawn is None else "geometry",
        Flaw.BAD_GEOMETRY,
        lambda row: f"the outline is broken: {shapely.is_valid_reason(geometry[row])}",
    )
    geometry[~verdict.good] = None
    return geometry


def _draw(table: Table, verdict: Verdict) -> NDArray[np.object_]:
    """Make geometries from x, y or wkt, in the file's own coordinates."""
    geometry = np.full(len(table), None, dtype=np.object_)
    wkt = table["wkt"]
    has_wkt = wkt != ""
    geometry[has_wkt] = shapely.from_wkt(wkt[has_wkt], on_invalid="ignore")
    verdict.refuse(
        has_wkt & shapely.is_missing(geometry), "wkt", Flaw.BAD_GEOMETRY,
        lambda row: f"{str(wkt[row])[:60]!r} is no WKT",
    )  # fmt: skip
    x, y = table["x"], table["y"]
    verdict.refuse(
        ~has_wkt & (x == "") & (y == ""), "x", Flaw.NO_COORDINATES, lambda _row: "neither x and y nor wkt is given"
    )
    numbers: list[NDArray[np.float64]] = []
    for column, text in (("x", x), ("y", y)):
        value = numbers_of(text)
        verdict.refuse(
            ~has_wkt & ~np.isfinite(value), column, Flaw.BAD_COORDINATE,
            lambda row, text=text: f"{text[row]!r} is no coordinate",
        )  # fmt: skip
        numbers.append(value)
    points = np.flatnonzero(~has_wkt & verdict.good)
    geometry[points] = shapely.points(numbers[0][points], numbers[1][points])
    return geometry


def _range_sentence(bounds: NDArray[np.float64], crs: str) -> str:
    where = "nowhere" if not np.isfinite(bounds).all() else f"at {bounds[0]:.4f}, {bounds[1]:.4f}"
    return (
        f"read as {crs} this lies {where}, not in China: is x the easting (or longitude; else --axes ne),"
        " and does the easting carry a zone number (EPSG:4527) or not (EPSG:4548)?"
    )


def positions_in_file(
    table: Table, drawn: NDArray[np.object_] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give one vertex of each row in the file's own coordinates, NaN where there is none."""
    geometry = _draw(table, Verdict(table.line)) if drawn is None else drawn
    xy, row = shapely.get_coordinates(geometry, return_index=True)
    x, y = np.full(len(table), np.nan), np.full(len(table), np.nan)
    x[row[::-1]], y[row[::-1]] = xy[::-1, 0], xy[::-1, 1]
    return x, y


def placed(findings: list[Finding], table: Table, drawn: NDArray[np.object_] | None, rules: Rules) -> list[Finding]:
    """Give the findings by line, each with one vertex of its row where that can be read and lies in the country."""
    findings = sorted(findings, key=lambda finding: finding.line)
    if not findings:
        return []
    wrong = np.isin(table.line, [finding.line for finding in findings])
    x, y = positions_in_file(table.take(wrong), None if drawn is None else drawn[wrong])
    if rules.northing_first:
        x, y = y, x
    points = np.full(len(x), None, dtype=np.object_)
    readable = np.isfinite(x) & np.isfinite(y)
    points[readable] = shapely.points(x[readable], y[readable])
    points = geometries_to_degrees(rules.crs, points)
    lon, lat = shapely.get_x(points), shapely.get_y(points)
    west, south, east, north = CHINA
    inside = (lon >= west) & (lat >= south) & (lon <= east) & (lat <= north)
    places = zip(table.line[wrong][inside].tolist(), lon[inside].tolist(), lat[inside].tolist(), strict=True)
    where = {line: (lon, lat) for line, lon, lat in places}
    return [
        replace(finding, lon=where[finding.line][0], lat=where[finding.line][1]) if finding.line in where else finding
        for finding in findings
    ]
