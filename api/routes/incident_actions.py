"""HTTP for what people do with incidents: report one, take a step, ask what is possible."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from alerts import city_time, due, service
from alerts import incident as domain
from alerts.incident import Action
from alerts.limits import CityTime
from alerts.moves import Given
from alerts.service import LoadCity, Order, Report
from api.acting import acting_as, department_as, roles_of, scope_as, takers
from api.incident import IncidentDetail, Role, Severity, Stage
from api.principal import Person
from api.routes.incidents import IncidentId, detail
from api.services import Services, Use
from core.errors import InvalidInput
from storage.queries import incidents

router = APIRouter(prefix="/incidents", tags=["incidents"])

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text cannot hold a NUL character."""
Text = Annotated[str, Field(max_length=2000, pattern=NO_NUL)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
DepartmentId = Annotated[int, Field(ge=1, le=2**31 - 1)]
LimitText = Annotated[str, Field(max_length=60, description="An amount and a unit: `4 work_hour`.")]
StreetCode = Annotated[str, Field(pattern="^[0-9]{9}$", description="Nine digits of a street (街道).")]

ActionName = Literal[
    "request_verification", "confirm", "deny", "file", "reject", "cancel", "dispatch", "accept", "request_return",
    "approve_return", "refuse_return", "request_extension", "approve_extension", "refuse_extension",
    "request_suspension", "approve_suspension", "refuse_suspension", "resume", "made_safe", "handle", "request_check",
    "check_pass", "check_fail", "close", "force_close", "split", "push_down", "hand_up", "hand_down", "merge",
]  # fmt: skip
IGNORED = "Ignored: it is who is signed in."
REPORTERS = (domain.Role.ACCEPTOR, domain.Role.SUPERVISOR, domain.Role.SHIFT_LEADER)
_FALSE_ALARM = frozenset({"false_alarm"})
TAKES: Mapping[Action, frozenset[str]] = {
    Action.FILE: frozenset({"class_code", "condition", "limit"}),
    Action.REJECT: _FALSE_ALARM,
    Action.CANCEL: _FALSE_ALARM,
    Action.FORCE_CLOSE: _FALSE_ALARM,
    Action.DISPATCH: frozenset({"department_id", "assignee"}),
    Action.ACCEPT: frozenset({"assignee"}),
    Action.REQUEST_EXTENSION: frozenset({"extension"}),
    Action.REQUEST_SUSPENSION: frozenset({"until"}),
    Action.SPLIT: frozenset({"departments"}),
    Action.PUSH_DOWN: frozenset({"street_code", "department_id"}),
    Action.HAND_DOWN: frozenset({"street_code"}),
    Action.MERGE: frozenset({"into"}),
}
"""What an action takes besides actor, role and reason."""


class Command(BaseModel):
    """As whom whoever is signed in takes the step, and why; both are kept in the history and the audit log."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    actor: Name | None = Field(default=None, deprecated=True, description=IGNORED)
    role: Role | None = Field(default=None, description="As whom; needed only where several of one's roles fit.")
    reason: Text = Field(default="", description="Why; some steps need one.")
    department_id: DepartmentId | None = Field(default=None, description="dispatch, push_down: see GET /departments.")
    assignee: Name | None = Field(default=None, description="dispatch, accept: a person or a team.")
    class_code: str | None = Field(default=None, pattern="^E?[0-9]{4,5}$", description="file: E before an event's.")
    condition: str | None = Field(default=None, pattern="^[a-z][a-z0-9_]{0,40}$", description="file: of the class.")
    limit: LimitText | None = Field(default=None, description="file: where the city's table has none.")
    extension: LimitText | None = Field(default=None, description="request_extension: by how much.")
    until: datetime | None = Field(default=None, description="request_suspension: until when, as far as one knows.")
    departments: list[DepartmentId] = Field(default=[], max_length=10, description="split: among whom.")
    street_code: StreetCode | None = Field(default=None, description="push_down, hand_down: to which street.")
    into: StrictInt | None = Field(default=None, ge=1, le=2**63 - 1, description="merge: it takes this one in.")
    false_alarm: bool | None = Field(default=None, description="reject, cancel, force_close: nothing was wrong.")

    def given(self, actor: str) -> Given:
        """Give what the domain takes."""
        return Given(
            actor=actor,
            reason=self.reason,
            department_id=self.department_id,
            assignee=self.assignee,
            extension=due.parse(self.extension) if self.extension else None,
            until=self.until,
            class_code=self.class_code,
            condition=self.condition,
            limit=due.parse(self.limit) if self.limit else None,
            false_alarm=self.false_alarm,
            street_code=self.street_code,
        )


class ReportCommand(BaseModel):
    """What somebody saw, and where."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    actor: Name | None = Field(default=None, deprecated=True, description=IGNORED)
    role: Literal["supervisor", "acceptor", "shift_leader"] | None = Field(
        default=None, description="As whom; not given: the first of acceptor, supervisor, shift leader that one is."
    )
    source: Literal["supervisor", "hotline", "public", "inspection", "media"] = Field(
        default="hotline", description="Who told: the hotline is 12345."
    )
    title_zh: str = Field(min_length=1, max_length=200, pattern=NO_NUL)
    title_en: str = Field(default="", max_length=200, pattern=NO_NUL)
    description: Text = ""
    severity: Severity = "minor"
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    class_code: str = Field(default="", pattern="^(E?[0-9]{4,5})?$", description="Four digits; E before an event's.")
    condition: str = Field(default="", pattern="^([a-z][a-z0-9_]{0,40})?$", description="Filing condition (立案条件).")
    component_code: str | None = Field(default=None, pattern="^[0-9]{16}$")


class Possible(BaseModel):
    """One step that may be taken now, and what it needs."""

    action: ActionName
    role: Role = Field(description="As whom: send it with the command.")
    needs_reason: bool
    takes: list[str] = Field(description="Further fields of the command.")


class Offer(BaseModel):
    """What whoever asks may do with an incident as it stands."""

    incident_id: int
    stage: Stage
    version: int = Field(description="Send it as If-Match to be told when somebody was faster.")
    actions: list[Possible]


@router.post("")
async def report_incident(command: ReportCommand, services: Use, person: Person) -> IncidentDetail:
    """Report something seen, or told to the hotline; it must lie in a unit grid."""
    first = next((role for role in REPORTERS if role in roles_of(person)), None)
    role = acting_as(person, domain.Role(command.role) if command.role else first, frozenset(REPORTERS))
    told = Report(
        role=role,
        actor=person.name,
        source=command.source,
        title_zh=command.title_zh,
        title_en=command.title_en or command.title_zh,
        description=command.description,
        severity=command.severity,
        lon_deg=command.lon,
        lat_deg=command.lat,
        class_code=command.class_code,
        condition=command.condition,
        component_code=command.component_code,
    )
    async with services.within(scope_as(person, role)).writing() as conn:
        incident_id = await service.report(conn, told, _city(services), services.clock())
    return await detail(services, incident_id)


@router.get("/{incident_id}/actions")
async def list_actions(
    incident_id: IncidentId,
    services: Use,
    person: Person,
    role: Annotated[Role | None, Query(description="Only as this role.")] = None,
) -> Offer:
    """Say what whoever asks may do with an incident now, in any of their roles; everything else would be refused."""
    roles = [acting_as(person, domain.Role(role), frozenset())] if role else roles_of(person)
    async with services.reading() as conn:
        seen = await service.look(conn, incident_id)
    offered: dict[Action, dict[str, object]] = {}
    for acting in roles:
        bound = department_as(person, acting)
        if bound not in (None, seen.department_id) or not await _reaches(services, person, acting, incident_id):
            continue
        offer = service.offer(seen, acting)
        for it in offer.actions:
            wanted = {"needs_reason": it in offer.needs_reason, "takes": sorted(TAKES.get(it, ()))}
            offered.setdefault(it, {"action": it.value, "role": acting.value, **wanted})
    return Offer.model_validate(
        {"incident_id": incident_id, "stage": seen.stage.value, "version": seen.version, "actions": [*offered.values()]}
    )


@router.post("/{incident_id}/actions/{action}")
async def act_on_incident(
    incident_id: IncidentId,
    action: Annotated[ActionName, Path()],
    command: Command,
    services: Use,
    person: Person,
    if_match: Annotated[str | None, Header(pattern=r'^(W/)?"?[0-9]{1,18}"?$', description="`version`.")] = None,
) -> IncidentDetail:
    """Take a step of the closed loop. What the stage does not allow is 409, what is another role's 403."""
    step = Action(action)
    fields = command.model_fields_set - {"actor", "role", "reason"}
    if foreign := sorted(fields - TAKES.get(step, frozenset())):
        taken = ", ".join(sorted(TAKES.get(step, ()))) or "nothing else"
        raise InvalidInput(
            f"{action} does not take {', '.join(foreign)}: besides actor, role and reason it takes {taken}"
        )
    role = acting_as(person, domain.Role(command.role) if command.role else None, takers(step))
    version = int(if_match.removeprefix("W/").strip('"')) if if_match else None
    order = Order(
        incident_id=incident_id,
        action=step,
        role=role,
        given=command.given(person.name),
        bound_to=department_as(person, role),
        departments=tuple(dict.fromkeys(command.departments)),
        into=command.into,
        version=version,
    )
    async with services.within(scope_as(person, role)).writing() as conn:
        await service.act(conn, order, _city(services), services.clock())
    return await detail(services, incident_id)


async def _reaches(services: Services, person: Person, role: domain.Role, incident_id: int) -> bool:
    """Tell whether an incident that is seen lies where somebody may act as `role`."""
    scope = scope_as(person, role)
    if scope in (None, services.scope):
        return True
    async with services.within(scope).reading() as conn:
        return await incidents.show(conn, incident_id) is not None


def _city(services: Services) -> LoadCity:
    async def load(conn: AsyncConnection) -> CityTime:
        return await city_time.load(conn, services.timezone, services.work_day)

    return load
