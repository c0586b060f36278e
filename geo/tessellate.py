"""A boundary cut into cells of about a given size: quads of a lattice, straight or bent, that share their corners.

Corners are shared, so neighbouring cells have neither gap nor overlap; a bent lattice lets cells follow streets.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Bend = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Moves lattice nodes: (..., 2) metres to (..., 2) metres; smooth, and small against the city."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Nodes of a lattice. Shape: `nodes` (rows + 1, columns + 1, 2), metres; row 0 is the north, column 0 the west."""

    nodes: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.nodes.shape[0] - 1, self.nodes.shape[1] - 1

    def corners(self) -> NDArray[np.float64]:
        """Give the corners of every cell, counter-clockwise and closed. Shape: (rows, columns, 5, 2)."""
        n = self.nodes
        ring = (n[1:, :-1], n[1:, 1:], n[:-1, 1:], n[:-1, :-1], n[1:, :-1])
        return np.stack(ring, axis=2)

    def centres(self) -> NDArray[np.float64]:
        """Give the mean of each cell's corners. Shape: (rows, columns, 2)."""
        return self.corners()[:, :, :4].mean(axis=2)


def straight(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave the lattice as it is."""
    return nodes


def lattice(bounds: tuple[float, float, float, float], cell_m: float, bend: Bend = straight) -> Lattice:
    """Give a lattice of square cells of `cell_m` over `bounds` (west, south, east, north, metres), bent by `bend`."""
    west, south, east, north = bounds
    x = west + np.arange(int(np.ceil((east - west) / cell_m)) + 1) * cell_m
    y = north - np.arange(int(np.ceil((north - south) / cell_m)) + 1) * cell_m
    nodes = np.stack(np.meshgrid(x, y), axis=-1).astype(np.float64)
    return Lattice(nodes=bend(nodes))


def cells_inside(grid: Lattice, boundary: BaseGeometry) -> NDArray[np.bool_]:
    """Tell for each cell whether its centre is inside `boundary` (metres). Shape: (rows, columns)."""
    centres = grid.centres()
    shapely.prepare(boundary)
    return shapely.contains_xy(boundary, centres[..., 0], centres[..., 1])


def tessellate(boundary: BaseGeometry, cell_m: float, bend: Bend = straight) -> NDArray[np.object_]:
    """Give the cells (polygons, metres) whose centres are inside `boundary`, from north to south, west to east."""
    west, south, east, north = boundary.bounds
    margin_m = 2 * cell_m
    grid = lattice((west - margin_m, south - margin_m, east + margin_m, north + margin_m), cell_m, bend)
    return np.asarray(shapely.polygons(grid.corners()[cells_inside(grid, boundary)]), dtype=np.object_)


def neighbours(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Give pairs of adjacent cells (a common side) of a lattice's chosen cells.

    Shape: `mask` (rows, columns); result (m, 2), positions in the order of `mask`'s true cells, row by row.
    """
    position = np.full(mask.shape, -1, dtype=np.int64)
    position[mask] = np.arange(int(mask.sum()))
    east = np.stack((position[:, :-1].ravel(), position[:, 1:].ravel()), axis=1)
    south = np.stack((position[:-1].ravel(), position[1:].ravel()), axis=1)
    pairs = np.concatenate((east, south))
    return pairs[(pairs >= 0).all(axis=1)]
