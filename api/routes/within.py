"""HTTP for many components at once: those inside a box or polygon, as columns."""

from collections.abc import Mapping
from typing import Annotated, Any

import shapely
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt
from shapely.errors import ShapelyError
from shapely.geometry import shape

from api.box import parse
from api.routes.components import State
from api.services import Services, Use
from core.errors import InvalidInput
from storage.queries import within

router = APIRouter(prefix="/components", tags=["components"])

Code = Annotated[str, Field(pattern="^[0-9]{4,5}$")]


class ComponentColumns(BaseModel):
    """Components as columns of one length: the first values of each make the first component, and so on."""

    count: int
    code: list[str]
    class_code: list[str]
    state: list[State]
    lon: list[float]
    lat: list[float]


class Region(BaseModel):
    """A polygon, and what of it is wanted."""

    model_config = ConfigDict(extra="forbid")

    geometry: dict[str, Any] = Field(
        description="GeoJSON Polygon or MultiPolygon, WGS 84.",
        examples=[{"type": "Polygon", "coordinates": [[[118.1, 39.6], [118.2, 39.6], [118.2, 39.7], [118.1, 39.6]]]}],
    )
    class_code: list[Code] | None = Field(default=None, max_length=200, description="Only these classes.")
    state: list[State] | None = Field(default=None, description="Only these states.")
    department_id: StrictInt | None = Field(default=None, description="Competent department, owner or maintainer.")


@router.get("/within", response_model=ComponentColumns)
async def list_components_in_box(
    services: Use,
    *,
    bbox: Annotated[
        str, Query(max_length=200, description="west,south,east,north in degrees", examples=["118.1,39.6,118.2,39.7"])
    ],
    class_code: Annotated[list[Code] | None, Query(max_length=200, description="Only these classes.")] = None,
    state: Annotated[list[State] | None, Query(description="Only these states.")] = None,
    department_id: Annotated[int | None, Query(description="Competent department, owner or maintainer.")] = None,
) -> Response:
    """List every component that touches a box, up to 10,000, as columns: for maps and programs that want them all."""
    given = {**parse(bbox), "class_code": class_code, "state": state, "department_id": department_id}
    return await _answer(services, given)


@router.post("/within", response_model=ComponentColumns)
async def list_components_in_polygon(services: Use, region: Region) -> Response:
    """List every component that touches a polygon, up to 10,000, as columns."""
    given = {
        "polygon": _polygon(region.geometry),
        "class_code": region.class_code,
        "state": region.state,
        "department_id": region.department_id,
    }
    return await _answer(services, given)


async def _answer(services: Services, given: Mapping[str, object]) -> Response:
    async with services.reading() as conn:
        text = await within.columns(conn, given)
    if text is None:
        raise InvalidInput(
            f"more than {within.MOST:,} components lie there: take a smaller area, or name class_code or state"
        )
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})


def _polygon(geometry: dict[str, Any]) -> bytes:
    """Give a polygon as WKB; raises `InvalidInput` saying what is wrong with it."""
    if geometry.get("type") not in {"Polygon", "MultiPolygon"}:
        raise InvalidInput("geometry: must be a GeoJSON Polygon or MultiPolygon")
    try:
        area = shape(geometry)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ShapelyError):
        raise InvalidInput("geometry: its coordinates are not those of a polygon") from None
    if area.is_empty or not area.is_valid:
        raise InvalidInput(f"geometry: {'is empty' if area.is_empty else shapely.is_valid_reason(area)}")
    west, south, east, north = area.bounds
    if not (west >= -180 and south >= -90 and east <= 180 and north <= 90):
        raise InvalidInput("geometry: must lie within -180..180 and -90..90 (lon, lat)")
    return shapely.to_wkb(shapely.force_2d(area))
