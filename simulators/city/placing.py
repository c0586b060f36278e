"""Where components may stand: places by name (`street`, `block`, `green` ...), each a function that spreads n spots.

Positions are stratified, never purely random: street furniture stands in rows, and no two spots of a class coincide.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.projection import CITY_METRIC, from_degrees, geometries_from_degrees
from simulators.city.ground import Floats, Ground, Ints
from simulators.city.plan import Plan
from simulators.city.streets import MAIN, SIDE, Streets

LOOSENESS = {"even": 0.1, "loose": 0.85, "spread": 0.0}
"""Share of its stratum a spot may move in."""
_MAIN_WEIGHT = 1.6
"""Main streets carry more than their length. Our choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spots:
    """n anchors: where, which way the street or block runs there (unit vector), and a unit grid close by."""

    xy_m: Floats
    heading: Floats
    near: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What placing needs of the city, computed once."""

    ground: Ground
    streets: Streets
    axis_m: Floats
    """Direction and length of each street edge. Shape: (m, 2)."""
    beside: Ints
    """A unit grid of the city beside each edge."""
    crossings: Floats
    """Lattice nodes where main streets cross: x, y, heading x, heading y, unit grid. Shape: (c, 5)."""
    corners: Floats
    """The same for every node where three or more edges meet."""
    bridges: Floats
    """The same for main street edges over a river."""
    shores: Floats
    """Points every 5 m along rivers and lake shores inside the city, in the same columns."""


Placer = Callable[[Site, int, float, str, np.random.Generator], Spots]


def survey_site(plan: Plan, ground: Ground, streets: Streets) -> Site:
    """Compute what placing needs."""
    axis = streets.end_m - streets.start_m
    beside = np.where(streets.left >= 0, streets.left, streets.right)
    degree = np.bincount(streets.node.ravel())
    is_main = streets.level == MAIN
    main_degree = np.bincount(streets.node[is_main].ravel(), minlength=len(degree))
    return Site(
        ground=ground,
        streets=streets,
        axis_m=axis,
        beside=beside,
        crossings=_nodes(streets, axis, beside, main_degree >= 3),
        corners=_nodes(streets, axis, beside, degree >= 3),
        bridges=_bridges(plan, streets, axis, beside),
        shores=_shores(plan, ground),
    )


def along(site: Site, weight: Floats, n: int, offset_m: float, layout: str, rng: np.random.Generator) -> Spots:
    """Spread n spots along street edges by `weight`, `offset_m` to the side that lies in the city."""
    reach = np.cumsum(weight)
    jitter = (rng.random(n) - 0.5) * LOOSENESS[layout]
    place = (np.arange(n) + 0.5 + jitter) / n * reach[-1]
    edge = np.minimum(np.searchsorted(reach, place, side="right"), len(weight) - 1)
    share = 1 - (reach[edge] - place) / weight[edge]
    side = np.where(np.arange(n) % 2 == 0, 1.0, -1.0) if layout == "even" else rng.choice((-1.0, 1.0), size=n)
    side = np.where(site.streets.left[edge] < 0, -1.0, np.where(site.streets.right[edge] < 0, 1.0, side))
    heading = site.axis_m[edge] / site.streets.length_m[edge][:, None]
    normal = np.stack((-heading[:, 1], heading[:, 0]), axis=1)
    xy = site.streets.start_m[edge] + share[:, None] * site.axis_m[edge] + (side * offset_m)[:, None] * normal
    near = np.where(side > 0, site.streets.left[edge], site.streets.right[edge])
    return Spots(xy_m=xy, heading=heading, near=near.astype(np.int32))


def _street(levels: tuple[int, ...]) -> Placer:
    def place(site: Site, n: int, offset_m: float, layout: str, rng: np.random.Generator) -> Spots:
        level = site.streets.level
        weight = site.streets.length_m * site.ground.density[site.beside]
        weight = weight * np.where(level == MAIN, _MAIN_WEIGHT, 1.0) * np.isin(level, levels)
        return along(site, weight, n, offset_m, layout, rng)

    return place


def _cells(chance: Callable[[Ground], Floats]) -> Placer:
    """Spread spots inside unit grids, away from their street sides."""

    def place(site: Site, n: int, offset_m: float, layout: str, rng: np.random.Generator) -> Spots:
        ground = site.ground
        reach = np.cumsum(chance(ground))
        jitter = (rng.random(n) - 0.5) * LOOSENESS[layout]
        spot = (np.arange(n) + 0.5 + jitter) / n * reach[-1]
        cell = np.minimum(np.searchsorted(reach, spot, side="right"), len(reach) - 1).astype(np.int32)
        inset = 0.5 - min(0.35, 0.15 + offset_m / 400)
        u, v = rng.uniform(0.5 - inset, 0.5 + inset, size=(2, n))
        corner = ground.lattice.corners()[ground.cell >= 0][cell]
        south = corner[:, 0] + u[:, None] * (corner[:, 1] - corner[:, 0])
        north = corner[:, 3] + u[:, None] * (corner[:, 2] - corner[:, 3])
        run = corner[:, 1] - corner[:, 0]
        heading = run / np.hypot(run[:, 0], run[:, 1])[:, None]
        return Spots(xy_m=south + v[:, None] * (north - south), heading=heading, near=cell)

    return place


def _at(table: Callable[[Site], Floats]) -> Placer:
    """Give spots at listed points: one each first, then the next corner of each, then further out."""

    def place(site: Site, n: int, offset_m: float, layout: str, rng: np.random.Generator) -> Spots:
        del layout
        rows = table(site)
        order = rng.permutation(len(rows))
        turn, place_in_turn = np.divmod(np.arange(n), len(rows))
        chosen = rows[order[place_in_turn]]
        heading = chosen[:, 2:4]
        normal = np.stack((-heading[:, 1], heading[:, 0]), axis=1)
        out_m = (offset_m + 1.5 * (turn // 4))[:, None]
        ahead = np.asarray((1, -1, -1, 1))[turn % 4][:, None]
        aside = np.asarray((1, -1, 1, -1))[turn % 4][:, None]
        xy = chosen[:, :2] + out_m * (ahead * heading + aside * normal)
        return Spots(xy_m=xy, heading=heading, near=chosen[:, 4].astype(np.int32))

    return place


def _shore(site: Site, n: int, offset_m: float, layout: str, rng: np.random.Generator) -> Spots:
    jitter = (rng.random(n) - 0.5) * LOOSENESS[layout]
    row = ((np.arange(n) + 0.5 + jitter) / n * len(site.shores)).astype(np.intp)
    chosen = site.shores[row]
    heading = chosen[:, 2:4]
    side = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)[:, None]
    normal = np.stack((-heading[:, 1], heading[:, 0]), axis=1)
    slide = rng.uniform(-2, 2, size=(n, 1))
    xy = chosen[:, :2] + side * offset_m * normal + slide * heading
    return Spots(xy_m=xy, heading=heading, near=chosen[:, 4].astype(np.int32))


PLACES: dict[str, Placer] = {
    "street": _street((SIDE, MAIN)),
    "main": _street((MAIN,)),
    "side": _street((SIDE,)),
    "block": _cells(lambda ground: ground.density * np.where(ground.is_green, 0.1, 1.0) * ~ground.is_water),
    "green": _cells(lambda ground: np.where(ground.is_water, 0.0, np.where(ground.is_green, 1.0, 0.01))),
    "edge": _cells(lambda ground: (1 - ground.density) ** 2 * ~(ground.is_green | ground.is_water)),
    "crossing": _at(lambda site: site.crossings),
    "corner": _at(lambda site: site.corners),
    "bridge": _at(lambda site: site.bridges),
    "water": _shore,
}


def _nodes(streets: Streets, axis: Floats, beside: Ints, wanted: NDArray[np.bool_]) -> Floats:
    edges = np.flatnonzero(wanted[streets.node[:, 0]])
    _, first = np.unique(streets.node[edges, 0], return_index=True)
    return _rows(streets.start_m, axis, beside, edges[first])


def _rows(point: Floats, axis: Floats, beside: Ints, edges: NDArray[np.intp]) -> Floats:
    heading = axis[edges] / np.hypot(axis[edges, 0], axis[edges, 1])[:, None]
    return np.column_stack((point[edges], heading, beside[edges].astype(np.float64)))


def _bridges(plan: Plan, streets: Streets, axis: Floats, beside: Ints) -> Floats:
    rivers = shapely.union_all(geometries_from_degrees(CITY_METRIC, np.asarray(plan.rivers, dtype=np.object_)))
    shapely.prepare(rivers)
    lines = shapely.linestrings(np.stack((streets.start_m, streets.end_m), axis=1))
    over = np.flatnonzero(shapely.intersects(rivers, lines) & (streets.level == MAIN))
    return _rows((streets.start_m + streets.end_m) / 2, axis, beside, over)


def _shores(plan: Plan, ground: Ground) -> Floats:
    """Walk rivers and the rings of lakes in steps of 5 m; keep the steps in the city."""
    lines = list(geometries_from_degrees(CITY_METRIC, np.asarray(plan.rivers, dtype=np.object_)))
    for lake in plan.water:
        x, y = from_degrees(CITY_METRIC, lake.lon_deg, lake.lat_deg)
        angle = np.linspace(0, 2 * np.pi, 181)
        ring = (float(x) + lake.half_x_m * np.cos(angle), float(y) + lake.half_y_m * np.sin(angle))
        lines.append(shapely.linestrings(np.column_stack(ring)))
    steps: list[Floats] = []
    for line in lines:
        reach = np.arange(0, float(shapely.length(line)) - 5, 5.0)
        here = shapely.get_coordinates(shapely.line_interpolate_point(line, reach))
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, reach + 5))
        steps.append(np.column_stack((here, (ahead - here) / np.hypot(*(ahead - here).T)[:, None])))
    walk = np.concatenate(steps)
    polygons = geometries_from_degrees(CITY_METRIC, ground.polygon)
    rows, cells = shapely.STRtree(polygons).query(shapely.points(walk[:, :2]), predicate="intersects")
    rows, first = np.unique(rows, return_index=True)
    return np.column_stack((walk[rows], cells[first]))
