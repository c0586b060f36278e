"""HTTP for components: lists and one in full."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api import incident, paging
from api.box import BoxQuery
from api.incident import Incident
from api.paging import Cursor, Limit, Page
from api.services import Use
from core.errors import NotFound
from storage.queries import components, devices, incidents

router = APIRouter(prefix="/components", tags=["components"])
MOST_SHOWN = 100

State = Literal["intact", "damaged", "missing", "abandoned", "removed", "occupied", "unknown"]
Code = Annotated[str, Path(pattern="^[0-9]{16}$", description="16 digits.")]


class Component(BaseModel):
    """A component in a list."""

    code: str
    class_code: str
    class_name_zh: str
    class_name_en: str
    name: str
    state: State
    district_code: str
    unit_grid_code: str | None
    lon: float
    lat: float


class Named(BaseModel):
    """A name in both languages."""

    name_zh: str
    name_en: str


class MountedDevice(BaseModel):
    """A device on a component."""

    label: str
    profile: str
    state: str
    health: str


class ComponentDetail(Component):
    """A component with its place, its departments, its devices and what is open on it."""

    district_zh: str | None
    district_en: str | None
    street_zh: str | None
    street_en: str | None
    community_zh: str | None
    community_en: str | None
    patrol_grid_code: str | None
    patrol_name_zh: str | None
    patrol_name_en: str | None
    competent: Named | None = Field(description="Competent department (主管部门).")
    owner: Named | None = Field(description="Owner (权属单位).")
    maintainer: Named | None = Field(description="Maintainer (养护单位).")
    surveyed_on: date | None
    changed_on: date | None
    data_source: str
    note: str
    synthetic: bool = Field(description="True when a generator placed it, not a survey.")
    geometry: dict[str, Any] = Field(description="GeoJSON geometry, WGS 84.")
    devices: list[MountedDevice]
    open_incidents: list[Incident]


@router.get("")
async def list_components(  # noqa: PLR0913  # one argument a filter
    services: Use,
    *,
    box: BoxQuery,
    class_code: Annotated[str | None, Query(pattern="^[0-9]{4,5}$")] = None,
    code: Annotated[str | None, Query(pattern="^[0-9]{1,16}$", description="The code or its first digits.")] = None,
    district_code: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    state: State | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Component]:
    """List components by box, class, district, state or the beginning of their code."""
    given: dict[str, object] = {
        **box, "class_code": class_code, "code": code, "district_code": district_code, "state": state
    }  # fmt: skip
    if cursor:
        (given["after"],) = paging.decode("components", cursor, tuple[int])
    async with services.reading() as conn:
        rows = await components.find(conn, given, limit=limit + 1)
    last = paging.encode("components", [rows[limit - 1]["component_id"]]) if len(rows) > limit else None
    return Page(items=[Component.model_validate(row) for row in rows[:limit]], next=last)


@router.get("/{code}")
async def show_component(code: Code, services: Use) -> ComponentDetail:
    """Show one component with its departments, grid, devices, geometry and open incidents."""
    async with services.reading() as conn:
        row = await components.show(conn, code)
        if row is None:
            raise NotFound(f"no component {code}")
        mounted = await devices.find(
            conn, {"component_id": row["component_id"]}, clock=services.health_clock(), limit=MOST_SHOWN
        )
        found = await incidents.find(conn, {"component": code}, state="open", limit=MOST_SHOWN)
    return ComponentDetail.model_validate(
        {
            **row,
            **{role: _named(row, role) for role in ("competent", "owner", "maintainer")},
            "devices": mounted,
            "open_incidents": [incident.of_row(item) for item in found],
        }
    )


def _named(row: dict[str, Any], role: str) -> dict[str, str] | None:
    name = row[f"{role}_zh"]
    return {"name_zh": name, "name_en": row[f"{role}_en"]} if name else None
