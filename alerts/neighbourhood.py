"""Where devices that fire stand together, for rules that look at many of them. Pure.

The pieces of a neighbourhood are its nodes: cells (grids, streets, circuits, runs of pipe, areas), or the devices
themselves for a radius or what lies downstream. A node where the condition is met is at the heart of a case; what
fires in the nodes around it belongs to the same case, and hearts that have something in common are one.
"""

import math
from collections.abc import Iterable

import numpy as np

from alerts.case_memory import Draft
from alerts.rule import Rule
from alerts.scope import Totals
from alerts.together import FEWEST, Together
from core.fleet import Fleet
from core.places import CellKind

Nodes = frozenset[int]
GRIDS = (CellKind.UNIT_GRID, CellKind.PATROL_GRID)
_BY_DEVICE = ("radius", "downstream")
_NONE: Nodes = frozenset()


class Neighbourhood:
    """What fires around what, of one rule, as a draft of the memory has it."""

    def __init__(self, rule: Rule, fleet: Fleet, draft: Draft, totals: Totals) -> None:
        assert rule.together is not None
        self.rule = rule
        self.together: Together = rule.together
        self.by_device = self.together.in_ in _BY_DEVICE
        self.kind = None if self.by_device else CellKind(self.together.in_)
        self._fleet = fleet
        self._draft = draft
        self._totals = totals

    def region_of(self, slot: int) -> int:
        """Give the cell a firing is counted under; 0 = under none."""
        if self.together.in_ == "radius":
            return 0
        kind = self.kind or CellKind.PIPE
        return int(self._fleet.places.cell_of(kind)[slot])

    def node_of(self, slot: int) -> int | None:
        """Give the node a device belongs to; None = it stands where no cell is, and never counts."""
        if self.by_device:
            return slot
        return self.region_of(slot) or None

    def firing(self, node: int) -> Nodes:
        """Give the slots that count at a node."""
        if self.by_device:
            return frozenset((node,)) if self._draft.firings.get((self.rule.name, node)) else _NONE
        return self._draft.counted.get((self.rule.name, node)) or _NONE

    def reach(self, node: int) -> Nodes:
        """Give the nodes, itself among them, that belong to a node's case when the condition is met at it."""
        places = self._fleet.places
        if self.together.in_ == "radius":
            return self._lit(places.within_m(node, self.together.radius_m).tolist())
        if self.together.in_ == "downstream":
            return self._lit(places.downstream_of(node).tolist())
        if self.kind is not None and self.kind in GRIDS and self.together.merge:
            return self._lit((node, *places.adjacent(self.kind, node)))
        return self._lit((node,))

    def is_met(self, node: int) -> bool:
        """Say whether enough devices count at a node."""
        count = len(self.reach(node) if self.by_device else self.firing(node))
        return count >= self.needed(node)

    def needed(self, node: int) -> int:
        """Give how many devices the condition asks for at a node."""
        wanted = self.together
        needed = wanted.at_least or FEWEST
        if wanted.share:
            needed = max(needed, math.ceil(wanted.share * self._total(node) - 1e-9))
        if wanted.per_km2:
            needed = max(needed, math.ceil(wanted.per_km2 * self._area_km2(node) - 1e-9))
        return needed

    def cluster(self, start: int) -> Nodes:
        """Give the nodes that hang together with one, over nodes where the condition is met or a case is kept."""
        seen, waiting = {start}, [start]
        while waiting:
            node = waiting.pop()
            reach, is_live = self.reach(node), self._is_live(node)
            for other in self._touching(node, reach):
                if other not in seen and (
                    (is_live and other in reach) or (self._is_live(other) and node in self.reach(other))
                ):
                    seen.add(other)
                    waiting.append(other)
        return frozenset(seen)

    def _lit(self, nodes: Iterable[int]) -> Nodes:
        return frozenset(node for node in nodes if self.firing(node))

    def _touching(self, node: int, reach: Nodes) -> Nodes:
        """Give the nodes that reach a node or are reached by it; all reaches but downstream go both ways."""
        if self.together.in_ != "downstream":
            return reach
        run = self._draft.counted.get((self.rule.name, self.region_of(node))) or _NONE
        return reach | {other for other in run if node in self.reach(other)}

    def _is_live(self, node: int) -> bool:
        return self.is_met(node) or (bool(self.together.clear_below) and self._is_kept(node))

    def _is_kept(self, node: int) -> bool:
        return any((found := self._draft.firings.get((self.rule.name, slot))) is not None and found.cause
                   for slot in self.firing(node))  # fmt: skip

    def _total(self, node: int) -> int:
        if self.kind is not None:
            return self._totals.in_cell(self.rule, self.kind, node)
        places = self._fleet.places
        around = (
            places.within_m(node, self.together.radius_m)
            if self.together.in_ == "radius"
            else places.downstream_of(node)
        )
        return int(np.count_nonzero(self._totals.mask(self.rule)[around]))

    def _area_km2(self, node: int) -> float:
        if self.kind is None:
            return math.pi * self.together.radius_m**2 / 1e6
        return self._fleet.places.area_m2(self.kind, node) / 1e6
