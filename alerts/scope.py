"""Which devices a rule looks at, by the columns of the fleet. Pure."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alerts.rule import Rule, Scope
from core.fleet import Fleet
from core.places import CellKind

Mask = NDArray[np.bool_]


def holds(scope: Scope, fleet: Fleet) -> Mask:
    """Say of each slot whether a rule's scope takes it in: every key that is given must hold, any of its values."""
    count = len(fleet)
    codes = [code for code, name in enumerate(fleet.profiles) if name in scope.profiles]
    mask = np.isin(fleet.profile, codes)
    if scope.classes:
        mask &= np.fromiter((code in scope.classes for code in fleet.class_code), np.bool_, count)
    if scope.subsystems:
        mask &= np.fromiter((name in scope.subsystems for name in fleet.subsystem), np.bool_, count)
    if scope.districts:
        mask &= np.fromiter((code in scope.districts for code in fleet.district_code), np.bool_, count)
    if scope.tags:
        wanted = frozenset(scope.tags)
        mask &= np.fromiter((not wanted.isdisjoint(tags) for tags in fleet.tags), np.bool_, count)
    if scope.grids:
        mask &= _in_grids(scope.grids, fleet)
    return mask


def is_narrow(scope: Scope) -> bool:
    """Say whether it takes in less than all devices of its profiles."""
    return bool(scope.classes or scope.subsystems or scope.districts or scope.tags or scope.grids)


@dataclass(slots=True)
class Totals:
    """How many devices of a rule's scope there are where, for shares; made once a fleet and rule."""

    fleet: Fleet
    of_scope: dict[str, NDArray[np.bool_]] = field(default_factory=dict[str, NDArray[np.bool_]])
    of_cell: dict[str, NDArray[np.int64]] = field(default_factory=dict[str, NDArray[np.int64]])

    def mask(self, rule: Rule) -> NDArray[np.bool_]:
        """Give the slots a rule looks at, in service."""
        found = self.of_scope.get(rule.name)
        if found is None:
            found = self.of_scope[rule.name] = holds(rule.scope, self.fleet) & self.fleet.in_service
        return found

    def in_cell(self, rule: Rule, kind: CellKind, cell: int) -> int:
        """Give how many of them a cell has."""
        found = self.of_cell.get(rule.name)
        if found is None:
            found = self.of_cell[rule.name] = np.bincount(self.fleet.places.cell_of(kind)[self.mask(rule)])
        return int(found[cell]) if cell < len(found) else 0


def _in_grids(codes: tuple[str, ...], fleet: Fleet) -> Mask:
    mask = np.zeros(len(fleet), np.bool_)
    for kind in (CellKind.PATROL_GRID, CellKind.UNIT_GRID):
        cells = [cell for code in codes if (cell := fleet.places.cell_named(kind, code))]
        if cells:
            mask |= np.isin(fleet.places.cell_of(kind), cells)
    return mask
