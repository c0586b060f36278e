"""HTTP for bringing surveys: a file is sent and checked or imported; the bad rows of a past one, to mend."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.principal import Person
from api.routes.surveys import CSV, ReasonCount, SurveyFinding, SurveyId
from api.services import Services, Use
from api.uploads import BODY, FileName
from core.errors import InvalidInput, NotFound, NotGranted
from storage import refused_rows
from storage.queries import surveys

router = APIRouter(prefix="/surveys", tags=["surveys"])
ENDS = (
    ".csv", ".xlsx", ".xlsm", ".gpkg", ".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson", ".zip"
)  # fmt: skip
ONLY_ZIPPED = (".shp", ".gdb")

ShortText = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Mapping = Annotated[
    str,
    Field(
        max_length=20_000,
        pattern=r"^[^\x00]*$",
        description='JSON or YAML: `{"columns": {ours: the file\'s}, "constants": ..., "values": ...}`.',
    ),
]


class Reading(BaseModel):
    """How to read a file with places."""

    model_config = ConfigDict(extra="forbid")

    name: FileName
    crs: ShortText = Field(default="", description="EPSG code, PROJ string or GCJ-02. Default: as the file says.")
    layer: ShortText = Field(default="", description="Layer or sheet, when the file has several.")
    encoding: str = Field(default="", pattern="^[A-Za-z0-9_-]{0,40}$", description="Of its texts, as GB18030.")
    mapping: Mapping = ""
    axes: Literal["en", "ne"] = Field(default="en", description="ne: x is the northing or latitude.")
    trust_crs: bool = Field(default=False, description="Take it though it seems to lie elsewhere.")
    dry_run: bool = Field(default=False, description="Check everything, keep nothing.")


class SurveyReading(Reading):
    """How to read a survey, and what to remark on."""

    near: float = Field(default=0.5, ge=0, le=100, description="Metres: two of a class nearer than this are told.")
    overlap: float = Field(default=0.05, ge=0, le=1, description="Areas that share this part of the smaller one.")
    require: list[Literal["competent", "owner", "maintainer"]] = Field(
        default=[], max_length=3, description="Tell each row that names no such unit."
    )
    edition: str = Field(default="", pattern="^[A-Za-z0-9_-]{0,40}$", description="Edition of its codes, as 2007.")
    as_class: list[Annotated[str, Field(pattern="^[0-9]{4}=[0-9]{4}$")]] = Field(
        default=[], max_length=200, description="What a class of that edition is now, as 0117=0130."
    )


class SurveyOutcome(BaseModel):
    """What became of a file."""

    dry_run: bool
    survey_id: int | None = Field(description="Absent after a check.")
    source: str
    crs: str
    rows_read: int
    rows_loaded: int = Field(description="After a check: so many would have been; as the next ones.")
    created: int
    changed: int
    unchanged: int
    missing: int = Field(description="Registered ones of its classes and districts that it does not have.")
    refused: int
    departments_missing: dict[str, int]
    notes: list[str] = Field(description="How the file was read, where it did not say so itself.")
    reasons: list[ReasonCount]
    findings: list[SurveyFinding] = Field(description="By line; at most 1,000.")
    findings_found: int = Field(description="All of them.")
    refused_rows: str = Field(
        description="After a check: the refused rows as CSV beside their findings, to mend and send again."
    )
    refused_rows_cut: bool = Field(description="There are more than 2 MB of them: an import keeps them all.")


def of_whole_city(services: Services, what: str) -> None:
    """Refuse who holds a role in a part of the city only; raises `NotGranted`."""
    if services.scope is not None:
        raise NotGranted(f"{what} of the whole city: whoever brings them holds a role without an area")


def known_end(name: str, ends: tuple[str, ...], what: str) -> None:
    """Refuse a file whose name says that it cannot be read; raises `InvalidInput`."""
    end = name[name.rfind(".") :].lower() if "." in name else ""
    if end in ONLY_ZIPPED:
        whole = ".shp, .shx, .dbf and .prj together" if end == ".shp" else "the folder"
        raise InvalidInput(f"name: {name} is a part of a survey only: send {whole} as one .zip")
    if end not in ends:
        raise InvalidInput(f"name: {what} are sent as {', '.join(ends)}; {name} is none of these")


@router.post(
    "",
    status_code=201,
    response_model=SurveyOutcome,
    responses={200: {"model": SurveyOutcome, "description": "It was checked, nothing was kept."}},
    openapi_extra=dict(BODY),
)
async def import_survey(
    request: Request, services: Use, person: Person, asked: Annotated[SurveyReading, Query()]
) -> Response:
    """Check or import a survey; good rows load, bad rows come back. The answer comes when it is done: up to minutes.

    Only a few are worked on at once; others are told to come later (503 `busy`).
    """
    of_whole_city(services, "surveys are")
    known_end(asked.name, ENDS, "surveys")
    by = {"actor": person.name, "now": services.clock().isoformat()}
    done = await services.uploads.take(request, "survey", asked.model_dump(), by)
    return Response(done, status_code=200 if asked.dry_run else 201, media_type="application/json")


@router.get("/{survey_id}/refused.csv", response_class=StreamingResponse, responses=CSV)
async def export_refused_rows(survey_id: SurveyId, services: Use) -> StreamingResponse:
    """Give the refused rows of a survey that was sent over HTTP, beside their findings, to mend and send again."""
    of_whole_city(services, "surveys are")
    async with services.reading() as conn:
        known = await surveys.find(conn, {"survey_id": survey_id}, limit=1)
        kept = await refused_rows.exist(conn, survey_id)
    if not known:
        raise NotFound(f"there is no survey {survey_id}")
    if not kept:
        raise NotFound(f"of survey {survey_id} no refused rows are kept: it has none, or came by the command line")
    headers = {"Content-Disposition": f'attachment; filename="survey-{survey_id}-refused.csv"'}
    return StreamingResponse(_parts(services, survey_id), media_type="text/csv; charset=utf-8", headers=headers)


async def _parts(services: Services, survey_id: int) -> AsyncIterator[bytes]:
    async with services.reading() as conn, conn.transaction():
        async for part in refused_rows.stream(conn, survey_id):
            yield part
