"""HTTP for what a device is and says: maker, model and firmware noted by a person, and its last message."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.principal import Person
from api.routes.devices import Label
from api.services import Use
from core.errors import NotFound
from devices import describing
from devices.about import LONGEST
from devices.last_message import shown
from devices.model import Change
from storage import device_messages
from storage.queries import devices

router = APIRouter(prefix="/devices", tags=["devices"])

Word = Annotated[str, Field(max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")]


class AboutGiven(BaseModel):
    """What a device is; a word that is left out stays, an empty one is taken back."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    maker: Word | None = None
    model: Word | None = None
    serial: Word | None = None
    hardware: Word | None = None
    firmware: Word | None = None


class DescribeCommand(AboutGiven):
    """What somebody says of a device, and why."""

    reason: str = Field(default="", max_length=2000, pattern=r"^[^\x00]*$")


class Described(BaseModel):
    """The device that was described."""

    label: str
    maker: str
    model: str
    serial: str
    hardware: str
    firmware: str


class Message(BaseModel):
    """A message of a device as it came."""

    received_at: datetime
    topic: str
    format: str = Field(description="What the device is registered to speak.")
    encoding: str = Field(description="`text`, or `hex` for bytes that are none; `hidden`: it speaks for others too.")
    payload: str
    bytes: int = Field(description="Length as it came.")
    truncated: bool
    refused: str | None = Field(description="Why it, or this device's part of it, was refused; null = accepted.")
    is_followed: bool = Field(description="The device was heard since: at most one message a minute is kept.")


class LastMessage(BaseModel):
    """What a device sent last."""

    message: Message | None = Field(description="Null: none was kept yet.")


@router.patch("/{label}/about")
async def describe_device(label: Label, command: DescribeCommand, services: Use, person: Person) -> Described:
    """Note what a device is: maker, model, serial number, hardware, firmware."""
    words = command.model_dump(exclude={"reason"}, exclude_none=True)
    by = Change(now=services.clock(), actor=person.name, reason=command.reason)
    async with services.writing() as conn:
        await describing.describe(conn, label, words, by)
        row = await devices.show(conn, label)
    return Described.model_validate(row)


@router.get("/{label}/last-message")
async def show_last_message(label: Label, services: Use) -> LastMessage:
    """Show the last message of a device as it came; at most a minute old while it sends and ingest keeps up."""
    async with services.reading() as conn:
        row = await device_messages.last(conn, label)
        if row is None and await devices.show(conn, label) is None:
            raise NotFound(f"no device {label}")
    if row is None:
        return LastMessage(message=None)
    return LastMessage.model_validate({"message": shown(row, label, sees_all=services.scope is None)})
