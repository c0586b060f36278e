"""HTTP for facts: what devices say that is no number (detections, states, events of their life)."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api import paging
from api.box import BoxQuery
from api.instant import Instant
from api.paging import Cursor, Limit, Page
from api.reading import origin_of, quality_of
from api.services import Use
from core.errors import InvalidInput
from storage.queries import events

router = APIRouter(prefix="/events", tags=["events"])
USUAL_SPAN = timedelta(days=7)
LONGEST_SPAN = timedelta(days=400)


class Event(BaseModel):
    """Something a device said that is no number."""

    ts: datetime = Field(description="When it happened.")
    received_at: datetime
    device: str
    profile: str
    district_code: str
    unit_grid_code: str | None = Field(description="The grid the device stands in.")
    kind: str = Field(examples=["vehicle", "line_crossed"])
    seq: int = Field(description="Tells apart facts of one device, instant and kind.")
    confidence: float | None = Field(description="0 to 1; null = the device does not say.")
    plate: str | None
    snapshot_url: str | None = Field(description="Where the picture is kept; not on this server.")
    snapshot_sha256: str | None = Field(description="Hash of the picture's bytes, lower-case hex.")
    quality: list[str] = Field(description="What is doubtful about it; empty = good.")
    origin: str
    detail: dict[str, Any] = Field(description="What the device said beyond these fields.")
    lon: float
    lat: float


@router.get("")
async def list_events(  # noqa: PLR0913  # one argument a filter
    services: Use,
    *,
    box: BoxQuery,
    device: Annotated[str | None, Query(max_length=64)] = None,
    kind: Annotated[str | None, Query(max_length=64, examples=["vehicle"])] = None,
    plate: Annotated[str | None, Query(max_length=32, examples=["冀B12345"])] = None,
    district_code: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    min_confidence: Annotated[float | None, Query(ge=0, le=1, description="Leaves out facts without one.")] = None,
    start: Annotated[Instant | None, Query(alias="from", description="Usual: 7 days before `to`.")] = None,
    end: Annotated[Instant | None, Query(alias="to", description="Not included. Usual: now.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Event]:
    """List facts by device, kind, plate, district, confidence, box and time, newest first."""
    until = end or services.clock()
    since = start or until - USUAL_SPAN
    if not timedelta(0) < until - since <= LONGEST_SPAN:
        raise InvalidInput(f"from: must be before to, and at most {LONGEST_SPAN.days} days before")
    given: dict[str, object] = {
        **box, "device": device, "kind": kind, "plate": plate, "district_code": district_code,
        "min_confidence": min_confidence, "start": since, "end": until,
    }  # fmt: skip
    if cursor:
        key = paging.decode("events", cursor, tuple[datetime, int, str, int])
        given |= dict(zip(("after_ts", "after_device", "after_kind", "after_seq"), key, strict=True))
    async with services.reading() as conn:
        rows = await events.find(conn, given, limit=limit + 1)
    last = None
    if len(rows) > limit:
        after = rows[limit - 1]
        last = paging.encode("events", [after["ts"], after["device_id"], after["kind"], after["seq"]])
    return Page(items=[_event(row) for row in rows[:limit]], next=last)


def _event(row: dict[str, Any]) -> Event:
    return Event.model_validate({**row, "quality": quality_of(row["quality"]), "origin": origin_of(row["origin"])})
