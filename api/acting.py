"""As whom somebody takes a step of the closed loop: which of the workflow's roles their grants give them."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from alerts import incident as domain
from alerts.incident import STEPS, Action
from api.access import held_as
from api.principal import Principal, Role
from api.scope import Scope, of
from core.errors import InvalidInput, NotGranted

GIVES: Mapping[domain.Role, Role] = {
    domain.Role.ACCEPTOR: Role.OPERATOR,
    domain.Role.SUPERVISOR: Role.INSPECTOR,
    domain.Role.SHIFT_LEADER: Role.SHIFT_LEADER,
    domain.Role.DISPATCHER: Role.DISPATCHER,
    domain.Role.DEPARTMENT: Role.DEPARTMENT,
}
"""By which granted role somebody acts as which of the workflow; an administrator as any."""


def roles_of(person: Principal) -> tuple[domain.Role, ...]:
    """Give as whom somebody may act somewhere."""
    return tuple(role for role, granted in GIVES.items() if held_as(person.grants, {granted}))


def scope_as(person: Principal, role: domain.Role) -> Scope | None:
    """Give where somebody may act as `role`; None = in the whole city."""
    return of(held_as(person.grants, {GIVES[role]}))


def department_as(person: Principal, role: domain.Role) -> int | None:
    """Give the one department whose incidents somebody may handle; None = they are not bound to one."""
    return person.department_id if role is domain.Role.DEPARTMENT else None


def acting_as(person: Principal, asked: domain.Role | None, fitting: AbstractSet[domain.Role]) -> domain.Role:
    """Give as whom somebody acts: as asked, else in the one role that fits and that they hold.

    Raises: `NotGranted` when they hold none of them; `InvalidInput` when several fit.
    """
    held = roles_of(person)
    if asked:
        if asked not in held:
            raise NotGranted(f"acting as {asked} needs the role {GIVES[asked]}; {person.name} acts as {_names(held)}")
        return asked
    fits = [role for role in held if role in fitting]
    if not fits:
        wanted = ", ".join(GIVES[role] for role in GIVES if role in fitting)
        raise NotGranted(f"this needs one of the roles {wanted}; {person.name} acts as {_names(held)}")
    if len(fits) > 1:
        raise InvalidInput(f"say as whom in `role`: {_names(fits)}")
    return fits[0]


def takers(action: Action) -> frozenset[domain.Role]:
    """Give the roles that may take a step at some stage."""
    return frozenset(role for (_, taken), step in STEPS.items() if taken is action for role in step.roles)


def _names(roles: tuple[domain.Role, ...] | list[domain.Role]) -> str:
    return " or ".join(roles) or "nobody"
