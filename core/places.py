"""Where devices stand among each other and in the city, as the rules ask it; `geo.places` answers from real geometry.

A cell is a part of the city that devices share: a grid, a street, a lamp circuit, a run of pipe. Its number is the
database's own, so it stays the same over restarts; 0 = in none.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


class CellKind(StrEnum):
    """What divides the city into cells."""

    UNIT_GRID = "unit_grid"
    PATROL_GRID = "patrol_grid"
    STREET = "street"
    CIRCUIT = "circuit"
    """Lamps fed by one cabinet; the cell is the cabinet's component."""
    PIPE = "pipe"
    """Manholes on one connected run of pipe; the cell is the lowest component number on it."""
    AREA = "area"
    """Named areas; where they overlap, a device counts in the one with the lowest number."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """For each slot its neighbours' slots, itself left out: those of slot s are `indices[indptr[s]:indptr[s + 1]]`."""

    indptr: NDArray[np.int64]
    indices: Ints

    def of(self, slot: int) -> Ints:
        """Give the neighbours of one slot."""
        return self.indices[self.indptr[slot] : self.indptr[slot + 1]]


class Places(Protocol):
    """Geometry behind the rules. Slots are those of the `Fleet` it was made for; positions are WGS 84 degrees."""

    def cell_of(self, kind: CellKind) -> Ints:
        """Give each slot's cell, by its registered position or its component; 0 = in none."""
        ...

    def cell_named(self, kind: CellKind, code: str) -> int:
        """Give the cell of a code (a grid's, a street's name, a cabinet's component code); 0 = there is none."""
        ...

    def code_of(self, kind: CellKind, cell: int) -> str:
        """Give the code by which `cell_named` finds a cell; empty = there is none."""
        ...

    def neighbours_of(self, radius_m: float) -> Neighbours:
        """Give each slot's nearest neighbours within a radius, of the same profile, nearest first."""
        ...

    def within_m(self, slot: int, radius_m: float) -> Ints:
        """Give the slots of any profile within a radius of a slot, itself included, ascending."""
        ...

    def downstream_of(self, slot: int) -> Ints:
        """Give the slots on the components downstream of a slot's component on its pipe, itself included, ascending."""
        ...

    def inside(self, area: str, lon_deg: Floats, lat_deg: Floats) -> Floats:
        """Say of each position whether a named area holds it: 1, 0, or NaN = unknown position or area."""
        ...

    def off_route_m(self, slots: Ints, lon_deg: Floats, lat_deg: Floats) -> Floats:
        """Give the distance of each position from the route of its device; NaN = it has none, or unknown position."""
        ...

    def geometry(self, kind: CellKind, cell: int) -> bytes | None:
        """Give a cell's geometry as WKB; None = unknown."""
        ...

    def union(self, kind: CellKind, cells: tuple[int, ...]) -> bytes | None:
        """Give the union of cells as WKB; None = unknown."""
        ...

    def hull(self, lon_deg: Floats, lat_deg: Floats) -> bytes | None:
        """Give what spans positions as WKB: a point, a line between two, or their convex hull."""
        ...

    def adjacent(self, kind: CellKind, cell: int) -> tuple[int, ...]:
        """Give the cells that touch a cell, ascending, itself left out."""
        ...

    def area_m2(self, kind: CellKind, cell: int) -> float:
        """Give a cell's area; 0 = it has none."""
        ...


@dataclass(frozen=True, slots=True)
class Nowhere:
    """A city of which no geometry is known: no cells, no neighbours, every question about areas unanswered."""

    size: int = 0
    """How many slots there are."""
    _none: Ints = field(default_factory=lambda: np.zeros(0, np.int32))

    def cell_of(self, kind: CellKind) -> Ints:  # noqa: ARG002
        """Give no cell for any slot."""
        return np.zeros(self.size, np.int32)

    def cell_named(self, kind: CellKind, code: str) -> int:  # noqa: ARG002
        """Give none."""
        return 0

    def code_of(self, kind: CellKind, cell: int) -> str:  # noqa: ARG002
        """Give none."""
        return ""

    def neighbours_of(self, radius_m: float) -> Neighbours:  # noqa: ARG002
        """Give none."""
        return Neighbours(np.zeros(self.size + 1, np.int64), self._none)

    def within_m(self, slot: int, radius_m: float) -> Ints:  # noqa: ARG002
        """Give the slot itself."""
        return np.array([slot], np.int32)

    def downstream_of(self, slot: int) -> Ints:
        """Give the slot itself."""
        return np.array([slot], np.int32)

    def inside(self, area: str, lon_deg: Floats, lat_deg: Floats) -> Floats:  # noqa: ARG002
        """Know nothing."""
        return np.full(len(lon_deg), np.nan)

    def off_route_m(self, slots: Ints, lon_deg: Floats, lat_deg: Floats) -> Floats:  # noqa: ARG002
        """Know nothing."""
        return np.full(len(slots), np.nan)

    def geometry(self, kind: CellKind, cell: int) -> bytes | None:  # noqa: ARG002
        """Know nothing."""
        return None

    def union(self, kind: CellKind, cells: tuple[int, ...]) -> bytes | None:  # noqa: ARG002
        """Know nothing."""
        return None

    def hull(self, lon_deg: Floats, lat_deg: Floats) -> bytes | None:  # noqa: ARG002
        """Know nothing."""
        return None

    def adjacent(self, kind: CellKind, cell: int) -> tuple[int, ...]:  # noqa: ARG002
        """Give none."""
        return ()

    def area_m2(self, kind: CellKind, cell: int) -> float:  # noqa: ARG002
        """Know nothing."""
        return 0.0


NOWHERE = Nowhere()
"""Stands for "not told" in a `Fleet`, which puts a `Nowhere` of its own size in its place."""
