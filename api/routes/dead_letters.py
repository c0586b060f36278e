"""HTTP for dead letters: what was refused and why. Trying again is a command: `citygrid dead-letters reprocess`."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api import paging
from api.instant import Instant
from api.paging import Cursor, Limit, Page
from api.services import Use
from core.errors import NotFound
from storage.queries import dead_letters

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])

NAME = "dead-letters"
_TEXT = r"^[^\x00]*$"

_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
LetterId = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="The letter's id.")]


class DeadLetter(BaseModel):
    """A message, or an item of one, that could not be accepted."""

    id: str
    topic: str
    reason: str
    detail: str = Field(description="What is wrong, in words.")
    payload_bytes: int = Field(description="Bytes kept.")
    truncated: bool = Field(description="Whether the payload was longer; then it cannot be tried again.")
    first_seen: datetime
    last_seen: datetime
    seen: int = Field(description="How often it came.")
    waiting_since: datetime | None = Field(description="When somebody asked to try it again, until that is done.")
    tried_at: datetime | None = Field(description="When it was tried again, and refused again.")


class DeadLetterDetail(DeadLetter):
    """A letter with what came."""

    payload_hex: str = Field(description="The payload as it came, in hexadecimal digits.")
    payload_text: str | None = Field(description="The same as text, when it is UTF-8.")


class ReasonCount(BaseModel):
    """What is kept of a reason."""

    reason: str
    kept: int
    kept_bytes: int
    dropped: int = Field(description="Letters that went because there were too many.")


class Counts(BaseModel):
    """All reasons of which something was refused."""

    items: list[ReasonCount]


@router.get("")
async def list_dead_letters(
    services: Use,
    *,
    reason: Annotated[str | None, Query(max_length=40, pattern=_TEXT)] = None,
    topic: Annotated[str | None, Query(max_length=200, pattern=_TEXT, description="How the topic begins.")] = None,
    since: Annotated[Instant | None, Query(description="Last seen at or after this time.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[DeadLetter]:
    """List what was refused, the last seen first."""
    given: dict[str, object] = {"reason": reason, "topic": _beginning(topic), "since": since}
    if cursor:
        given["before"], given["before_id"] = paging.decode(NAME, cursor, tuple[datetime, _Id])
    async with services.reading() as conn:
        rows = await dead_letters.find(conn, given, limit=limit + 1)
    items = [DeadLetter.model_validate(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next=paging.encode(NAME, [items[-1].last_seen, items[-1].id]) if more else None)


@router.get("/counts")
async def count_dead_letters(services: Use) -> Counts:
    """Count what is kept by reason, and what was dropped because there was too much."""
    async with services.reading() as conn:
        return Counts.model_validate({"items": await dead_letters.counts(conn)})


@router.get("/{letter_id}")
async def show_dead_letter(letter_id: LetterId, services: Use) -> DeadLetterDetail:
    """Show one letter with its payload."""
    async with services.reading() as conn:
        rows = await dead_letters.show(conn, letter_id)
    if not rows:
        raise NotFound(f"no dead letter {letter_id}: it may have been accepted meanwhile")
    payload = bytes(rows[0]["payload"])
    return DeadLetterDetail.model_validate({**rows[0], "payload_hex": payload.hex(), "payload_text": _as_text(payload)})


def _beginning(topic: str | None) -> str | None:
    """Give the LIKE pattern of texts that begin so."""
    if topic is None:
        return None
    return topic.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"


def _as_text(payload: bytes) -> str | None:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None
