"""HTTP for a device's life: its history, its steps, and what a component's devices measured one after the other."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.instant import Instant
from api.principal import Person
from api.routes.components import Code
from api.routes.devices import Label, State
from api.routes.readings import LONGEST_SPAN, USUAL_SPAN
from api.services import Use
from core.errors import InvalidInput, NotFound
from devices import life, service
from devices.model import Change, Move, Registration
from storage import series
from storage.queries import components, device_life, devices

router = APIRouter(tags=["devices"])
MOST_EVENTS = 200
NO_NUL = r"^[^\x00]*$"

Reason = Annotated[str, Field(max_length=2000, pattern=NO_NUL)]
LabelText = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]
Name = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class Event(BaseModel):
    """Something that happened to a device."""

    at: datetime
    actor: str = Field(description="Who; `ingest` = the first accepted reading.")
    kind: str = Field(description="`registered`, or the state it came to.")
    reason: str
    detail: dict[str, Any]


class Place(BaseModel):
    """A component a device stood on."""

    component_code: str
    since: datetime
    until: datetime | None = Field(description="Null: it stands there.")
    replaced_by: str | None


class NextStep(BaseModel):
    """A state a device may come to from where it is."""

    to: State
    needs_reason: bool
    needs_component: bool


class History(BaseModel):
    """A device's life, the newest first."""

    items: list[Event]
    places: list[Place]
    steps: list[NextStep]


class MoveCommand(BaseModel):
    """A step of a device's life."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    to: State
    reason: Reason = Field(default="", description="Why; must be said for maintenance, replaced and retired.")
    component_code: str = Field(
        default="", pattern="^([0-9]{16})?$", description="Where it is installed again after it was replaced."
    )


class ReplaceCommand(BaseModel):
    """Which device takes the place; one that is not registered yet is registered like the former."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    by: LabelText
    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=NO_NUL)]
    format: Name = "native"
    address: Name = Field(default="", description="Its name in that format; empty = its label.")
    codec: Name = ""


class Moved(BaseModel):
    """Where a device is in its life now."""

    label: str
    state: State


class Carried(BaseModel):
    """A device that a component carries or carried."""

    label: str
    profile: str
    state: State
    since: datetime
    until: datetime | None = Field(description="Null: it stands there now.")
    replaced_by: str | None


class CarriedDevices(BaseModel):
    """The devices of a component over time, the newest first."""

    items: list[Carried]


class Stretch(BaseModel):
    """What one device measured while it stood on the component."""

    device: str
    since: datetime
    until: datetime
    bucket_s: int
    points: list[tuple[int, float, float, float, int]] = Field(
        description="[start of bucket in epoch ms, min, mean, max, count]"
    )


class ComponentSeries(BaseModel):
    """One channel of a component over time, across the devices it carried."""

    component_code: str
    channel: str
    unit: str | None = Field(description="Null: none of its devices of that time has the channel.")
    stretches: list[Stretch]


@router.get("/devices/{label}/history")
async def show_device_history(label: Label, services: Use) -> History:
    """Show what happened to a device, where it stood, and which steps are possible from here."""
    async with services.reading() as conn:
        device = await devices.show(conn, label)
        if device is None:
            raise NotFound(f"no device {label}")
        events = await device_life.events(conn, label, limit=MOST_EVENTS)
        places = await device_life.places(conn, label)
    steps = [
        {"to": step.to, "needs_reason": step.needs_reason, "needs_component": step.stand is life.Stand.TAKES}
        for step in life.STEPS[life.State(device["state"])]
    ]
    items = [{**row, "reason": row["detail"].get("reason", "")} for row in events]
    return History.model_validate({"items": items, "places": places, "steps": steps})


@router.post("/devices/{label}/state")
async def move_device(label: Label, command: MoveCommand, services: Use, person: Person) -> Moved:
    """Move a device a step along its life; a step that is not listed is a conflict."""
    wanted = Move(label=label, to=life.State(command.to), component_code=command.component_code)
    by = Change(now=services.clock(), actor=person.name, reason=command.reason)
    async with services.writing() as conn:
        await service.move(conn, wanted, services.profiles, by)
    return Moved(label=label, state=command.to)


@router.post("/devices/{label}/replacement")
async def replace_device(label: Label, command: ReplaceCommand, services: Use, person: Person) -> Moved:
    """Put another device of the same type in a device's place; the component keeps the readings of both."""
    follower = Registration(
        label=command.by, profile="", format=command.format, address=command.address, codec=command.codec
    )
    by = Change(now=services.clock(), actor=person.name, reason=command.reason)
    async with services.writing() as conn:
        await service.replace(conn, label, follower, services.profiles, by)
    return Moved(label=command.by, state="installed")


@router.get("/components/{code}/devices")
async def list_component_devices(code: Code, services: Use) -> CarriedDevices:
    """List the devices that a component carries and carried, the newest first."""
    async with services.reading() as conn:
        rows = await device_life.stood_on(conn, code)
        if not rows and await components.show(conn, code) is None:
            raise NotFound(f"no component {code}")
    return CarriedDevices.model_validate({"items": rows})


@router.get("/components/{code}/readings")
async def list_component_readings(
    code: Code,
    services: Use,
    channel: Annotated[str, Query(max_length=64, examples=["tilt_deg"])],
    start: Annotated[Instant | None, Query(alias="from", description="Usual: 24 hours before `to`.")] = None,
    end: Annotated[Instant | None, Query(alias="to", description="Not included. Usual: now.")] = None,
    points: Annotated[int, Query(ge=2, le=5000, description="Most points of a stretch.")] = 400,
) -> ComponentSeries:
    """Give one channel of a component over time, across the devices it carried, each while it stood there."""
    until = end or services.clock()
    since = start or until - USUAL_SPAN
    if not timedelta(0) < until - since <= LONGEST_SPAN:
        raise InvalidInput(f"from: must be before to, and at most {LONGEST_SPAN.days} days before")
    async with services.reading() as conn:
        if await components.show(conn, code) is None:
            raise NotFound(f"no component {code}")
        carried = await device_life.carried(conn, code, channel, since, until)
        stretches = [await _stretch(conn, row, points) for row in carried]
    unit = carried[-1]["unit"] if carried else None
    return ComponentSeries(component_code=code, channel=channel, unit=unit, stretches=stretches)


async def _stretch(conn: Any, row: dict[str, Any], points: int) -> Stretch:
    question = series.Question(
        device_id=row["device_id"], position=row["position"], start=row["since"], end=row["until"], points=points
    )
    answer = await series.answer(conn, question)
    return Stretch(
        device=row["label"], since=row["since"], until=row["until"], bucket_s=answer.bucket_s, points=answer.points
    )
