"""The synthetic street network on the lattice's lines: main streets about every 500 m, side streets in the blocks."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.projection import CITY_METRIC, geometries_from_degrees
from simulators.city.ground import Floats, Ground, Ints
from simulators.city.plan import Plan

SIDE, MAIN = 1, 2
_BLOCK_CELLS = (4, 5, 5, 5, 6)
"""Widths of blocks between main streets, in cells of about 100 m."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streets:
    """Street edges (one side of a cell each) as columns over m edges, in order along each street. Metres: EPSG:4548."""

    start_m: Floats
    end_m: Floats
    level: NDArray[np.int8]
    left: Ints
    right: Ints
    """Unit grids (position in the ground) beside the edge, -1 outside the city."""
    node: Ints
    """Lattice nodes of start and end. Shape: (m, 2)."""
    street: Ints
    """Number of the street, 0 to k - 1: a run of edges on one line."""
    name_zh: tuple[str, ...]
    name_en: tuple[str, ...]
    """Names of the k streets: numbered, because no invented name shall be taken for a real one."""

    @property
    def length_m(self) -> Floats:
        """Length of each edge."""
        return np.hypot(*(self.end_m - self.start_m).T)

    def axis(self, street: int) -> Floats:
        """Give the vertices of one street. Shape: (edges + 1, 2)."""
        edges = np.flatnonzero(self.street == street)
        return np.concatenate((self.start_m[edges], self.end_m[edges[-1:]]))


def build(plan: Plan, ground: Ground, rng: np.random.Generator) -> Streets:
    """Choose which lattice sides are streets, and chain them."""
    rows, columns = ground.lattice.shape
    main_rows, main_columns = _main_lines(rows, rng), _main_lines(columns, rng)
    across = np.zeros((rows + 1, columns), dtype=np.int8)
    down = np.zeros((rows, columns + 1), dtype=np.int8)
    _side_streets(ground, (main_rows, main_columns), (across, down), rng)
    across[main_rows] = MAIN
    down[:, main_columns] = MAIN
    edges = [_edges(ground, across, east_west=True), _edges(ground, down, east_west=False)]
    node, level, left, right, line = (np.concatenate(parts) for parts in zip(*edges, strict=True))
    flat = ground.lattice.nodes.reshape(-1, 2)
    keep = _passable(plan, ground, flat[node], level, (left, right))
    node, level, left, right, line = node[keep], level[keep], left[keep], right[keep], line[keep]
    turns = (line[1:] != line[:-1]) | (node[1:, 0] != node[:-1, 1])
    street = np.concatenate((np.zeros(1, dtype=np.int32), np.cumsum(turns, dtype=np.int32)))
    first = np.flatnonzero(np.concatenate((np.ones(1, dtype=bool), turns)))
    names = _names(line[first], level[first], (main_rows, main_columns), rows + 1)
    return Streets(
        start_m=flat[node[:, 0]],
        end_m=flat[node[:, 1]],
        level=level,
        left=left,
        right=right,
        node=node,
        street=street,
        name_zh=tuple(zh for zh, _ in names),
        name_en=tuple(en for _, en in names),
    )


def _main_lines(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    steps = np.cumsum(rng.choice(_BLOCK_CELLS, size=n // 4 + 1))
    return steps[steps <= n]


def _side_streets(
    ground: Ground,
    main: tuple[NDArray[np.int64], NDArray[np.int64]],
    levels: tuple[NDArray[np.int8], NDArray[np.int8]],
    rng: np.random.Generator,
) -> None:
    """Mark, block by block, which inner lines are side streets: each block its own, so that many end in a T."""
    across, down = levels
    for top, bottom in zip(main[0][:-1], main[0][1:], strict=True):
        for west, east in zip(main[1][:-1], main[1][1:], strict=True):
            block = ground.cell[top:bottom, west:east]
            cells = block[block >= 0]
            if not len(cells):
                continue
            chance = 0.25 + 0.55 * float(ground.density[cells].mean())
            for line in range(top + 1, bottom):
                if rng.random() < chance:
                    across[line, west:east] = SIDE
            for line in range(west + 1, east):
                if rng.random() < chance:
                    down[top:bottom, line] = SIDE


def _edges(
    ground: Ground, level: NDArray[np.int8], *, east_west: bool
) -> tuple[Ints, NDArray[np.int8], Ints, Ints, Ints]:
    """Give node pairs, level, left and right cell, and line of the marked sides, in order along each line."""
    rows, columns = ground.lattice.shape
    padded = np.full((rows + 2, columns + 2), -1, dtype=np.int32)
    padded[1:-1, 1:-1] = ground.cell
    nodes = np.arange((rows + 1) * (columns + 1), dtype=np.int32).reshape(rows + 1, columns + 1)
    if east_west:
        start, end = nodes[:, :-1], nodes[:, 1:]
        left, right = padded[:-1, 1:-1], padded[1:, 1:-1]
        line = np.broadcast_to(np.arange(rows + 1, dtype=np.int32)[:, None], level.shape)
    else:
        start, end = nodes[:-1].T, nodes[1:].T
        left, right = padded[1:-1, 1:].T, padded[1:-1, :-1].T
        line = np.broadcast_to(np.arange(columns + 1, dtype=np.int32)[:, None] + rows + 1, level.T.shape)
    marks = np.ascontiguousarray(level if east_west else level.T).ravel()
    start, end, left, right, line = (np.ascontiguousarray(part).ravel() for part in (start, end, left, right, line))
    chosen = (marks > 0) & ((left >= 0) | (right >= 0))
    node = np.stack((start, end), axis=1)
    return node[chosen], marks[chosen], left[chosen], right[chosen], line[chosen]


def _passable(
    plan: Plan, ground: Ground, ends: Floats, level: NDArray[np.int8], beside: tuple[Ints, Ints]
) -> NDArray[np.bool_]:
    """Leave out edges in water, side streets in green, side streets across a river."""
    in_water, in_green = np.ones(len(level), dtype=bool), np.ones(len(level), dtype=bool)
    for side in beside:
        in_water &= np.where(side >= 0, ground.is_water[side], True)
        in_green &= np.where(side >= 0, ground.is_green[side], True)
    rivers = geometries_from_degrees(CITY_METRIC, np.asarray(plan.rivers, dtype=np.object_))
    banks = shapely.union_all(shapely.buffer(rivers, 20.0))
    shapely.prepare(banks)
    in_river = shapely.intersects(banks, shapely.linestrings(ends))
    return ~in_water & ~((level == SIDE) & (in_green | in_river))


def _names(
    line: Ints, level: NDArray[np.int8], main: tuple[NDArray[np.int64], NDArray[np.int64]], east_west_lines: int
) -> list[tuple[str, str]]:
    """Name streets as Tangshan does, 道 for east-west and 路 for north-south, by numbers."""
    names: list[tuple[str, str]] = []
    seen: dict[tuple[bool, int], int] = {}
    for number, rank in zip(line.tolist(), level.tolist(), strict=True):
        east_west = number < east_west_lines
        place = number if east_west else number - east_west_lines
        order = int(np.searchsorted(main[0] if east_west else main[1], place, side="right"))
        zh, en = ("纬", "Wei") if east_west else ("经", "Jing")
        kind_zh, kind_en = ("道", "Avenue") if east_west else ("路", "Road")
        if rank == MAIN:
            names.append((f"{zh}{order}{kind_zh}", f"{en} {order} {kind_en}"))
            continue
        seen[east_west, order] = lane = seen.get((east_west, order), 0) + 1
        names.append((f"{zh}{order}{kind_zh}{lane}巷", f"{en} {order} Lane {lane}"))
    return names
