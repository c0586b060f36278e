"""Where devices stand in the city: cells, neighbours, areas and routes, as `core.places.Places` asks. Pure.

`CityMap` is the city's geometry as the database gives it; `CityPlaces` answers about one fleet. Everything is worked
out when it is first asked for and kept, so that half a million devices cost nothing until a rule looks at space.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
import shapely.ops
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from shapely import STRtree

from core.places import CellKind, Floats, Ints, Neighbours
from geo.projection import CITY_METRIC, from_degrees, geometries_from_degrees

Shapes = NDArray[np.object_]
STREET_REACH_M = 40.0
"""A device stands on the nearest street, at most so far from its axis. Our choice: half of a wide street."""
MOST_NEIGHBOURS = 16
"""The nearest so many count as neighbours (our choice): in a dense city a radius alone holds thousands."""
_TILE_M = 100.0
"""Points are asked for tile by tile: what lies together is then in the cache together, which is three times as fast."""
_TOUCH_DEG = 1e-5
"""Grids whose outlines come as near as this, about a metre, touch. Our choice: surveys leave slivers."""
_NO_INTS = np.zeros(0, np.int32)
_NO_SHAPES: Shapes = np.zeros(0, np.object_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Cells of one kind, ascending by key. Shape: n each; geometry in degrees."""

    key: Ints = field(default_factory=lambda: _NO_INTS)
    code: tuple[str, ...] = ()
    geometry: Shapes = field(default_factory=lambda: _NO_SHAPES)

    def row(self, cell: int) -> int | None:
        """Give the position of a cell."""
        found = int(np.searchsorted(self.key, cell))
        return found if found < len(self.key) and self.key[found] == cell else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Components that hang together: water and current run from `upstream` to `downstream`."""

    upstream: Ints = field(default_factory=lambda: _NO_INTS)
    downstream: Ints = field(default_factory=lambda: _NO_INTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CityMap:
    """The geometry of a city."""

    unit_grids: Cells = field(default_factory=Cells)
    patrol_grids: Cells = field(default_factory=Cells)
    patrol_of_unit: Ints = field(default_factory=lambda: _NO_INTS)
    """In the order of `unit_grids`; 0 = none."""
    streets: Cells = field(default_factory=Cells)
    areas: Cells = field(default_factory=Cells)
    components: Cells = field(default_factory=Cells)
    """Points of the components that are linked."""
    circuits: Links = field(default_factory=Links)
    pipes: Links = field(default_factory=Links)
    routes: Mapping[str, shapely.LineString] = field(default_factory=dict[str, shapely.LineString])


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where the devices of a fleet stand, by slot."""

    lon_deg: Floats
    lat_deg: Floats
    profile: NDArray[np.int16]
    unit_grid_id: Ints
    component_id: Ints
    route: Mapping[int, str] = field(default_factory=dict[int, str])
    """Slot -> code of its route, of the devices that have one."""


class CityPlaces:
    """Answers about the slots of one fleet."""

    def __init__(self, city: CityMap, stand: Stand) -> None:
        self.city = city
        self._stand = stand
        self._cells: dict[CellKind, Ints] = {}
        self._near: dict[float, Neighbours] = {}
        self._unions: dict[tuple[CellKind, tuple[int, ...]], bytes | None] = {}
        self._touching: dict[tuple[CellKind, int], tuple[int, ...]] = {}
        self._trees: dict[CellKind, STRtree] = {}
        self._plane: Floats | None = None
        self._tree: KDTree | None = None
        self._runs: tuple[Ints, Ints] | None = None
        self._below: dict[int, list[int]] | None = None
        self._slots_on: dict[int, list[int]] | None = None
        self._lines: dict[str, shapely.LineString] = {}

    def cell_of(self, kind: CellKind) -> Ints:
        """Give each slot's cell; 0 = in none."""
        found = self._cells.get(kind)
        if found is None:
            found = self._cells[kind] = self._located(kind)
        return found

    def cell_named(self, kind: CellKind, code: str) -> int:
        """Give the cell of a code; 0 = there is none."""
        cells = self._kept(kind)
        return int(cells.key[cells.code.index(code)]) if code in cells.code else 0

    def code_of(self, kind: CellKind, cell: int) -> str:
        """Give the code of a cell; empty = there is none."""
        cells = self._kept(kind)
        row = cells.row(cell)
        return cells.code[row] if row is not None else ""

    def neighbours_of(self, radius_m: float) -> Neighbours:
        """Give each slot's nearest neighbours of its profile within a radius, at most `MOST_NEIGHBOURS`."""
        found = self._near.get(radius_m)
        if found is None:
            found = self._near[radius_m] = self._neighbours(radius_m)
        return found

    def within_m(self, slot: int, radius_m: float) -> Ints:
        """Give the slots within a radius of a slot, itself included, ascending."""
        points = self._points()
        if not np.isfinite(points[slot]).all():
            return np.array([slot], np.int32)
        if self._tree is None:
            self._tree = KDTree(np.nan_to_num(points, nan=1e12))
        return np.sort(np.array(self._tree.query_ball_point(points[slot], radius_m), np.int32))

    def downstream_of(self, slot: int) -> Ints:
        """Give the slots on what lies downstream on a slot's pipe, itself included, ascending."""
        component = int(self._stand.component_id[slot])
        below, slots_on = self._pipe_index()
        seen, waiting = {component}, [component]
        while waiting:
            for other in below.get(waiting.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        found = {slot} if not component else {it for component in seen for it in slots_on.get(component, ())}
        return np.array(sorted(found), np.int32)

    def inside(self, area: str, lon_deg: Floats, lat_deg: Floats) -> Floats:
        """Say of each position whether a named area, its outline included, holds it: 1, 0, NaN = unknown."""
        areas = self.city.areas
        if area not in areas.code:
            return np.full(len(lon_deg), np.nan)
        shape = areas.geometry[areas.code.index(area)]
        shapely.prepare(shape)
        held = shapely.intersects_xy(shape, lon_deg, lat_deg).astype(np.float64)
        return np.where(np.isfinite(lon_deg) & np.isfinite(lat_deg), held, np.nan)

    def off_route_m(self, slots: Ints, lon_deg: Floats, lat_deg: Floats) -> Floats:
        """Give the distance of each position from the route of its device; NaN = unknown."""
        result = np.full(len(slots), np.nan)
        routes = [self._stand.route.get(slot, "") for slot in slots.tolist()]
        x, y = from_degrees(CITY_METRIC, lon_deg, lat_deg)
        known = np.isfinite(x) & np.isfinite(y)
        rows_of: dict[str, list[int]] = defaultdict(list)
        for row, route in enumerate(routes):
            if route in self.city.routes and known[row]:
                rows_of[route].append(row)
        for route, rows in rows_of.items():
            result[rows] = shapely.distance(self._line(route), shapely.points(x[rows], y[rows]))
        return result

    def geometry(self, kind: CellKind, cell: int) -> bytes | None:
        """Give a cell's geometry as WKB; None = unknown."""
        return self.union(kind, (cell,))

    def union(self, kind: CellKind, cells: tuple[int, ...]) -> bytes | None:
        """Give the union of cells as WKB; None = none of them is known."""
        key = kind, cells
        if key not in self._unions:
            if len(self._unions) > 1000:  # our choice: enough for what is open at one time
                self._unions.clear()
            shapes = [shape for cell in cells if (shape := self._shape(kind, cell)) is not None]
            self._unions[key] = shapely.to_wkb(shapely.union_all(shapes)) if shapes else None
        return self._unions[key]

    def hull(self, lon_deg: Floats, lat_deg: Floats) -> bytes | None:
        """Give what spans positions as WKB, a point, a line or an area; None = none is known."""
        known = np.isfinite(lon_deg) & np.isfinite(lat_deg)
        if not known.any():
            return None
        points = shapely.MultiPoint(np.column_stack((lon_deg[known], lat_deg[known])))
        return shapely.to_wkb(points.convex_hull)

    def adjacent(self, kind: CellKind, cell: int) -> tuple[int, ...]:
        """Give the cells that touch a cell, by a corner too, ascending, itself left out."""
        key = kind, cell
        if key not in self._touching:
            cells = self._kept(kind)
            row = cells.row(cell)
            found: tuple[int, ...] = ()
            if row is not None and len(cells.geometry):
                if kind not in self._trees:
                    self._trees[kind] = STRtree(cells.geometry)
                near = self._trees[kind].query(cells.geometry[row], predicate="dwithin", distance=_TOUCH_DEG)
                found = tuple(sorted(int(it) for it in cells.key[near] if it != cell))
            self._touching[key] = found
        return self._touching[key]

    def area_m2(self, kind: CellKind, cell: int) -> float:
        """Give a cell's area; 0 = it has none."""
        shape = self._shape(kind, cell)
        if shape is None:
            return 0.0
        return float(shapely.area(geometries_from_degrees(CITY_METRIC, np.array([shape], np.object_)))[0])

    def _kept(self, kind: CellKind) -> Cells:
        city = self.city
        kept = {
            CellKind.UNIT_GRID: city.unit_grids,
            CellKind.PATROL_GRID: city.patrol_grids,
            CellKind.STREET: city.streets,
            CellKind.AREA: city.areas,
        }
        return kept.get(kind, city.components)

    def _shape(self, kind: CellKind, cell: int) -> shapely.Geometry | None:
        if kind is CellKind.PIPE:
            return self._run_shape(cell)
        cells = self._kept(kind)
        row = cells.row(cell)
        return cells.geometry[row] if row is not None else None

    def _located(self, kind: CellKind) -> Ints:
        stand, city = self._stand, self.city
        if kind is CellKind.UNIT_GRID:
            return stand.unit_grid_id
        if kind is CellKind.PATROL_GRID:
            return _mapped(stand.unit_grid_id, city.unit_grids.key, city.patrol_of_unit)
        if kind is CellKind.CIRCUIT:
            fed = np.concatenate((city.circuits.downstream, city.circuits.upstream))  # a cabinet is on its own circuit
            return _mapped(stand.component_id, fed, np.concatenate((city.circuits.upstream, city.circuits.upstream)))
        if kind is CellKind.PIPE:
            return _mapped(stand.component_id, *self._pipe_runs())
        return self._nearest_street() if kind is CellKind.STREET else self._in_areas()

    def _nearest_street(self) -> Ints:
        points, found = self._points(), np.zeros(len(self._stand.lon_deg), np.int32)
        usable = np.flatnonzero(np.isfinite(points).all(axis=1))
        if len(self.city.streets.key) and len(usable):
            tree = STRtree(geometries_from_degrees(CITY_METRIC, self.city.streets.geometry))
            rows, hits = tree.query_nearest(shapely.points(points[usable]), max_distance=STREET_REACH_M)
            order = np.argsort(-hits, kind="stable")  # of two as near the lower number stays
            found[usable[rows[order]]] = self.city.streets.key[hits[order]]
        return found

    def _in_areas(self) -> Ints:
        found = np.zeros(len(self._stand.lon_deg), np.int32)
        for key, code in zip(self.city.areas.key[::-1], self.city.areas.code[::-1], strict=True):
            found[self.inside(code, self._stand.lon_deg, self._stand.lat_deg) == 1] = key
        return found

    def _points(self) -> Floats:
        if self._plane is None:
            self._plane = np.column_stack(from_degrees(CITY_METRIC, self._stand.lon_deg, self._stand.lat_deg))
        return self._plane

    def _neighbours(self, radius_m: float) -> Neighbours:
        points, count = self._points(), len(self._stand.lon_deg)
        slots: list[Ints] = []
        others: list[Ints] = []
        for profile in np.unique(self._stand.profile):
            rows = np.flatnonzero((self._stand.profile == profile) & np.isfinite(points).all(axis=1))
            rows = rows[np.lexsort((points[rows, 1] // _TILE_M, points[rows, 0] // _TILE_M))]
            most = min(MOST_NEIGHBOURS + 1, len(rows))
            if most < 2:
                continue
            found: Any = KDTree(points[rows]).query(points[rows], k=most, distance_upper_bound=radius_m)
            away, index = np.asarray(found[0], np.float64), np.asarray(found[1], np.intp)
            near = np.isfinite(away) & (index != np.arange(len(rows))[:, None])
            here, column = np.nonzero(near)
            slots.append(rows[here].astype(np.int32))
            others.append(rows[index[here, column]].astype(np.int32))
        slot = np.concatenate(slots) if slots else _NO_INTS
        order = np.argsort(slot, kind="stable")
        indptr = np.concatenate(([0], np.cumsum(np.bincount(slot, minlength=count)))).astype(np.int64)
        return Neighbours(indptr, np.concatenate(others)[order] if others else _NO_INTS)

    def _line(self, route: str) -> shapely.LineString:
        found = self._lines.get(route)
        if found is None:
            found = geometries_from_degrees(CITY_METRIC, np.array([self.city.routes[route]], np.object_))[0]
            self._lines[route] = found
        return found

    def _pipe_runs(self) -> tuple[Ints, Ints]:
        """Give the components on pipes, ascending, and the lowest component of each one's run."""
        if self._runs is None:
            pipes = self.city.pipes
            components, index = np.unique(np.concatenate((pipes.upstream, pipes.downstream)), return_inverse=True)
            above, below = np.split(index, 2)
            graph = coo_array((np.ones(len(above), np.bool_), (above, below)), shape=(len(components),) * 2)
            pair: Any = connected_components(graph, directed=False) if len(components) else (0, _NO_INTS)
            label: NDArray[np.intp] = np.asarray(pair[1], np.intp)  # scipy's types forget the labels
            lowest = np.full(int(label.max(initial=-1)) + 1, np.iinfo(np.int32).max, np.int32)
            np.minimum.at(lowest, label, components.astype(np.int32))
            self._runs = components.astype(np.int32), lowest[label]
        return self._runs

    def _run_shape(self, cell: int) -> shapely.Geometry | None:
        """Give the lines between the linked components of a run."""
        components, run = self._pipe_runs()
        pipes, points = self.city.pipes, self.city.components
        on_run = _mapped(pipes.upstream, components, run) == cell
        ends = [
            [points.geometry[row] for row in rows]
            for rows in ([points.row(it) for it in pair] for pair in zip(
                pipes.upstream[on_run].tolist(), pipes.downstream[on_run].tolist(), strict=True))
            if None not in rows
        ]  # fmt: skip
        if not ends:
            return None
        return shapely.ops.linemerge([shapely.LineString(shapely.get_coordinates(pair)) for pair in ends])

    def _pipe_index(self) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
        if self._below is None or self._slots_on is None:
            below: dict[int, list[int]] = defaultdict(list)
            for upper, lower in zip(
                self.city.pipes.upstream.tolist(), self.city.pipes.downstream.tolist(), strict=True
            ):
                below[upper].append(lower)
            slots_on: dict[int, list[int]] = defaultdict(list)
            for slot in np.flatnonzero(self.cell_of(CellKind.PIPE)).tolist():
                slots_on[int(self._stand.component_id[slot])].append(slot)
            self._below, self._slots_on = dict(below), dict(slots_on)
        return self._below, self._slots_on


def cells(rows: Sequence[tuple[int, str, bytes]]) -> Cells:
    """Give cells of rows (key, code, WKB)."""
    rows = sorted(rows, key=lambda row: row[0])
    return Cells(
        key=np.array([row[0] for row in rows], np.int32),
        code=tuple(row[1] for row in rows),
        geometry=np.asarray(shapely.from_wkb([row[2] for row in rows]), np.object_).reshape(len(rows)),
    )


def _mapped(wanted: Ints, keys: Ints, values: Ints) -> Ints:
    """Give the value of each key that is wanted; 0 = there is none."""
    if not len(keys):
        return np.zeros(len(wanted), np.int32)
    order = np.argsort(keys, kind="stable")
    found = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    hit = order[found]
    return np.where(keys[hit] == wanted, values[hit], 0).astype(np.int32)
