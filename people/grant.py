"""Roles and where they hold: what an account, and a program that acts for it, may be granted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.errors import InvalidInput

_GRID = "grid:"


class Role(StrEnum):
    """What somebody may be granted; what each may do stands in `api.access`."""

    VIEWER = "viewer"
    """Sees, changes nothing. What every other role sees too."""
    OPERATOR = "operator"
    """Takes reports and files them (受理员)."""
    SHIFT_LEADER = "shift_leader"
    """Leads the operators' shift (值班长)."""
    DISPATCHER = "dispatcher"
    """Hands incidents to departments (派遣员)."""
    DEPARTMENT = "department"
    """Puts things right for a department (专业部门)."""
    INSPECTOR = "inspector"
    """Walks a grid: reports, verifies and checks on the spot (监督员)."""
    ENGINEER = "engineer"
    """Owns components and devices: surveys, registers, mends."""
    RULE_AUTHOR = "rule_author"
    """Writes the rules."""
    ADMIN = "admin"
    """May do everything, and grants roles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role, in the whole city or in one part of it: an area (city, district, street, community) or a patrol grid."""

    role: Role
    area_code: str | None = None
    patrol_grid: str | None = None
    """Code of a patrol grid; never beside an area."""

    def __str__(self) -> str:
        """Give it as people write it: `dispatcher`, `dispatcher@130203`, `inspector@grid:P1`."""
        if self.patrol_grid:
            return f"{self.role}@{_GRID}{self.patrol_grid}"
        return f"{self.role}@{self.area_code}" if self.area_code else self.role.value

    def covers(self, other: "Grant") -> bool:
        """Whether who holds this may be said to hold `other`: the same role or a lesser one, there or in a part of it.

        A patrol grid counts as part of the whole city only: in which district it lies is known to the database.
        """
        if self.role not in {other.role, Role.ADMIN} and other.role is not Role.VIEWER:
            return False
        if self.area_code is None and self.patrol_grid is None:
            return True
        if self.patrol_grid or other.patrol_grid:
            return self.patrol_grid == other.patrol_grid
        return other.area_code is not None and other.area_code.startswith(_stem(self.area_code or ""))


def parsed(text: str) -> Grant:
    """Read a grant as people write it; raises `InvalidInput`."""
    name, _, place = text.strip().partition("@")
    try:
        role = Role(name)
    except ValueError:
        raise InvalidInput(f"there is no role {name!r}; there are: {', '.join(Role)}") from None
    if "@" in text and not place.removeprefix(_GRID):
        raise InvalidInput(f"{text!r} names no area after the @")
    if place.startswith(_GRID):
        return Grant(role=role, patrol_grid=place.removeprefix(_GRID))
    return Grant(role=role, area_code=place or None)


def of_rows(rows: Iterable[Sequence[str | None]]) -> tuple[Grant, ...]:
    """Give the grants of stored rows (role, area, patrol grid); a role that is no longer known grants nothing."""
    known = frozenset(Role)
    return tuple(
        Grant(role=Role(role), area_code=area, patrol_grid=grid) for role, area, grid in rows if role and role in known
    )


def row(grant: Grant) -> tuple[str, str | None, str | None]:
    """Give the row that `of_rows` reads."""
    return grant.role.value, grant.area_code, grant.patrol_grid


def within(wanted: Iterable[Grant], held: Sequence[Grant]) -> tuple[Grant, ...]:
    """Give those of `wanted` that `held` covers: a key never does more than its owner may now."""
    return tuple(grant for grant in wanted if any(own.covers(grant) for own in held))


def _stem(code: str) -> str:
    """Give the digits that all areas inside an area begin with: of a city (130200) four, of a province two."""
    while len(code) <= len("130200") and code.endswith("00"):
        code = code.removesuffix("00")
    return code
