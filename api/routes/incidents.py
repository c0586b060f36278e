"""HTTP for incidents: lists, and one in full. What a person may do with it: `api.routes.incident_actions`."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from alerts import incident as domain
from alerts.incident import WORK
from api import incident, paging
from api.incident import Incident, IncidentDetail, Role, Severity
from api.paging import Cursor, Limit, Page
from api.services import Use
from core.errors import NotFound
from storage.queries import incident_members, incidents

router = APIRouter(prefix="/incidents", tags=["incidents"])

IncidentId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("")
async def list_incidents(  # noqa: PLR0913  # one argument a filter
    services: Use,
    *,
    state: Annotated[Literal["open", "closed", "all"], Query(description="Open ones come by deadline.")] = "open",
    severity: Severity | None = None,
    patrol: Annotated[str | None, Query(max_length=64, description="Code of a patrol grid.")] = None,
    unit_grid: Annotated[str | None, Query(pattern="^[0-9]{15}$")] = None,
    district_code: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    area: Annotated[
        str | None,
        Query(pattern="^([0-9]{6}|[0-9]{9}|[0-9]{12})$", description="What a city, district or street sees: its code."),
    ] = None,
    holder: Annotated[
        str | None, Query(pattern="^([0-9]{6}|[0-9]{9})$", description="What an area's platform holds now: its code.")
    ] = None,
    rule: Annotated[str | None, Query(max_length=200)] = None,
    component: Annotated[str | None, Query(pattern="^[0-9]{16}$")] = None,
    device: Annotated[str | None, Query(max_length=64)] = None,
    stage: incident.Stage | None = None,
    level: Literal["city", "district", "street"] | None = None,
    department: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    worklist: Annotated[Role | None, Query(description="What waits for this role.")] = None,
    light: incident.Light | None = None,
    parent: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Children of this incident.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Incident]:
    """List incidents: open ones by deadline (what is due first), closed and all newest first."""
    given: dict[str, object] = {
        "severity": severity, "patrol": patrol, "unit_grid": unit_grid, "district_code": district_code, "area": area,
        "holder": holder, "rule": rule, "component": component, "device": device, "stage": stage, "level": level,
        "department": department, "light": light, "parent": parent,
    }  # fmt: skip
    if worklist:
        stages = sorted(stages_of(worklist))
        given["work_or_request" if worklist == "dispatcher" else "work"] = stages
    name = f"incidents-{state}"
    if cursor and state == "open":
        given["after_deadline"], given["after_id"] = paging.decode(name, cursor, tuple[datetime | None, int])
    elif cursor:
        (given["before_id"],) = paging.decode(name, cursor, tuple[int])
    async with services.reading() as conn:
        rows = await incidents.find(conn, given, state=state, limit=limit + 1)
    if len(rows) <= limit:
        return Page(items=[incident.of_row(row) for row in rows], next=None)
    last = rows[limit - 1]
    key = [last["deadline"], last["incident_id"]] if state == "open" else [last["incident_id"]]
    return Page(items=[incident.of_row(row) for row in rows[:limit]], next=paging.encode(name, key))


@router.get("/{incident_id}")
async def show_incident(incident_id: IncidentId, services: Use) -> IncidentDetail:
    """Show one incident with the readings that prove it and its history."""
    return await detail(services, incident_id)


def stages_of(role: Role) -> frozenset[str]:
    """Give the stages that wait for a role."""
    return frozenset(stage.value for stage in WORK[domain.Role(role)])


async def detail(services: Use, incident_id: int) -> IncidentDetail:
    """Give one incident in full; raises `NotFound`."""
    async with services.reading() as conn:
        row = await incidents.show(conn, incident_id)
        if row is None:
            raise NotFound(f"no incident {incident_id}")
        loop = await incidents.loop(conn, incident_id)
        steps = await incidents.history(conn, incident_id)
        about = await incident_members.members(conn, incident_id)
    whole = {**incident.of_row(row).model_dump(), **(loop or {}), "members": about, "history": steps}
    return IncidentDetail.model_validate(whole)
