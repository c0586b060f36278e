"""HTTP for surveys of components: what was imported, and what was found in each file."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from api import paging
from api.paging import Cursor, Limit, Page
from api.services import Services, Use
from core.errors import Forbidden, NotFound
from storage import refused_rows
from storage.queries import surveys

router = APIRouter(prefix="/surveys", tags=["surveys"])

SurveyId = Annotated[int, Path(ge=1, le=2**31 - 1)]
ByReason = Annotated[str | None, Query(pattern="^[a-z_]{1,40}$", description="Not given = any.")]
Refused = Annotated[bool | None, Query(description="Only rows that were, or were not, refused.")]
HEADINGS = ("line", "column", "reason", "detail", "refused", "lon", "lat")
ROWS_A_CHUNK = 500
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
GEOJSON: dict[int | str, dict[str, Any]] = {200: {"content": {"application/geo+json": {"schema": {"type": "object"}}}}}


class Survey(BaseModel):
    """One file that was imported."""

    survey_id: int
    source: str = Field(description="Name of the file.")
    crs: str
    imported_at: datetime
    actor: str
    rows_read: int
    rows_loaded: int
    synthetic: bool
    created: int
    changed: int
    unchanged: int
    missing: int = Field(description="Registered ones of its classes and districts that it does not have.")
    refused: int


class ReasonCount(BaseModel):
    """How often a reason was found."""

    reason: str
    refused: bool = Field(description="Whether the row was refused for it; else it was loaded.")
    findings: int
    placed: int = Field(description="Of these, how many lie somewhere.")


class SurveyReport(Survey):
    """A survey with its report."""

    reasons: list[ReasonCount]
    departments_missing: dict[str, int] = Field(description="Loaded rows that name no owner, no maintainer.")
    notes: list[str] = Field(description="How the file was read, where it did not say so itself.")
    mendable: bool = Field(description="Its refused rows are kept: GET /surveys/{survey_id}/refused.csv.")


class SurveyFinding(BaseModel):
    """What is wrong with a row, or odd about it."""

    line: int = Field(description="Line of the file, or number of the feature.")
    column: str
    reason: str
    detail: str
    refused: bool
    lon: float | None = Field(description="Where it lies, when that could be read.")
    lat: float | None


@router.get("")
async def list_surveys(services: Use, *, limit: Limit = 50, cursor: Cursor = None) -> Page[Survey]:
    """List the surveys that were imported, the newest first."""
    given: dict[str, object] = {}
    if cursor:
        (given["before"],) = paging.decode("surveys", cursor, tuple[int])
    async with services.reading() as conn:
        rows = await surveys.find(conn, given, limit=limit + 1)
    items = [Survey.model_validate(_flat(row)) for row in rows[:limit]]
    return Page(items=items, next=paging.encode("surveys", [items[-1].survey_id]) if len(rows) > limit else None)


@router.get("/{survey_id}")
async def show_survey(survey_id: SurveyId, services: Use) -> SurveyReport:
    """Show the report of one survey."""
    async with services.reading() as conn:
        row = await _survey(services, survey_id)
        found = await surveys.reasons(conn, survey_id)
        mendable = await refused_rows.exist(conn, survey_id)
    summary = row["summary"]
    return SurveyReport.model_validate(
        {
            **_flat(row),
            "reasons": found,
            "departments_missing": summary.get("departments_missing", {}),
            "notes": summary.get("notes", []),
            "mendable": mendable,
        }
    )


@router.get("/{survey_id}/findings")
async def list_survey_findings(
    survey_id: SurveyId,
    services: Use,
    *,
    reason: ByReason = None,
    refused: Refused = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[SurveyFinding]:
    """List what was found in a survey, by line."""
    given: dict[str, object] = {"reason": reason, "refused": refused}
    if cursor:
        after = paging.decode("findings", cursor, tuple[int, str, str])
        given |= dict(zip(("after_line", "after_reason", "after_column"), after, strict=True))
    await _survey(services, survey_id)
    async with services.reading() as conn:
        rows = await surveys.findings(conn, survey_id, given, limit=limit + 1)
    items = [SurveyFinding.model_validate(row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    following = paging.encode("findings", [last.line, last.reason, last.column]) if last else None
    return Page(items=items, next=following)


@router.get("/{survey_id}/findings.csv", response_class=StreamingResponse, responses=CSV)
async def export_survey_findings(
    survey_id: SurveyId, services: Use, *, reason: ByReason = None, refused: Refused = None
) -> StreamingResponse:
    """Give all findings as CSV (UTF-8 with a mark, as spreadsheets want it)."""
    await _survey(services, survey_id)
    rows = _stream(services, survey_id, {"reason": reason, "refused": refused})
    return _download(_csv(rows), "text/csv; charset=utf-8", f"survey-{survey_id}-findings.csv")


@router.get(
    "/{survey_id}/findings.geojson",
    response_class=StreamingResponse,
    responses=GEOJSON,
)
async def map_survey_findings(
    survey_id: SurveyId, services: Use, *, reason: ByReason = None, refused: Refused = None
) -> StreamingResponse:
    """Give the findings that lie somewhere as GeoJSON points, WGS 84."""
    await _survey(services, survey_id)
    rows = _stream(services, survey_id, {"reason": reason, "refused": refused, "placed": True})
    return _download(_geojson(rows), "application/geo+json", f"survey-{survey_id}-findings.geojson")


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: row["summary"].get(name, 0) for name in ("created", "changed", "unchanged", "missing")}
    refused = row["summary"].get("refused", row["rows_read"] - row["rows_loaded"])
    return {**row, **counts, "refused": refused}


async def _survey(services: Services, survey_id: int) -> dict[str, Any]:
    if services.scope is not None:
        raise Forbidden("a survey is of the whole city: whoever reads its report holds a role without an area")
    async with services.reading() as conn:
        rows = await surveys.find(conn, {"survey_id": survey_id}, limit=1)
    if not rows:
        raise NotFound(f"there is no survey {survey_id}")
    return rows[0]


async def _stream(services: Services, survey_id: int, given: Mapping[str, object]) -> AsyncIterator[dict[str, Any]]:
    async with services.reading() as conn, conn.transaction():
        async for row in surveys.stream_findings(conn, survey_id, given):
            yield row


async def _csv(rows: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    text = io.StringIO()
    writer = csv.writer(text)
    text.write("\ufeff")
    writer.writerow(HEADINGS)
    async for part in _chunks(rows, lambda row: writer.writerow([row[name] for name in HEADINGS])):
        del part
        yield text.getvalue()
        text.seek(0)
        text.truncate()


async def _geojson(rows: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    features: list[bytes] = []
    separator = b'{"type":"FeatureCollection","features":['

    def add(row: dict[str, Any]) -> None:
        properties = {name: row[name] for name in HEADINGS[:5]}
        geometry = {"type": "Point", "coordinates": [row["lon"], row["lat"]]}
        features.append(msgspec.json.encode({"type": "Feature", "geometry": geometry, "properties": properties}))

    async for part in _chunks(rows, add):
        del part
        if features:
            yield separator + b",".join(features)
            separator = b","
            features.clear()
    yield (separator if separator != b"," else b"") + b"]}"


async def _chunks(rows: AsyncIterator[dict[str, Any]], take: Callable[[dict[str, Any]], object]) -> AsyncIterator[int]:
    """Hand on rows, and say when some have come: the last time with what is left."""
    waiting = 0
    async for row in rows:
        take(row)
        waiting += 1
        if waiting == ROWS_A_CHUNK:
            yield waiting
            waiting = 0
    yield waiting


def _download(content: AsyncIterator[str] | AsyncIterator[bytes], kind: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type=kind, headers=headers)
