"""HTTP for incidents: lists, one in full, and what a person may do with it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from alerts import service
from alerts.service import Assignment, Order
from api import incident, paging
from api.incident import Incident, Severity
from api.paging import Cursor, Limit, Page
from api.services import Use
from core.errors import NotFound
from storage.queries import incidents

router = APIRouter(prefix="/incidents", tags=["incidents"])

IncidentId = Annotated[int, Path(ge=1, le=2**63 - 1)]


NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text cannot hold a NUL character."""


class Command(BaseModel):
    """Who does it, and why; both are kept in the history and the audit log. There are no accounts yet."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    actor: str = Field(min_length=1, max_length=100, pattern=NO_NUL, description="Who does it.")
    reason: str = Field(default="", max_length=2000, pattern=NO_NUL, description="Why; required to close.")

    def order(self, incident_id: int) -> Order:
        """Give what the domain takes."""
        return Order(incident_id=incident_id, actor=self.actor, reason=self.reason)


class AssignCommand(Command):
    """To whom: at least one of the two."""

    assignee: str | None = Field(
        default=None, min_length=1, max_length=100, pattern=NO_NUL, description="A person or a team."
    )
    department_id: int | None = Field(default=None, ge=1, le=2**31 - 1, description="See GET /departments.")


class Step(BaseModel):
    """One entry of an incident's history."""

    event_id: int
    at: datetime
    actor: str
    kind: str
    from_stage: str | None
    to_stage: str
    reason: str
    detail: dict[str, Any]


class IncidentDetail(Incident):
    """An incident with its history."""

    history: list[Step] = Field(description="What happened to it, in order.")


@router.get("")
async def list_incidents(  # noqa: PLR0913  # one argument a filter
    services: Use,
    *,
    state: Annotated[Literal["open", "closed", "all"], Query(description="Open ones come by deadline.")] = "open",
    severity: Severity | None = None,
    patrol: Annotated[str | None, Query(max_length=64, description="Code of a patrol grid.")] = None,
    unit_grid: Annotated[str | None, Query(pattern="^[0-9]{15}$")] = None,
    district_code: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    rule: Annotated[str | None, Query(max_length=200)] = None,
    component: Annotated[str | None, Query(pattern="^[0-9]{16}$")] = None,
    device: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Incident]:
    """List incidents: open ones by deadline (what is due first), closed and all newest first."""
    given: dict[str, object] = {
        "severity": severity, "patrol": patrol, "unit_grid": unit_grid, "district_code": district_code, "rule": rule,
        "component": component, "device": device,
    }  # fmt: skip
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
    return await _detail(services, incident_id)


@router.post("/{incident_id}/acknowledge")
async def acknowledge_incident(incident_id: IncidentId, command: Command, services: Use) -> IncidentDetail:
    """Accept a reported incident as a case (立案)."""
    async with services.writing() as conn:
        await service.acknowledge(conn, command.order(incident_id), services.clock())
    return await _detail(services, incident_id)


@router.post("/{incident_id}/assign")
async def assign_incident(incident_id: IncidentId, command: AssignCommand, services: Use) -> IncidentDetail:
    """Dispatch an accepted incident to a department, a person or both (派遣); or dispatch it anew."""
    to = Assignment(assignee=command.assignee, department_id=command.department_id)
    async with services.writing() as conn:
        await service.assign(conn, command.order(incident_id), to, services.clock())
    return await _detail(services, incident_id)


@router.post("/{incident_id}/close")
async def close_incident(incident_id: IncidentId, command: Command, services: Use) -> IncidentDetail:
    """Close an open incident (结案); `reason` says why."""
    async with services.writing() as conn:
        await service.close(conn, command.order(incident_id), services.clock())
    return await _detail(services, incident_id)


async def _detail(services: Use, incident_id: int) -> IncidentDetail:
    async with services.reading() as conn:
        row = await incidents.show(conn, incident_id)
        if row is None:
            raise NotFound(f"no incident {incident_id}")
        steps = await incidents.history(conn, incident_id)
    return IncidentDetail.model_validate({**incident.of_row(row).model_dump(), "history": steps})
