"""Who asks: a person or a program that is signed in, the roles it holds, and where it holds them."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request

from core.errors import NotSignedIn
from people.grant import Grant, Role


class Kind(StrEnum):
    """What a principal is."""

    PERSON = "person"
    KEY = "key"
    """A program with an API key or a bearer token."""


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
