"""HTTP for what devices are told to do, and what became of it."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field

from api import paging
from api.paging import Cursor, Limit, Page
from api.principal import Person
from api.services import Use
from core.errors import NotFound
from devices import command as orders
from devices import commands
from devices.commands import Wish
from devices.model import Change
from storage.queries import devices

router = APIRouter(prefix="/devices/{label}/commands", tags=["devices"])

NO_NUL = r"^[^\x00]*$"
Label = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,64}$")]
Number = Annotated[int, Path(ge=1, le=commands.NEWEST)]


class Argument(BaseModel):
    """A number that a command takes."""

    name: str
    unit: str = Field(description="UCUM.")
    min: float
    max: float
    name_zh: str
    name_en: str


class Possible(BaseModel):
    """Something a device of this type can be told."""

    name: str
    name_zh: str
    name_en: str
    arguments: list[Argument]


class GiveCommand(BaseModel):
    """What the device is to do, why, and how long that counts."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    command: str = Field(min_length=1, max_length=64, pattern=NO_NUL, examples=["lamp_dim"])
    arguments: dict[str, float] = Field(default={}, max_length=16, examples=[{"dimming_pct": 60}])
    reason: str = Field(default="", max_length=2000, pattern=NO_NUL, description="Why; kept in the audit log.")
    life_s: float = Field(
        default=orders.USUAL_LIFE.total_seconds(),
        ge=orders.LEAST_LIFE.total_seconds(),
        le=orders.LONGEST_LIFE.total_seconds(),
        description="Seconds after which it no longer counts; a device that sleeps needs longer.",
    )


class Order(BaseModel):
    """A command that was given."""

    command_id: int
    label: str
    command: str
    arguments: dict[str, float]
    state: Literal["waiting", "sent", "done", "refused", "expired", "cancelled"]
    reason: str
    requested_at: datetime
    requested_by: str
    expires_at: datetime
    tries: int = Field(description="How often it was sent; a device knows it by its number.")
    sent_at: datetime | None = Field(description="When it was sent last.")
    answered_at: datetime | None
    answer: str | None = Field(description="Why the device refused it, or who cancelled it.")


class Given(BaseModel):
    """The number of a command that was given."""

    command_id: int


@router.get("/possible")
async def list_possible_commands(label: Label, services: Use) -> list[Possible]:
    """List what the device can be told; empty = nothing."""
    async with services.reading() as conn:
        profile = services.profiles.get(await _profile(conn, label))
    return [
        Possible(
            name=it.name,
            name_zh=it.name_zh,
            name_en=it.name_en,
            arguments=[Argument.model_validate(argument, from_attributes=True) for argument in it.argument],
        )
        for it in (profile.commands if profile else ())
    ]


@router.get("")
async def list_commands(label: Label, services: Use, limit: Limit = 20, cursor: Cursor = None) -> Page[Order]:
    """List what the device was told, the newest first."""
    before = paging.decode("commands", cursor, tuple[int])[0] if cursor else commands.NEWEST
    async with services.reading() as conn:
        await _profile(conn, label)
        rows = await commands.listing(conn, label, before=before, limit=limit + 1)
    items = [Order.model_validate(row) for row in rows[:limit]]
    return Page(items=items, next=paging.encode("commands", [items[-1].command_id]) if len(rows) > limit else None)


@router.post("", status_code=201)
async def give_command(label: Label, body: GiveCommand, services: Use, person: Person) -> Given:
    """Tell a device to do something; what became of it stands in its list of commands."""
    wish = Wish(
        label=label,
        command=body.command,
        arguments=body.arguments,
        reason=body.reason,
        life=timedelta(seconds=body.life_s),
    )
    async with services.writing() as conn:
        number = await commands.give(conn, wish, services.profiles, Change(now=services.clock(), actor=person.name))
    return Given(command_id=number)


@router.post("/{number}/cancel")
async def cancel_command(label: Label, number: Number, services: Use, person: Person) -> Given:
    """End a command that has no answer yet; a device that heard it before may still do it."""
    async with services.writing() as conn:
        await commands.cancel(conn, label, number, Change(now=services.clock(), actor=person.name))
    return Given(command_id=number)


async def _profile(conn: AsyncConnection, label: str) -> str:
    """Give a device's type; raises `NotFound` when there is no such device."""
    row = await devices.show(conn, label)
    if row is None:
        raise NotFound(f"There is no device {label}.")
    return str(row["profile"])
