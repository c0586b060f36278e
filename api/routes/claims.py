"""HTTP for factory-made devices that fetch their own identity. For devices, not for people: nobody is signed in."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.services import Use
from devices import claiming
from devices.claiming import Claim

router = APIRouter(prefix="/claims", tags=["devices"])

Word = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class ClaimCommand(BaseModel):
    """What a device knows from its factory."""

    model_config = ConfigDict(extra="forbid")

    batch: Word = Field(examples=["LOT-2026-11"])
    key: Word = Field(description="The batch's key.", examples=["k7Q..."])
    label: Word = Field(description="What its sticker says.", examples=["MC-000123"])


class Identity(BaseModel):
    """Its identity at the broker; nobody can read the password again."""

    label: str
    user_name: str = Field(description="Also the middle of its topics.")
    password: str


@router.post("", status_code=201)
async def claim_identity(body: ClaimCommand, request: Request, response: Response, services: Use) -> Identity:
    """Give a factory-made device its identity at the broker, once.

    403 tells nothing about what is wrong; 409 while the device is not registered yet (ask again later), or when it
    has an identity already.
    """
    come_from = request.client.host if request.client else ""
    wish = Claim(batch=body.batch, key=body.key, label=body.label, come_from=come_from)
    async with services.writing() as conn:
        issued = await claiming.claim(conn, wish, services.profiles, services.clock())
    response.headers["Cache-Control"] = "no-store"
    return Identity(label=issued.label, user_name=issued.user_name, password=issued.password)
