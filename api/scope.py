"""Where the grants of whoever asks reach; `api.services` lends connections that see no further."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.principal import Grant


@dataclass(frozen=True, slots=True)
class Scope:
    """Areas and patrol grids, by code."""

    areas: frozenset[str]
    patrol_grids: frozenset[str]


def of(grants: Sequence[Grant] | None) -> Scope | None:
    """Give how far grants reach together; None = the whole city."""
    if grants is None or any(grant.area_code is None and grant.patrol_grid is None for grant in grants):
        return None
    return Scope(
        frozenset(grant.area_code for grant in grants if grant.area_code),
        frozenset(grant.patrol_grid for grant in grants if grant.patrol_grid),
    )
