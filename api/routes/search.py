"""HTTP for search: what a few letters or digits may mean, best first, each with a place to fly to."""

import unicodedata
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.services import Use
from storage.queries import search

router = APIRouter(tags=["search"])

Kind = Literal["component", "device", "incident", "street", "area", "grid", "department"]
Text = Annotated[
    str,
    Query(
        min_length=1,
        max_length=64,
        description="A code or its beginning, the beginning or end of a device's label, a case number, or a part of the"
        " name of a component, street, area, grid or department (unit).",
        examples=["新华道"],
    ),
]
ORDER = ("incident", "device", "street", "area", "department", "grid", "component")
"""Among hits that match equally well: what is rarer first."""


class Hit(BaseModel):
    """Something the text may mean."""

    kind: Kind
    id: str = Field(description="Code, label, number: what other operations call it by.")
    title_zh: str
    title_en: str
    note_zh: str = Field(description="What it is or belongs to.")
    note_en: str
    match_zh: tuple[int, int] | None = Field(description="Where in `title_zh` the text is: start, end (characters).")
    match_en: tuple[int, int] | None
    lon: float | None = Field(description="Where to fly to; null for a department without components.")
    lat: float | None
    box: tuple[float, float, float, float] | None = Field(description="west,south,east,north of what has an extent.")


class Hits(BaseModel):
    """Hits, best first."""

    items: list[Hit]


@router.get("/search")
async def search_city(
    services: Use, q: Text, limit: Annotated[int, Query(ge=1, le=50, description="Most hits.")] = 20
) -> Hits:
    """Find components, devices, incidents, streets, areas, grids and departments by code, label, number or name."""
    text = fold(q)
    if not text:
        return Hits(items=[])
    async with services.reading() as conn:
        rows = await search.find(conn, text, limit)
    return Hits(items=ranked([_hit(row, text) for row in rows], limit))


def fold(text: str) -> str:
    """Give a text as it is compared: full-width letters and digits are the same as plain ones, case does not matter."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def ranked(hits: list[Hit], limit: int) -> list[Hit]:
    """Give the best hits: the whole title, its beginning, a part of it, something else; each thing once."""
    seen: dict[tuple[str, str], Hit] = {}
    for hit in sorted(hits, key=_rank):
        seen.setdefault((hit.kind, hit.id), hit)
    return list(seen.values())[:limit]


def _rank(hit: Hit) -> tuple[int, int, int, str, str]:
    quality = min(_quality(hit.match_zh, hit.title_zh), _quality(hit.match_en, hit.title_en))
    return quality, ORDER.index(hit.kind), min(len(hit.title_zh), len(hit.title_en)), hit.title_zh, hit.id


def _quality(match: tuple[int, int] | None, title: str) -> int:
    if match is None:
        return 3
    return 0 if match == (0, len(title)) else 1 if match[0] == 0 else 2


def _hit(row: dict[str, Any], text: str) -> Hit:
    box = (row["west"], row["south"], row["east"], row["north"]) if row.get("west") is not None else None
    return Hit.model_validate(
        {**row, "box": box, "match_zh": _match(row["title_zh"], text), "match_en": _match(row["title_en"], text)}
    )


def _match(title: str, text: str) -> tuple[int, int] | None:
    start = title.lower().find(text)
    return (start, start + len(text)) if start >= 0 else None
