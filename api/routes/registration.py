"""HTTP for registration in the street: what stands around, and the device in somebody's hand on one of it."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.principal import Person
from api.reach import reach_of
from api.routes.device_about import AboutGiven
from api.services import Use
from devices import street
from devices.about import About
from devices.life import AT_ITS_PLACE
from devices.model import Change, Registration
from devices.naming import NATIVE
from devices.placing import Placing, Position
from storage.queries import near

router = APIRouter()
MOST_INSTALL = 20

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern="^[A-Za-z0-9_-]{8,64}$",
        description="The same for every try to send one registration, e.g. a UUID.",
    ),
]
Label = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="What the sticker says.")]
ComponentCode = Annotated[str, Field(pattern="^([0-9]{16})?$", description="Empty: it stands on none (a vehicle).")]
InstallName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,40}$")]
InstallValue = float | bool | Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class PhonePosition(BaseModel):
    """Where the phone says it is."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    accuracy_m: float = Field(ge=0, le=100_000, description="Radius in which it is with 95 % certainty.")
    moved: bool = Field(default=False, description="The person moved the mark on the map.")


class RegisterCommand(BaseModel):
    """A device, the component it stands on, and how it was installed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    label: Label
    profile: str = Field(max_length=64, description="Device type.")
    component_code: ComponentCode = ""
    position: PhonePosition | None = Field(default=None, description="Needed without a component.")
    district_code: str = Field(default="", pattern="^([0-9]{6})?$", description="Needed without a component.")
    interval_s: float | None = Field(default=None, gt=0, le=31_536_000, description="Default: the type's.")
    install: dict[InstallName, InstallValue] = Field(
        default={}, max_length=MOST_INSTALL, description="Install parameters of the type, such as the initial angle."
    )
    about: AboutGiven = Field(default=AboutGiven(), description="What it is, as far as its plate says it.")
    replaces: str = Field(default="", pattern="^[A-Za-z0-9_-]{0,64}$", description="The device taken down for it.")
    insists: list[Literal["far_from_component", "not_in_batch"]] = Field(
        default=[], max_length=5, description="Warnings that the person has read and overrules."
    )


class InstallParameter(BaseModel):
    """What whoever installs a device notes on the spot."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    unit: str = Field(description="UCUM.")
    min: float
    max: float
    default: float | None
    name_zh: str
    name_en: str


class Fitting(BaseModel):
    """What must be known of a device type to install one."""

    model_config = ConfigDict(from_attributes=True)

    profile: str
    name_zh: str
    name_en: str
    interval_s: float
    classes: list[str] = Field(description="Component classes it may stand on; empty = it stands on none.")
    install: list[InstallParameter]


class Fittings(BaseModel):
    """Every device type, as an installer needs it."""

    items: list[Fitting]


class Registered(BaseModel):
    """What became of a registration."""

    label: str
    replaced: str | None = Field(description="The device that was taken down for it.")
    repeated: bool = Field(description="It had been registered with this key before.")


class Carried(BaseModel):
    """A device on a component."""

    label: str
    profile: str


class NearComponent(BaseModel):
    """A component near a point."""

    code: str
    class_code: str
    class_zh: str
    class_en: str
    name: str
    state: str
    district_code: str
    distance_m: float
    lon: float
    lat: float
    devices: list[Carried]


class Near(BaseModel):
    """The components around a point, the nearest first."""

    as_of: datetime
    items: list[NearComponent]


@router.get("/components/near", tags=["components"])
async def list_near_components(  # one argument a parameter
    services: Use,
    *,
    lon: Annotated[float, Query(ge=-180, le=180)],
    lat: Annotated[float, Query(ge=-90, le=90)],
    radius: Annotated[float, Query(gt=0, le=1000, description="Metres.")] = 100,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    profile: Annotated[str | None, Query(max_length=64, description="Only classes this type may stand on.")] = None,
) -> Near:
    """List the components around a point with the devices they carry, the nearest first."""
    known = services.profiles.get(profile) if profile else None
    asked = {
        "lon": lon,
        "lat": lat,
        "radius_m": radius,
        "limit": limit,
        "classes": list(known.classes) if known else None,
        "at_its_place": [state.value for state in AT_ITS_PLACE],
    }
    async with services.reading() as conn:
        rows = await near.near(conn, asked)
    return Near(as_of=services.clock(), items=[NearComponent.model_validate(row) for row in rows])


@router.get("/devices/fittings", tags=["devices"])
async def list_fittings(services: Use) -> Fittings:
    """List the device types with the classes they may stand on and what an installer notes."""
    return Fittings(items=[Fitting.model_validate(profile) for profile in services.profiles.values()])


@router.post(
    "/devices",
    status_code=201,
    tags=["devices"],
    responses={200: {"model": Registered, "description": "It had been registered with this key before."}},
)
async def register_device(  # what a request says, each in its place
    command: RegisterCommand, services: Use, person: Person, key: Key, request: Request, response: Response
) -> Registered:
    """Register the device in somebody's hand; asked again with the same key, the answer is the same (200).

    A refusal (409 `registration-refused`) says why in one word, `reason`, and with what, `facts`.
    """
    by = Change(now=services.clock(), actor=person.name)
    async with services.writing() as conn:
        done = await street.register(conn, _placing(command, key), services.profiles, by, reach_of(request))
    response.status_code = 200 if done.repeated else 201
    return Registered(label=done.label, replaced=done.replaced, repeated=done.repeated)


def _placing(command: RegisterCommand, key: str) -> Placing:
    at = command.position
    free = at if at and not command.component_code else None
    row = Registration(
        label=command.label,
        profile=command.profile,
        component_code=command.component_code,
        district_code=command.district_code,
        lon_deg=free.lon if free else None,
        lat_deg=free.lat if free else None,
        interval_s=command.interval_s,
        install=dict(command.install),
        format=NATIVE,
        about=About(**{word: said or "" for word, said in command.about.model_dump().items()}),
    )
    return Placing(
        row=row,
        key=key,
        position=Position(lon_deg=at.lon, lat_deg=at.lat, accuracy_m=at.accuracy_m, moved=at.moved) if at else None,
        replaces=command.replaces,
        insists=frozenset(command.insists),
    )
