"""The ground of the synthetic city: unit grids cut from a bent lattice, and the tree of areas they belong to.

Streets run on the lattice's lines, so unit grids follow street blocks as surveyed ones do.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.partition import components, partition
from geo.projection import CITY_METRIC, from_degrees, geometries_from_degrees, geometries_to_degrees
from geo.tessellate import Lattice, lattice, neighbours
from geo.unit_code import number_grids
from simulators.city.plan import Ellipse, Plan

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

_TURN_DEG = 4.0
"""The whole street grid is turned by this much against north."""
_WAVES = ((4200.0, 95.0), (2700.0, 40.0), (1400.0, 14.0))
"""Length and height (m) of the waves that bend it; heights small enough that cells keep their size within a tenth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Unit grids as columns over n cells, ordered north to south, west to east on the lattice. Metres: EPSG:4548."""

    lattice: Lattice
    cell: NDArray[np.int32]
    """Position of each lattice cell among the n, -1 outside the city. Shape: (rows, columns)."""
    centre_m: Floats
    district: tuple[str, ...]
    community: tuple[str, ...]
    number: Ints
    patrol: Ints
    """Patrol grid of each cell, 0 to 149."""
    patrol_district: tuple[str, ...]
    polygon: NDArray[np.object_]
    """Outlines in degrees, rounded as they are written."""
    area_m2: Floats
    is_green: NDArray[np.bool_]
    is_water: NDArray[np.bool_]
    density: Floats
    """How built-up the cell is, 0.25 to 1, highest in the centre."""

    def codes(self) -> list[str]:
        """Give the 15-digit codes."""
        return [f"{community}{number:03d}" for community, number in zip(self.community, self.number, strict=True)]


def lay_out(plan: Plan, rng: np.random.Generator) -> Ground:
    """Cut the plan's districts into unit grids and gather these into communities and patrol grids."""
    outlines = geometries_from_degrees(CITY_METRIC, np.asarray([d.outline for d in plan.districts], dtype=np.object_))
    cell_m = float(np.sqrt(shapely.area(outlines).sum() / plan.unit_grids))
    grid = _bent_lattice(outlines, cell_m, rng)
    owner = _owners(grid, outlines)
    mask = owner >= 0
    pairs = neighbours(mask)
    centre_m = grid.centres()[mask]
    district = owner[mask]
    community, patrol, patrol_district = _gather(plan, centre_m, district, pairs, rng)
    cell = np.full(mask.shape, -1, dtype=np.int32)
    cell[mask] = np.arange(int(mask.sum()))
    rings = grid.corners()[mask]
    outline = geometries_to_degrees(CITY_METRIC, np.asarray(shapely.polygons(rings), dtype=np.object_))
    names, label = np.unique(community, return_inverse=True)
    return Ground(
        lattice=grid,
        cell=cell,
        centre_m=centre_m,
        district=tuple(plan.districts[index].code for index in district),
        community=tuple(str(names[index]) for index in label),
        number=number_grids(centre_m[:, 0], centre_m[:, 1], label.astype(np.int32), cell_m),
        patrol=patrol,
        patrol_district=patrol_district,
        polygon=shapely.transform(outline, lambda xy: np.round(xy, 7)),
        area_m2=np.round(np.asarray(shapely.area(shapely.polygons(rings)), dtype=np.float64), 1),
        is_green=_within(centre_m, plan.green),
        is_water=_within(centre_m, plan.water),
        density=_density(centre_m, plan, outlines, district),
    )


def _bent_lattice(outlines: NDArray[np.object_], cell_m: float, rng: np.random.Generator) -> Lattice:
    west, south, east, north = (float(value) for value in shapely.total_bounds(outlines))
    margin_m = (east - west) * np.sin(np.deg2rad(_TURN_DEG)) + 1000.0
    middle = np.asarray(((west + east) / 2, (south + north) / 2))
    turn = np.deg2rad(_TURN_DEG)
    rotation = np.asarray(((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))))
    headings = rng.uniform(0, np.pi, size=(len(_WAVES), 2))
    phases = rng.uniform(0, 2 * np.pi, size=(len(_WAVES), 2))

    def bend(nodes: Floats) -> Floats:
        offset = nodes - middle
        turned = np.stack(
            (
                offset[..., 0] * rotation[0, 0] + offset[..., 1] * rotation[0, 1],
                offset[..., 0] * rotation[1, 0] + offset[..., 1] * rotation[1, 1],
            ),
            axis=-1,
        )
        moved = turned.copy()
        for (length_m, height_m), pair, shift in zip(_WAVES, headings, phases, strict=True):
            for heading, phase in zip(pair, shift, strict=True):
                # Displacement across the wave's own direction has no divergence: areas stay.
                along = (turned[..., 0] * np.cos(heading) + turned[..., 1] * np.sin(heading)) * 2 * np.pi / length_m
                push = height_m * np.sin(along + phase)
                moved[..., 0] -= push * np.sin(heading)
                moved[..., 1] += push * np.cos(heading)
        return moved + middle

    return lattice((west - margin_m, south - margin_m, east + margin_m, north + margin_m), cell_m, bend)


def _owners(grid: Lattice, outlines: NDArray[np.object_]) -> NDArray[np.int32]:
    """Give each lattice cell the index of its district, -1 outside; a district's stray cells are left out."""
    centres = grid.centres()
    owner = np.full(grid.shape, -1, dtype=np.int32)
    shapely.prepare(outlines)
    for index in range(len(outlines)):
        inside = shapely.contains_xy(outlines[index], centres[..., 0], centres[..., 1]) & (owner < 0)
        piece = components(int(inside.sum()), neighbours(inside))
        kept = inside.copy()
        kept[inside] = piece == np.bincount(piece).argmax()
        owner[kept] = index
    return owner


def _gather(
    plan: Plan, centre_m: Floats, district: Ints, pairs: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.str_], Ints, tuple[str, ...]]:
    """Give each cell its community's code and its patrol grid, and each patrol grid its district."""
    community = np.empty(len(centre_m), dtype="U12")
    patrol = np.zeros(len(centre_m), dtype=np.int32)
    patrol_district: list[str] = []
    shares = np.bincount(district, minlength=len(plan.districts))
    walks = _apportion(shares / shares.sum(), plan.patrol_grids)
    for index, entry in enumerate(plan.districts):
        cells = np.flatnonzero(district == index)
        beside = _inner_pairs(cells, pairs, len(centre_m))
        parts = _in_reading_order(partition(centre_m[cells], beside, np.ones(walks[index]), rng), centre_m[cells])
        patrol[cells] = parts + len(patrol_district)
        patrol_district += [entry.code] * int(walks[index])
        families = [plan.communities_of(street) for street in entry.streets]
        sizes = np.asarray([len(family) for family in families], dtype=np.float64)
        street = partition(centre_m[cells], beside, sizes, rng)
        for number, family in enumerate(families):
            mine = cells[street == number]
            inner = _inner_pairs(mine, pairs, len(centre_m))
            homes = partition(centre_m[mine], inner, np.ones(len(family)), rng)
            community[mine] = np.asarray(family)[_in_reading_order(homes, centre_m[mine])]
    return community, patrol, tuple(patrol_district)


def _inner_pairs(cells: NDArray[np.intp], pairs: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Give the pairs among `cells`, as positions in `cells`."""
    position = np.full(n, -1, dtype=np.int64)
    position[cells] = np.arange(len(cells))
    inner = position[pairs]
    return inner[(inner >= 0).all(axis=1)]


def _in_reading_order(parts: Ints, centre_m: Floats) -> Ints:
    """Renumber parts by where they lie: bands of 1.5 km from north to south, in each from west to east."""
    size = np.maximum(np.bincount(parts), 1)
    x = np.bincount(parts, weights=centre_m[:, 0]) / size
    y = np.bincount(parts, weights=centre_m[:, 1]) / size
    order = np.lexsort((x, np.floor((y.max() - y) / 1500.0)))
    rank = np.empty(len(size), dtype=np.int32)
    rank[order] = np.arange(len(size))
    return rank[parts]


def _apportion(shares: Floats, total: int) -> NDArray[np.int64]:
    """Give whole numbers that sum to `total` in the proportion of `shares`, by largest remainders."""
    exact = shares * total
    whole = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole


def _within(centre_m: Floats, patches: tuple[Ellipse, ...]) -> NDArray[np.bool_]:
    inside = np.zeros(len(centre_m), dtype=bool)
    for patch in patches:
        x, y = from_degrees(CITY_METRIC, patch.lon_deg, patch.lat_deg)
        dx = (centre_m[:, 0] - float(x)) / patch.half_x_m
        dy = (centre_m[:, 1] - float(y)) / patch.half_y_m
        inside |= dx**2 + dy**2 < 1
    return inside


def _density(centre_m: Floats, plan: Plan, outlines: NDArray[np.object_], district: Ints) -> Floats:
    """Fall with the distance from the centre; the outer districts have a small centre of their own."""
    x, y = from_degrees(CITY_METRIC, plan.centre[0], plan.centre[1])
    reach_m = np.hypot(centre_m[:, 0] - float(x), centre_m[:, 1] - float(y))
    density = np.exp(-((reach_m / 5500.0) ** 2))
    for index, outline in enumerate(outlines):
        mine = district == index
        own = shapely.centroid(outline)
        near_m = np.hypot(centre_m[:, 0] - own.x, centre_m[:, 1] - own.y)
        density = np.where(mine, np.maximum(density, 0.6 * np.exp(-((near_m / 2200.0) ** 2))), density)
    return 0.25 + 0.75 * density
