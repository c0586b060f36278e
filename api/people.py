"""What routes about accounts share: who is at the browser, and who administers the whole city."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, Field

from api.authentication import Credential
from api.principal import Principal, principal_of
from api.services import Use
from core.errors import InvalidInput, NotGranted, NotSignedIn
from people import grant
from people.grant import Grant, Role
from people.model import Change, Identity


def _checked(text: str) -> str:
    try:
        grant.parsed(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from error
    return text


GrantText = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$", examples=["dispatcher@130203", "inspector@grid:P1"]),
    AfterValidator(_checked),
]
"""A role, and where: `viewer` (the city), `dispatcher@130203` (an area), `inspector@grid:P1` (a patrol grid)."""


class GrantShown(BaseModel):
    """A role somebody holds, and where."""

    grant: str = Field(description="As it is written: `dispatcher@130203`.")
    role: Role
    area_code: str | None
    patrol_grid: str | None
    place_zh: str | None = Field(description="Null = the whole city.")
    place_en: str | None

    @classmethod
    def of(cls, held: Grant, names: dict[str, tuple[str, str]]) -> "GrantShown":
        """Show a grant with the names of its place."""
        place = names.get(f"grid:{held.patrol_grid}" if held.patrol_grid else held.area_code or "", (None, None))
        return cls(
            grant=str(held),
            role=held.role,
            area_code=held.area_code,
            patrol_grid=held.patrol_grid,
            place_zh=place[0],
            place_en=place[1],
        )


def identity_of(request: Request) -> Identity:
    """Give what is known of who asks; raises `NotSignedIn`."""
    identity: Identity | None = getattr(request.state, "identity", None)
    if identity is None:
        raise NotSignedIn("Sign in first, or send an API key.")
    return identity


def _at_browser(request: Request) -> Identity:
    identity = identity_of(request)
    if identity.session_id is None:
        raise NotGranted("Passwords and keys are changed by a person who is signed in, never with a key.")
    return identity


def _administrator(request: Request, services: Use) -> Change:
    """Give who administers the whole city, for the audit log; who administers a part cannot grant himself more."""
    principal: Principal | None = principal_of(request)
    if principal is None:
        raise NotSignedIn("Sign in first, or send an API key.")
    if Grant(role=Role.ADMIN) not in principal.grants:
        raise NotGranted("Accounts and the audit log are for administrators of the whole city.")
    return Change(now=services.clock(), actor=principal.name)


def _credential(request: Request) -> Credential | None:
    credential: Credential | None = getattr(request.state, "credential", None)
    return credential


Known = Annotated[Identity, Depends(identity_of)]
AtBrowser = Annotated[Identity, Depends(_at_browser)]
Administrator = Annotated[Change, Depends(_administrator)]
Shown = Annotated[Credential | None, Depends(_credential)]
