"""HTTP for components: lists and one in full."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api import incident, paging
from api.box import BoxQuery
from api.incident import Incident
from api.instant import Instant
from api.paging import Cursor, Limit, Page
from api.services import Use
from core.errors import NotFound
from storage.queries import components, devices, incidents

router = APIRouter(prefix="/components", tags=["components"])
MOST_SHOWN = 100

State = Literal["intact", "damaged", "missing", "abandoned", "removed", "occupied", "unknown"]
Code = Annotated[str, Path(pattern="^[0-9]{16}$", description="16 digits.")]


AsOf = Annotated[Instant | None, Query(description="The registry as it was then; default: as it is.")]


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


class ComponentVersion(BaseModel):
    """What a component was for a while."""

    since: datetime
    until: datetime | None = Field(description="Absent: it is so now.")
    changed_by: str
    change_reason: str = Field(description="Why, where somebody said so.")
    survey_id: int | None = Field(description="The survey that brought it.")
    survey_source: str | None
    name: str
    state: State
    competent_zh: str | None
    owner_zh: str | None
    maintainer_zh: str | None
    unit_grid_code: str | None
    surveyed_on: date | None
    changed_on: date | None
    data_source: str
    note: str
    wkt: str = Field(description="Geometry, WGS 84.")


class ComponentHistory(BaseModel):
    """Every state of a component, the present one first."""

    items: list[ComponentVersion]


@router.get("")
async def list_components(  # noqa: PLR0913  # one argument a filter
    services: Use,
    *,
    box: BoxQuery,
    class_code: Annotated[str | None, Query(pattern="^[0-9]{4,5}$")] = None,
    code: Annotated[str | None, Query(pattern="^[0-9]{1,16}$", description="The code or its first digits.")] = None,
    district_code: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    state: State | None = None,
    unit_grid: Annotated[str | None, Query(pattern="^[0-9]{15}$", description="Lines and areas: also partly.")] = None,
    patrol: Annotated[str | None, Query(max_length=100, description="Code of a patrol grid; as `unit_grid`.")] = None,
    as_of: AsOf = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Component]:
    """List components by box, class, district, state, grid or the beginning of their code.

    With `as_of` a component is in the one grid its label point was in.
    """
    given: dict[str, object] = {
        **box, "class_code": class_code, "code": code, "district_code": district_code, "state": state,
        "unit_grid_then" if as_of else "unit_grid": unit_grid, "patrol_then" if as_of else "patrol": patrol,
    }  # fmt: skip
    if cursor:
        (given["after"],) = paging.decode("components", cursor, tuple[int])
    async with services.reading() as conn:
        rows = await components.find(conn, given, limit=limit + 1, as_of=as_of)
    last = paging.encode("components", [rows[limit - 1]["component_id"]]) if len(rows) > limit else None
    return Page(items=[Component.model_validate(row) for row in rows[:limit]], next=last)


@router.get("/{code}")
async def show_component(code: Code, services: Use, as_of: AsOf = None) -> ComponentDetail:
    """Show one component with its departments, grid and geometry; with devices and open incidents when not `as_of`."""
    async with services.reading() as conn:
        row = await components.show(conn, code, as_of=as_of)
        if row is None:
            raise NotFound(f"no component {code}" + (f" at {as_of.isoformat()}" if as_of else ""))
        if as_of:
            return _detail(row, [], [])
        mounted = await devices.find(
            conn, {"component_id": row["component_id"]}, clock=services.health_clock(), limit=MOST_SHOWN
        )
        found = await incidents.find(conn, {"component": code}, state="open", limit=MOST_SHOWN)
    return _detail(row, mounted, [incident.of_row(item) for item in found])


@router.get("/{code}/history")
async def list_component_history(code: Code, services: Use) -> ComponentHistory:
    """List what a component was, the present state first: who changed it, when, and from which survey."""
    async with services.reading() as conn:
        rows = await components.history(conn, code)
    if not rows:
        raise NotFound(f"no component {code}")
    return ComponentHistory.model_validate({"items": rows})


def _detail(row: dict[str, Any], mounted: list[dict[str, Any]], found: list[Any]) -> ComponentDetail:
    named = {role: _named(row, role) for role in ("competent", "owner", "maintainer")}
    return ComponentDetail.model_validate({**row, **named, "devices": mounted, "open_incidents": found})


def _named(row: dict[str, Any], role: str) -> dict[str, str] | None:
    name = row[f"{role}_zh"]
    return {"name_zh": name, "name_en": row[f"{role}_en"]} if name else None
