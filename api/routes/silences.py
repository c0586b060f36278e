"""HTTP for silences and maintenance windows, and for the cases that were held back."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from alerts import silences as commands
from alerts.silences import Wish
from api import paging
from api.incident import Severity
from api.instant import Instant
from api.paging import Cursor, Limit, Page
from api.principal import Person
from api.services import Use
from core.errors import NotFound
from core.origin import Origin
from storage.queries import silences

router = APIRouter(tags=["silences"])

NO_NUL = r"^[^\x00]*$"

SilenceId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Text = Annotated[str, Field(max_length=2000, pattern=NO_NUL)]
Code = Annotated[str, Field(max_length=64, pattern=NO_NUL)]


class EndCommand(BaseModel):
    """Why; kept in the audit log with who is signed in."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    actor: str | None = Field(
        default=None, min_length=1, max_length=100, pattern=NO_NUL, deprecated=True,
        description="Ignored: it is who is signed in.",
    )  # fmt: skip
    reason: str = Field(min_length=1, max_length=2000, pattern=NO_NUL, description="Why.")


class SilenceCommand(EndCommand):
    """What is to be held back: where all matchers hold, in any of the areas, inside the polygon."""

    matchers: list[Text] = Field(
        default=[],
        max_length=20,
        description='As in Alertmanager: `alertname="LampDark"`, `severity=~"info|minor"`.',
        examples=[['alertname=~"Lamp.*"']],
    )
    areas: list[Code] = Field(
        default=[], max_length=100, description="Codes of districts, streets, communities or patrol grids."
    )
    polygon: dict[str, Any] | None = Field(default=None, description="GeoJSON Polygon or MultiPolygon, WGS 84.")
    windows: list[dict[str, Any]] | None = Field(
        default=None,
        max_length=20,
        description="Makes it a maintenance window: only at these times, in the shape of Alertmanager's "
        "`time_intervals`; without `location` in the city's time.",
        examples=[[{"weekdays": ["sunday"], "times": [{"start_time": "02:00", "end_time": "04:00"}]}]],
    )
    starts_at: Instant | None = Field(default=None, description="Not given = now.")
    ends_at: Instant = Field(description="Every silence ends.")


class Silence(BaseModel):
    """A silence, or a maintenance window when it has `windows`."""

    silence_id: int
    state: Literal["pending", "active", "expired"]
    matchers: list[str]
    areas: list[str]
    polygon: dict[str, Any] | None
    windows: list[dict[str, Any]] | None
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    author: str
    reason: str
    ended_by: str | None = Field(description="Who ended it before its time.")
    ended_reason: str | None
    holds_back: int = Field(description="Cases it holds back now.")
    held_back: int = Field(description="Cases it ever held back.")


class MutedCase(BaseModel):
    """A case that was held back: it opens when the mute ends while the rule still fires."""

    muted_id: int
    cause: str
    rule: str
    severity: Severity
    device_label: str | None
    district_code: str
    origin: Literal["live", "simulated", "replayed"]
    muted_by: str = Field(description="A silence (`silence:3`), or the cause whose effect it is.")
    reason: str
    fired_ts: datetime = Field(description="When the readings met the rule (event time).")
    muted_at: datetime
    ended_at: datetime | None = Field(description="Null = it is still held back.")
    outcome: Literal["opened", "recovered"] | None


@router.get("/silences")
async def list_silences(
    services: Use,
    *,
    state: Annotated[
        Literal["active", "pending", "expired", "in_force"] | None,
        Query(description="in_force = active or pending; not given = all."),
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Silence]:
    """List silences and maintenance windows, newest first."""
    given: dict[str, object] = {}
    if cursor:
        (given["before_id"],) = paging.decode("silences", cursor, tuple[int])
    async with services.reading() as conn:
        rows = await silences.find(conn, given, state=state, now=services.clock(), limit=limit + 1)
    items = [Silence.model_validate(row) for row in rows[:limit]]
    return Page(items=items, next=paging.encode("silences", [items[-1].silence_id]) if len(rows) > limit else None)


@router.get("/silences/{silence_id}")
async def show_silence(silence_id: SilenceId, services: Use) -> Silence:
    """Show one silence."""
    return await _silence(services, silence_id)


@router.post("/silences")
async def create_silence(command: SilenceCommand, services: Use, person: Person) -> Silence:
    """Hold back the cases that match, until `ends_at`; the running ingest takes it up before its next batch."""
    now = services.clock()
    wish = Wish(
        matchers=command.matchers,
        areas=command.areas,
        polygon=command.polygon,
        windows=command.windows,
        starts_at=command.starts_at or now,
        ends_at=command.ends_at,
        author=person.name,
        reason=command.reason,
    )
    async with services.writing() as conn:
        silence_id = await commands.create(conn, wish, services.timezone, now)
    return await _silence(services, silence_id)


@router.delete("/silences/{silence_id}")
async def end_silence(silence_id: SilenceId, command: EndCommand, services: Use, person: Person) -> Silence:
    """End a silence now; it stays in the list. What it holds back opens if the rule still fires."""
    async with services.writing() as conn:
        await commands.end(conn, silence_id, person.name, command.reason, services.clock())
    return await _silence(services, silence_id)


@router.get("/muted")
async def list_muted(  # noqa: PLR0913  # one argument a filter
    services: Use,
    *,
    standing: Annotated[bool, Query(description="Only what is held back now.")] = True,
    muted_by: Annotated[str | None, Query(max_length=300)] = None,
    rule: Annotated[str | None, Query(max_length=200)] = None,
    device: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[MutedCase]:
    """List the cases that were held back, by what and why, newest first."""
    given: dict[str, object] = {"muted_by": muted_by, "rule": rule, "device": device, "standing": standing or None}
    if cursor:
        (given["before_id"],) = paging.decode("muted", cursor, tuple[int])
    async with services.reading() as conn:
        rows = await silences.muted(conn, given, limit=limit + 1)
    items = [MutedCase.model_validate({**row, "origin": Origin(row["origin"]).name.lower()}) for row in rows[:limit]]
    return Page(items=items, next=paging.encode("muted", [items[-1].muted_id]) if len(rows) > limit else None)


async def _silence(services: Use, silence_id: int) -> Silence:
    async with services.reading() as conn:
        rows = await silences.find(conn, {"silence_id": silence_id}, state=None, now=services.clock(), limit=1)
    if not rows:
        raise NotFound(f"no silence {silence_id}")
    return Silence.model_validate(rows[0])
