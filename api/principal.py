"""Who asks: a person or a program that is signed in, the roles it holds, and where it holds them."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request

from core.errors import NotSignedIn


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


class Kind(StrEnum):
    """What a principal is."""

    PERSON = "person"
    KEY = "key"
    """A program with an API key or a bearer token."""


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
            return f"{self.role}@grid:{self.patrol_grid}"
        return f"{self.role}@{self.area_code}" if self.area_code else self.role.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is signed in."""

    name: str
    """What the audit log and an incident's history call it."""
    kind: Kind
    grants: tuple[Grant, ...]
    department_id: int | None = None
    """For whom somebody with role `department` works."""
    display_name: str = ""

    @property
    def roles(self) -> AbstractSet[Role]:
        """The roles it holds anywhere."""
        return frozenset(grant.role for grant in self.grants)


def principal_of(request: Request) -> Principal | None:
    """Give who was found to ask (`api.authentication`), None = nobody is signed in."""
    principal: Principal | None = getattr(request.state, "principal", None)
    return principal


def _person(request: Request) -> Principal:
    principal = principal_of(request)
    if principal is None:
        raise NotSignedIn("Sign in first, or send an API key.")
    return principal


Person = Annotated[Principal, Depends(_person)]
"""For routes that need to know who asks."""
