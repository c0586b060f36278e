"""HTTP for ownership (确权): what is unclear, naming a unit in many components, and what that does to dispatch."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from alerts.dispatch import Choice
from api import dispatch_effect, paging
from api.dispatch_effect import Effect, Share
from api.incident import Severity, Stage
from api.paging import Cursor, Limit, Page
from api.principal import Person
from api.services import Services, Use
from components_registry.departments import By
from components_registry.ownership import Assigned, Duty, Wish
from storage.queries import ownership

router = APIRouter(prefix="/ownership", tags=["ownership"])

NO_NUL = r"^[^\x00]*$"
Reason = Literal["no_owner", "no_maintainer", "retired_unit", "two_units", "nobody_answers"]
Code = Annotated[str, Field(max_length=64, pattern=NO_NUL)]
ByReason = Annotated[Reason | None, Query(description="Not given = any.")]
ByClass = Annotated[str | None, Query(pattern="^[0-9]{4,5}$")]
ByArea = Annotated[
    str | None,
    Query(pattern="^([0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{15})$", description="District, street, community, unit grid."),
]
CSV_HEADINGS = (
    "code", "class_code", "class_name_zh", "name", "district_code", "community_code", "unit_grid_code", "competent_zh",
    "owner_zh", "maintainer_zh", "reasons", "lon", "lat",
)  # fmt: skip
ROWS_A_CHUNK = 500
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


class Unclear(BaseModel):
    """A component of unclear ownership."""

    code: str
    class_code: str
    class_name_zh: str
    class_name_en: str
    name: str
    district_code: str
    community_code: str | None
    unit_grid_code: str | None
    competent_zh: str | None
    owner_zh: str | None
    maintainer_zh: str | None
    reasons: list[Reason]
    lon: float
    lat: float


class UnclearCount(BaseModel):
    """How many of a class or area are unclear."""

    key: str | None = Field(description="Code of the class or area; null = outside every grid.")
    name_zh: str
    name_en: str
    components: int
    unclear: int = Field(description="With any of the reasons.")
    no_owner: int
    no_maintainer: int
    retired_unit: int
    two_units: int
    nobody_answers: int


class UnclearCounts(BaseModel):
    """By class or area, the most unclear first."""

    items: list[UnclearCount]


class AssignCommand(BaseModel):
    """One unit for all components of some classes in some areas, or along some streets."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    duty: Duty
    department_id: StrictInt = Field(ge=1, le=2**31 - 1)
    classes: list[Annotated[str, Field(pattern="^[0-9]{4,5}$")]] = Field(default=[], max_length=200)
    areas: list[Code] = Field(
        default=[], max_length=200, description="Districts, streets, communities, unit grids or patrol grids."
    )
    streets: list[Code] = Field(default=[], max_length=50, description="Names of roads, Chinese or English.")
    within_m: float = Field(default=30.0, gt=0, le=500, description="How far from a road's axis.")
    overwrite: bool = Field(
        default=False, description="Also where another unit is named; else only where none is, or a retired one."
    )
    reason: str = Field(min_length=1, max_length=2000, pattern=NO_NUL, description="Kept with every component.")


class OtherUnit(BaseModel):
    """Another unit that components name."""

    department_id: int
    name_zh: str
    name_en: str
    components: int
    example: str = Field(description="Code of one of them.")


class DispatchShare(BaseModel):
    """How many components' incidents find their department without a dispatcher."""

    components: int
    by_itself: int
    by_reason: dict[str, int] = Field(description="maintainer, owner, competent, class, or unclear.")


class Answerer(BaseModel):
    """To whom an incident would go, and why."""

    department_id: int | None = Field(description="null = to the district's dispatcher.")
    name_zh: str | None
    name_en: str | None
    reason: str


class MovedIncident(BaseModel):
    """An open incident that would go elsewhere if it opened now; it stays where it was dispatched."""

    incident_id: int
    case_no: str
    rule: str
    severity: Severity
    stage: Stage
    title_zh: str
    title_en: str
    component_code: str | None
    before: Answerer
    after: Answerer


class Assignment(BaseModel):
    """What an assignment did, or would do."""

    dry_run: bool
    matched: int
    unchanged: int = Field(description="Have the unit already.")
    filled: int = Field(description="Had none, or one that is retired.")
    replaced: int = Field(description="Had another one.")
    conflicts: int = Field(description="Have another one, and keep it.")
    others: list[OtherUnit] = Field(description="The other units.")
    share_before: DispatchShare
    share_after: DispatchShare
    incidents: int = Field(description="Open incidents about the components that change.")
    moved: list[MovedIncident]


@router.get("/worklist")
async def list_unclear_ownership(
    services: Use,
    *,
    reason: ByReason = None,
    class_code: ByClass = None,
    area: ByArea = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Unclear]:
    """List components of unclear ownership."""
    given = _given(reason, class_code, area)
    if cursor:
        (given["after"],) = paging.decode("ownership", cursor, tuple[int])
    async with services.reading() as conn:
        rows = await ownership.unclear(conn, given, limit=limit + 1)
    last = paging.encode("ownership", [rows[limit - 1]["component_id"]]) if len(rows) > limit else None
    return Page(items=[Unclear.model_validate(row) for row in rows[:limit]], next=last)


@router.get("/worklist.csv", response_class=StreamingResponse, responses=CSV)
async def export_unclear_ownership(
    services: Use, *, reason: ByReason = None, class_code: ByClass = None, area: ByArea = None
) -> StreamingResponse:
    """Give the whole worklist as CSV (UTF-8 with a mark, as spreadsheets want it)."""
    headers = {"Content-Disposition": 'attachment; filename="ownership.csv"'}
    lines = _csv(services, _given(reason, class_code, area))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/counts")
async def count_unclear_ownership(
    services: Use,
    *,
    by: Annotated[Literal["class", "district", "street", "community"], Query()] = "class",
    class_code: ByClass = None,
    area: ByArea = None,
) -> UnclearCounts:
    """Count components and those of unclear ownership, by class or area."""
    async with services.reading() as conn:
        rows = await ownership.counts(conn, by, _given(None, class_code, area))
    return UnclearCounts.model_validate({"items": rows})


@router.get("/dispatch")
async def show_dispatch_share(services: Use) -> DispatchShare:
    """Show for how many components an incident finds its department by itself."""
    async with services.reading() as conn:
        return _share(await dispatch_effect.share(conn))


@router.post("/assignments")
async def assign_ownership(
    command: AssignCommand,
    services: Use,
    person: Person,
    dry_run: Annotated[bool, Query(description="Count everything, keep nothing.")] = False,
) -> Assignment:
    """Name a unit in many components, and tell what that does to dispatch."""
    said = command.model_dump(exclude={"reason"})
    by = By(actor=person.name, reason=command.reason, now=services.clock())
    async with services.writing() as conn:
        counted, effect = await dispatch_effect.assign(conn, Wish(**said), by, dry_run=dry_run)
    return _assignment(counted, effect, dry_run=dry_run)


def _given(reason: Reason | None, class_code: str | None, area: str | None) -> dict[str, object]:
    given: dict[str, object] = {"class_code": class_code, "area": area}
    if reason:
        given[reason] = True
    return given


async def _csv(services: Services, given: Mapping[str, object]) -> AsyncIterator[str]:
    text = io.StringIO()
    writer = csv.writer(text)
    text.write("\ufeff")
    writer.writerow(CSV_HEADINGS)
    waiting = 0
    async with services.reading() as conn, conn.transaction():
        async for row in ownership.stream_unclear(conn, given):
            writer.writerow([" ".join(row[h]) if h == "reasons" else row[h] for h in CSV_HEADINGS])
            waiting += 1
            if waiting == ROWS_A_CHUNK:
                yield text.getvalue()
                text.seek(0)
                text.truncate()
                waiting = 0
    yield text.getvalue()


def _share(found: Share) -> DispatchShare:
    return DispatchShare(
        components=found.components, by_itself=found.by_itself, by_reason=dict(found.by_reason)
    )  # fmt: skip


def _answerer(choice: Choice, names: Mapping[int, Mapping[str, str]]) -> dict[str, Any]:
    named = names.get(choice.department_id or 0, {})
    return {
        "department_id": choice.department_id,
        "name_zh": named.get("name_zh"),
        "name_en": named.get("name_en"),
        "reason": choice.reason,
    }


def _assignment(counted: Assigned, effect: Effect, *, dry_run: bool) -> Assignment:
    moved = [
        {**one.incident, "before": _answerer(one.before, effect.names), "after": _answerer(one.after, effect.names)}
        for one in effect.moved
    ]
    return Assignment(
        dry_run=dry_run,
        matched=counted.matched,
        unchanged=counted.unchanged,
        filled=counted.filled,
        replaced=counted.replaced,
        conflicts=counted.conflicts,
        others=[OtherUnit.model_validate(row) for row in counted.others],
        share_before=_share(effect.before),
        share_after=_share(effect.after),
        incidents=effect.looked_at,
        moved=[MovedIncident.model_validate(row) for row in moved],
    )
