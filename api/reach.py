"""How far somebody's grants reach: which place, given its area codes, lies inside one of them."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from api.principal import Grant
from devices.street import Reach


def reach_of(request: Request) -> Reach:
    """Give what tells whether the grants by which this request was admitted reach a place."""
    grants: list[Grant] | None = getattr(request.state, "grants", None)

    def reaches(place: Mapping[str, Any]) -> bool:
        return grants is None or any(_covers(grant, place) for grant in grants)

    return reaches


def _covers(grant: Grant, place: Mapping[str, Any]) -> bool:
    if grant.patrol_grid:
        return grant.patrol_grid == place["patrol_grid_code"]
    asked = Grant(role=grant.role, area_code=place["community_code"] or place["district_code"])
    return grant.covers(asked)
