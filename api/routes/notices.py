"""HTTP for notices: what was told to whom, what waits, what is parked and why. Trying again is a command."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from api import paging
from api.paging import Cursor, Limit, Page
from api.services import Use
from storage.queries import notices

router = APIRouter(prefix="/notices", tags=["notices"])

State = Literal["waiting", "sent", "parked"]


class Notice(BaseModel):
    """A message about one incident or a group, to one address."""

    notice_no: int
    notice_id: str = Field(description="The number the receiver sees; the same on every attempt.")
    state: State
    kind: Literal["new", "repeat"] = Field(description="repeat = nobody has touched the incidents since.")
    receiver: str
    address_name: str | None = Field(description="Which kind of address; the address itself may hold a secret.")
    group_key: str
    incidents: list[int]
    created_at: datetime
    attempts: int
    next_try_at: datetime
    sent_at: datetime | None
    parked_at: datetime | None
    last_error: str | None


class NoticeCounts(BaseModel):
    """What is not told yet."""

    unsorted: int = Field(description="Transitions that no route has been chosen for.")
    gathering: int = Field(description="Transitions that wait in their group.")
    waiting: int = Field(description="Messages to send.")
    parked: int = Field(description="Messages given up, see `last_error`.")


@router.get("")
async def list_notices(  # one argument a filter
    services: Use,
    *,
    state: Annotated[State | None, Query(description="Not given = all.")] = None,
    receiver: Annotated[str | None, Query(max_length=200)] = None,
    incident: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Notice]:
    """List notices, newest first."""
    about = Jsonb({"alerts": [{"incident_id": incident}]}) if incident is not None else None
    given: dict[str, object] = {"receiver": receiver, "incident": about}
    if cursor:
        (given["before_no"],) = paging.decode("notices", cursor, tuple[int])
    async with services.reading() as conn:
        rows = await notices.find(conn, given, state=state, limit=limit + 1)
    items = [Notice.model_validate(row) for row in rows[:limit]]
    return Page(items=items, next=paging.encode("notices", [items[-1].notice_no]) if len(rows) > limit else None)


@router.get("/counts")
async def count_notices(services: Use) -> NoticeCounts:
    """Count what is not told yet, and what is parked."""
    async with services.reading() as conn:
        return NoticeCounts.model_validate(await notices.counts(conn))
