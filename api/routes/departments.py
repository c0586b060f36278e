"""HTTP for the units that answer for components: list, register, change, merge, retire, each with who and why."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from api.principal import Person
from api.services import Services, Use
from components_registry import departments as commands
from components_registry.departments import By, Unit
from core.errors import Forbidden, NotFound
from storage.queries import departments

router = APIRouter(prefix="/departments", tags=["ownership"])

NO_NUL = r"^[^\x00]*$"
Kind = Literal["authority", "office", "enterprise", "street", "contractor", "unknown"]
DepartmentId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Text = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class Department(BaseModel):
    """A unit that answers for components and incidents."""

    department_id: int
    unit_code: str | None = Field(description="The city's own code, or the unified social credit code.")
    name_zh: str
    name_en: str
    kind: Kind
    contact: str
    parent_id: int | None
    parent_zh: str | None
    parent_en: str | None
    retired_at: datetime | None = Field(description="Since when nothing is dispatched to it.")
    merged_into: int | None
    merged_zh: str | None
    merged_en: str | None
    known_as: list[str] = Field(description="Names it had before, or of units that went into it; they still mean it.")


class Departments(BaseModel):
    """All departments."""

    items: list[Department]


class DepartmentVersion(BaseModel):
    """What was said of a unit for a while."""

    since: datetime
    until: datetime | None = Field(description="Absent: it is so now.")
    changed_by: str
    change_reason: str
    unit_code: str | None
    name_zh: str
    name_en: str
    kind: Kind
    contact: str
    parent_id: int | None
    retired_at: datetime | None
    merged_into: int | None


class DepartmentHistory(BaseModel):
    """Every state of a unit, the present one first."""

    items: list[DepartmentVersion]


class Reasoned(BaseModel):
    """Why; who does it is known."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: str = Field(min_length=1, max_length=2000, pattern=NO_NUL, description="Why; kept in the audit log.")


class UnitCommand(Reasoned):
    """What is said of a unit; what is not given stays as it is."""

    name_zh: Text | None = None
    name_en: Text | None = None
    unit_code: Annotated[str, Field(max_length=32, pattern=NO_NUL)] | None = None
    kind: Kind | None = None
    contact: Text | None = None
    parent: Text | None = Field(default=None, description="Number, code or name; empty = none.")

    def unit(self) -> Unit:
        """Give it as the registry takes it."""
        said = self.model_dump(exclude={"reason", "kind"})
        return Unit(**said, kind=commands.Kind(self.kind) if self.kind else None)


class MergeCommand(Reasoned):
    """Into which unit."""

    into: StrictInt = Field(ge=1, le=2**31 - 1, description="It answers for the components from now on.")


class Retired(BaseModel):
    """What a unit leaves behind."""

    components: int = Field(description="Components that name it still, and wait in the worklist.")


class Merged(BaseModel):
    """What a merged unit brings."""

    components: int = Field(description="Components that name the other unit now.")


@router.get("")
async def list_departments(
    services: Use, retired: Annotated[bool, Query(description="Also those that are retired or merged.")] = False
) -> Departments:
    """List the departments that an incident can be assigned to."""
    async with services.reading() as conn:
        return Departments.model_validate({"items": await departments.find(conn, retired=retired)})


@router.get("/{department_id}/history")
async def list_department_history(department_id: DepartmentId, services: Use) -> DepartmentHistory:
    """List what was said of a unit, the present state first: who changed it, when and why."""
    async with services.reading() as conn:
        rows = await departments.history(conn, department_id)
    if not rows:
        raise NotFound(f"no department {department_id}")
    return DepartmentHistory.model_validate({"items": rows})


@router.post("")
async def add_department(command: UnitCommand, services: Use, person: Person) -> Department:
    """Register a unit."""
    require_whole_city(services)
    async with services.writing() as conn:
        key = await commands.add(conn, command.unit(), _by(command, services, person))
    return await _department(services, key)


@router.post("/{department_id}")
async def change_department(
    department_id: DepartmentId, command: UnitCommand, services: Use, person: Person
) -> Department:
    """Rename a unit, or change what is said of it; the name it had still means it."""
    require_whole_city(services)
    async with services.writing() as conn:
        await commands.change(conn, department_id, command.unit(), _by(command, services, person))
    return await _department(services, department_id)


@router.post("/{department_id}/retire")
async def retire_department(
    department_id: DepartmentId, command: Reasoned, services: Use, person: Person
) -> Retired:  # fmt: skip
    """Retire a unit: nothing is dispatched to it from now on."""
    require_whole_city(services)
    async with services.writing() as conn:
        return Retired(components=await commands.retire(conn, department_id, _by(command, services, person)))


@router.post("/{department_id}/merge")
async def merge_department(
    department_id: DepartmentId, command: MergeCommand, services: Use, person: Person
) -> Merged:  # fmt: skip
    """Merge a unit into another one, which takes over its components."""
    require_whole_city(services)
    async with services.writing() as conn:
        moved = await commands.merge(conn, department_id, command.into, _by(command, services, person))
    return Merged(components=moved)


def require_whole_city(services: Services) -> None:
    """Refuse who is limited to a part of the city: a unit answers in all of it."""
    if services.scope is not None:
        raise Forbidden("units are the whole city's: whoever changes one holds the role without an area")


def _by(command: Reasoned, services: Services, person: Person) -> By:
    return By(actor=person.name, reason=command.reason, now=services.clock())


async def _department(services: Services, department_id: int) -> Department:
    async with services.reading() as conn:
        rows = await departments.find(conn, retired=True)
    return Department.model_validate(next(row for row in rows if row["department_id"] == department_id))
