"""HTTP for bringing the city's grids: a file is sent and checked or kept as a draft; a draft is put in force."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.principal import Person
from api.routes.grid_versions import Level, Version
from api.routes.grids import FeatureCollection
from api.routes.survey_imports import Reading, ShortText, known_end, of_whole_city
from api.services import Use
from api.uploads import BODY
from core.errors import NotFound
from storage.queries import grid_versions

router = APIRouter(prefix="/grids/imports", tags=["grids"])
ENDS = (".gpkg", ".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson", ".zip")


class GridReading(Reading):
    """How to read a partition."""

    level: Level = Field(description="Which grids; areas go before unit grids.")
    mend: bool = Field(default=False, description="Take a broken outline that encloses one area as it.")
    accept: ShortText = Field(default="", description="Why it is right in spite of blocking findings.")


class GridOutcome(BaseModel):
    """What became of a partition."""

    dry_run: bool
    version_id: int | None = Field(description="Absent after a check.")
    level: Level
    state: str = Field(description="refused, draft or active; after a check what it would be.")
    source: str
    crs: str
    features: int
    grids: int
    blocking: int
    counts: dict[str, int] = Field(description="Findings by kind.")
    notes: list[str]
    findings: FeatureCollection = Field(description="With their places, blocking ones first; at most 1,000.")
    findings_found: int = Field(description="All of them.")


class ActivateCommand(BaseModel):
    """Puts a version in force."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(default=False, description="Do all of it, keep nothing.")


class Regridding(BaseModel):
    """What a version's coming moved."""

    dry_run: bool
    version_id: int
    level: Level
    period_id: int | None = Field(description="Names the list of what moved (GET /grids/moves/{period_id}).")
    moved: dict[str, int] = Field(description="Counts: unit grids new, gone and kept; components, devices, incidents.")


@router.post(
    "",
    status_code=201,
    response_model=GridOutcome,
    responses={200: {"model": GridOutcome, "description": "It was checked, nothing was kept."}},
    openapi_extra=dict(BODY),
)
async def import_grids(
    request: Request, services: Use, person: Person, asked: Annotated[GridReading, Query()]
) -> Response:
    """Check a partition, or keep it as a draft; the city's first of its level is put in force at once.

    With a blocking finding and no `accept` it is kept as refused, with its findings.
    """
    of_whole_city(services, "grids are")
    known_end(asked.name, ENDS, "grids")
    by = {"actor": person.name, "now": services.clock().isoformat()}
    done = await services.uploads.take(request, "grids", asked.model_dump(), by)
    return Response(done, status_code=200 if asked.dry_run else 201, media_type="application/json")


@router.post("/{version_id}/activate", response_model=Regridding)
async def activate_grids(version_id: Version, command: ActivateCommand, services: Use, person: Person) -> Response:
    """Put a version in force in place of the present one of its level, and move what stands in it; 409 if refused.

    The version before is taken back by putting it in force again.
    """
    of_whole_city(services, "grids are")
    async with services.reading() as conn:
        if not await grid_versions.versions(conn, {"version_id": version_id}, limit=1):
            raise NotFound(f"no version {version_id} of any grids")
    by = {"actor": person.name, "now": services.clock().isoformat()}
    done = await services.uploads.do("activate", {"version_id": version_id, "dry_run": command.dry_run}, by)
    return Response(done, media_type="application/json")
