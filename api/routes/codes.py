"""HTTP for codes of components: issue new ones, list those that were issued; and the editions of the catalogue."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from api import paging
from api.paging import Cursor, Limit, Page
from api.principal import Person
from api.services import Use
from components_registry import codes
from components_registry.codes import Request
from components_registry.departments import By
from components_registry.editions import Edition
from core.errors import Forbidden

router = APIRouter(tags=["catalogue"])

NO_NUL = r"^[^\x00]*$"
EditionId = Annotated[str, Path(pattern="^[0-9a-z-]{1,40}$")]


class CodesCommand(BaseModel):
    """How many codes of which class in which district."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    district_code: str = Field(pattern="^[0-9]{6}$")
    class_code: str = Field(pattern="^[0-9]{4,5}$", description="Of the city's edition.")
    count: StrictInt = Field(default=1, ge=1, le=codes.MOST)
    reason: str = Field(min_length=1, max_length=2000, pattern=NO_NUL, description="What for; kept with the codes.")


class IssuedCodes(BaseModel):
    """Codes that nobody has."""

    codes: list[str]


class IssuedCode(BaseModel):
    """A code that was issued."""

    code: str
    district_code: str
    class_code: str
    issued_at: datetime
    issued_by: str
    reason: str
    in_use: bool = Field(description="Whether a component has it.")


class CodePart(BaseModel):
    """Some of the 16 digits, and what they mean."""

    name: str
    first: int = Field(description="Counted from 1.")
    last: int
    meaning_zh: str
    meaning_en: str


class EditionItem(BaseModel):
    """An edition of the catalogue, and what it rests on."""

    edition: str
    catalogue_id: str
    title_zh: str
    title_en: str
    classes: int
    parts: list[CodePart]
    source: str
    certainty: str
    base: str | None = Field(description="The edition whose classes it has beside its own.")
    is_city: bool = Field(description="Whether the city's codes are of this edition.")


class Editions(BaseModel):
    """The editions there are."""

    items: list[EditionItem]


class EditionClass(BaseModel):
    """A class of an edition."""

    class_code: str
    name_zh: str
    name_en: str
    major_zh: str
    major_en: str
    geometry: str
    source: str
    certainty: str


class EditionClasses(BaseModel):
    """The classes of an edition, by code."""

    items: list[EditionClass]


class ClassSuccessor(BaseModel):
    """What a class became; a class that was divided stands there twice."""

    from_code: str
    to_code: str
    certainty: str
    source: str


class ClassSuccessors(BaseModel):
    """What the classes of an edition became."""

    items: list[ClassSuccessor]


@router.post("/codes")
async def issue_codes(command: CodesCommand, services: Use, person: Person) -> IssuedCodes:
    """Issue consecutive codes that nobody has: all of them or none."""
    seen = await services.extent()
    if seen is not None and not seen.covers(command.district_code, None):
        raise Forbidden(f"codes of {command.district_code} are issued by who holds the role in the whole district")
    asked = Request(
        district=command.district_code,
        class_code=command.class_code,
        count=command.count,
        catalogue=services.editions.catalogue,
    )
    by = By(actor=person.name, reason=command.reason, now=services.clock())
    async with services.writing() as conn:
        return IssuedCodes(codes=await codes.issue(conn, asked, by))


@router.get("/codes")
async def list_issued_codes(
    services: Use,
    *,
    district_code: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    class_code: Annotated[str | None, Query(pattern="^[0-9]{4,5}$")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[IssuedCode]:
    """List codes that were issued, and whether a component has them."""
    after = paging.decode("codes", cursor, tuple[str])[0] if cursor else None
    async with services.reading() as conn:
        rows = await codes.issued(conn, district=district_code, class_code=class_code, after=after, limit=limit + 1)
    items = [IssuedCode.model_validate(row) for row in rows[:limit]]
    return Page(items=items, next=paging.encode("codes", [items[-1].code]) if len(rows) > limit else None)


@router.get("/editions")
async def list_editions(services: Use) -> Editions:
    """List the editions of the catalogue: how 16 digits divide in each, and how sure that is."""
    known = services.editions
    return Editions(items=[_item(held, is_city=held.edition == known.city) for held in known.by_id.values()])


@router.get("/editions/{edition}/classes")
async def list_edition_classes(edition: EditionId, services: Use) -> EditionClasses:
    """List the classes of an edition."""
    classes = services.editions.edition(edition).catalogue.classes.values()
    return EditionClasses.model_validate({"items": [asdict(one) for one in classes]})


@router.get("/editions/{edition}/successors")
async def list_class_successors(
    edition: EditionId,
    services: Use,
    to: Annotated[str | None, Query(pattern="^[0-9a-z-]{1,40}$", description="Not given: the city's.")] = None,
) -> ClassSuccessors:
    """List what each class of an edition became in another one, from which source, and how sure that is."""
    found = services.editions.successors(edition, to or services.editions.city)
    return ClassSuccessors.model_validate({"items": [asdict(one) for one in found]})


def _item(held: Edition, *, is_city: bool) -> EditionItem:
    return EditionItem(
        edition=held.edition,
        catalogue_id=held.catalogue.catalogue_id,
        title_zh=held.title_zh,
        title_en=held.title_en,
        classes=len(held.catalogue.classes),
        parts=[CodePart.model_validate(asdict(part)) for part in held.parts],
        source=held.source,
        certainty=held.certainty,
        base=held.base or None,
        is_city=is_city,
    )
