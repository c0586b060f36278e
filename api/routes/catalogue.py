"""HTTP for what classifies: component classes."""

from typing import Literal

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.caching import NOT_MODIFIED, conditional
from api.services import Use
from storage.queries import components

router = APIRouter(tags=["catalogue"])
CLASSES_KEPT_S = 300


class ComponentClass(BaseModel):
    """One class of the catalogue of urban components."""

    catalogue_id: str
    class_code: str
    major_zh: str
    major_en: str
    name_zh: str
    name_en: str
    geometry_kind: Literal["point", "line", "polygon"]
    subsystem: str
    department_zh: str
    department_en: str
    source: str
    certainty: str


class Classes(BaseModel):
    """The whole catalogue."""

    items: list[ComponentClass]


@router.get("/classes", response_model=Classes, responses=NOT_MODIFIED)
async def list_classes(request: Request, services: Use) -> Response:
    """List the component classes of the loaded catalogue, each with its source and how certain it is."""
    async with services.reading() as conn:
        rows = await components.classes(conn)
    body = msgspec.json.encode({"items": rows})
    return conditional(request, body, media_type="application/json", max_age_s=CLASSES_KEPT_S)
