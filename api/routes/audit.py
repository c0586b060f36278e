"""HTTP for the audit log: what was done, by whom, when, as a list and as a file. For whole-city administrators."""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from api import paging
from api.instant import Instant
from api.paging import Cursor, Limit, Page
from api.people import Administrator
from api.services import Services, Use
from people import profile

router = APIRouter(tags=["people"])

Text = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
ByActor = Annotated[Text, Query(description="An account with its keys, or one key: `lin/nightly`.")]
ByAction = Annotated[Text, Query(description="`account.add`, or all of a kind: `account`.")]
Since = Annotated[Instant | None, Query(description="From this time on.")]
Until = Annotated[Instant | None, Query(description="Before this time.")]
HEADINGS = ("audit_id", "at", "actor", "action", "subject", "detail")
ROWS_A_CHUNK = 1000
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


class AuditEntry(BaseModel):
    """Something that somebody did."""

    audit_id: int
    at: datetime
    actor: str = Field(description="An account, or `account/key` for a program.")
    action: str
    subject: str
    detail: dict[str, Any]


@router.get("/audit")
async def list_audit(  # noqa: PLR0913  # one argument a filter
    services: Use,
    by: Administrator,
    *,
    actor: ByActor = None,
    action: ByAction = None,
    subject: Text = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[AuditEntry]:
    """List what was done, the newest first: by whom, what, when."""
    del by
    given: dict[str, object] = {"actor": actor, "action": action, "subject": subject, "since": since, "until": until}
    if cursor:
        (given["before_id"],) = paging.decode("audit", cursor, tuple[int])
    async with services.reading() as conn:
        rows = await profile.audited(conn, given, limit=limit + 1)
    items = [AuditEntry.model_validate(row) for row in rows[:limit]]
    return Page(items=items, next=paging.encode("audit", [items[-1].audit_id]) if len(rows) > limit else None)


@router.get("/audit.csv", response_class=StreamingResponse, responses=CSV)
async def export_audit(  # noqa: PLR0913  # one argument a filter
    services: Use,
    by: Administrator,
    *,
    actor: ByActor = None,
    action: ByAction = None,
    subject: Text = None,
    since: Since = None,
    until: Until = None,
) -> StreamingResponse:
    """Give all of it as CSV, the newest first (UTF-8 with a mark, as spreadsheets want it)."""
    del by
    given: dict[str, object] = {"actor": actor, "action": action, "subject": subject, "since": since, "until": until}
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(_lines(services, given), media_type="text/csv; charset=utf-8", headers=headers)


async def _lines(services: Services, given: Mapping[str, object]) -> AsyncIterator[str]:
    text = io.StringIO("\ufeff")
    writer = csv.writer(text)
    text.seek(0, io.SEEK_END)
    writer.writerow(HEADINGS)
    before: int | None = None
    while True:
        async with services.reading() as conn:
            rows = await profile.audited(conn, {**given, "before_id": before}, limit=ROWS_A_CHUNK)
        for row in rows:
            writer.writerow([_cell(row[name]) for name in HEADINGS])
        yield text.getvalue()
        if len(rows) < ROWS_A_CHUNK:
            return
        before = rows[-1]["audit_id"]
        text.seek(0)
        text.truncate()


def _cell(value: object) -> object:
    """Give a cell no spreadsheet takes for a formula: a subject may be what a stranger's device calls itself."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if is_formula else value
