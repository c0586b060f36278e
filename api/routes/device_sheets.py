"""HTTP for many devices at once: a sheet to register, and their labels to print."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.principal import Person
from api.routes.devices import State
from api.services import Use
from core.errors import InvalidInput, NotFound
from devices import bulk, label_sheet, sheet
from devices.label_sheet import Label
from devices.life import State as LifeState
from devices.model import Change
from devices.profile import Profile
from storage.queries import labels

router = APIRouter(prefix="/devices", tags=["devices"])
CSV = "text/csv"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_FINDINGS = 1_000
PATIENCE = "SET LOCAL statement_timeout = '60s'"
"""A sheet of 50,000 takes longer than a command may."""

Layout = Annotated[
    str, Query(pattern="^[0-9]x[0-9]{1,2}$", description="Columns x rows: " + ", ".join(label_sheet.LAYOUTS))
]


class SheetFinding(BaseModel):
    """Why one row was not registered."""

    line: int = Field(description="The heading is line 1.")
    column: str
    reason: str
    detail: str


class BulkOutcome(BaseModel):
    """What became of a sheet."""

    dry_run: bool
    read: int
    registered: int = Field(description="With dry_run: so many would have been.")
    refused: int
    findings: list[SheetFinding] = Field(description=f"By line; at most {MOST_FINDINGS}.")
    refused_rows: str = Field(description="The refused rows as CSV beside their findings, to mend and send again.")


@router.post("/bulk", openapi_extra={"requestBody": {"required": True, "content": {CSV: {}, EXCEL: {}}}})
async def register_devices_in_bulk(
    request: Request,
    services: Use,
    person: Person,
    *,
    dry_run: Annotated[bool, Query(description="Check everything, keep nothing.")] = False,
    state: Annotated[
        Literal["registered", "in_service"], Query(description="`registered`: they will be installed in the street.")
    ] = "in_service",
) -> BulkOutcome:
    """Register the devices of a CSV or Excel file of at most 4 MB; good rows load, bad rows come back."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # seconds of work: not on the event loop
    found = await asyncio.to_thread(sheet.read, "sheet.xlsx" if kind == EXCEL else "sheet.csv", await request.body())
    by = Change(now=services.clock(), actor=person.name)
    async with services.writing() as conn:
        await conn.execute(PATIENCE)
        done = await bulk.register(conn, found, services.profiles, by, state=LifeState(state), dry_run=dry_run)
    return BulkOutcome(
        dry_run=dry_run,
        read=done.read,
        registered=done.registered,
        refused=len(done.findings),
        findings=[
            SheetFinding(line=item.line, column=item.column, reason=item.reason, detail=item.detail)
            for item in done.findings[:MOST_FINDINGS]
        ],
        refused_rows=sheet.refused(found, done.findings) if done.findings else "",
    )


@router.get("/labels.pdf", response_class=Response, responses={200: {"content": {"application/pdf": {}}}})
async def print_labels(  # noqa: PLR0913  # one argument a filter
    request: Request,
    services: Use,
    *,
    label: Annotated[list[str] | None, Query(max_length=500, description="These, in this order.")] = None,
    profile: Annotated[str | None, Query(max_length=64)] = None,
    district_code: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    state: State | None = None,
    after: Annotated[str, Query(max_length=64, description="Go on after this label.")] = "",
    limit: Annotated[int, Query(ge=1, le=label_sheet.MOST)] = 240,
    layout: Layout = "3x8",
) -> Response:
    """Draw the labels of registered devices as sheets to print; the QR code opens this city's page `/field`."""
    if layout not in label_sheet.LAYOUTS:
        raise InvalidInput(f"layout: there are {', '.join(label_sheet.LAYOUTS)}")
    asked = {
        "labels": label or None, "profile": profile, "district_code": district_code, "state": state,
        "after": after, "limit": limit,
    }  # fmt: skip
    async with services.reading() as conn:
        rows = await labels.labels(conn, asked)
    if not rows:
        raise NotFound("no device is registered that these labels or filters name")
    drawn = _labels(rows, services.profiles)
    content = await asyncio.to_thread(label_sheet.draw, drawn, label_sheet.LAYOUTS[layout], str(request.base_url))
    headers = {"Content-Disposition": 'attachment; filename="labels.pdf"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/pdf", headers=headers)


def _labels(rows: Sequence[Mapping[str, Any]], profiles: Mapping[str, Profile]) -> list[Label]:
    return [label_sheet.of(row["label"], profiles.get(row["profile"]), row["class_zh"] or "") for row in rows]
