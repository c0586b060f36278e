"""HTTP for citizens: the facilities a city opens to everybody, and a map under them. Nobody needs an account.

What is open stands in the city's list (`components_registry.public_places`); nothing else of a component is told. All
open places are read once a minute, so however many ask, the database hardly notices.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from api.box import Box, BoxQuery
from api.caching import NOT_MODIFIED, Packed, VectorTile, conditional_packed
from api.services import Services, Use
from core.errors import InvalidInput, NotFound
from storage.queries import public_places

KEPT_S = 60
TILE_KEPT_S = 300
METRES_A_DEGREE = 111_195.0
OPEN_TO_ALL = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Other sites may read these answers: there is nothing in them that is anybody's."""


def _counted(request: Request, services: Use) -> None:
    """Refuse an address that asks too often."""
    services.public_rate.take(request.client.host if request.client else "")


router = APIRouter(prefix="/public", tags=["public"], dependencies=[Depends(_counted)])


class PublicKind(BaseModel):
    """A kind of places."""

    kind: str
    name_zh: str
    name_en: str
    count: int = Field(description="How many are open now.")


class PublicKinds(BaseModel):
    """The kinds the city opens, those without a place left out."""

    items: list[PublicKind]
    box: tuple[float, float, float, float] | None = Field(
        description="west,south,east,north of all places; null without any."
    )


class PublicPlace(BaseModel):
    """A place everybody may know of."""

    kind: str
    name: str | None = Field(description="Null where the city does not tell it.")
    lon: float
    lat: float
    street_zh: str | None
    street_en: str | None
    community_zh: str | None
    community_en: str | None
    distance_m: int | None = Field(description="From `near`, as the crow flies; null without it.")


class PublicPlaceList(BaseModel):
    """Places, the nearest first when `near` was given."""

    items: list[PublicPlace]
    more: bool = Field(description="There are more than `limit`.")


@dataclass(frozen=True, slots=True)
class _Open:
    """Everything that is open, ready to be asked."""

    places: list[dict[str, Any]]
    kind: NDArray[np.str_]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


@router.get("/kinds", response_model=PublicKinds, responses=NOT_MODIFIED)
async def list_public_kinds(request: Request, services: Use) -> Response:
    """List the kinds of places that are open to everybody."""
    found = await _open(services)
    counts = {kind.kind: int((found.kind == kind.kind).sum()) for kind in services.public_places.kinds}
    items = [
        {"kind": kind.kind, "name_zh": kind.name_zh, "name_en": kind.name_en, "count": counts[kind.kind]}
        for kind in services.public_places.kinds
        if counts[kind.kind]
    ]
    lon, lat = found.lon, found.lat
    box = [float(side) for side in (lon.min(), lat.min(), lon.max(), lat.max())] if len(lon) else None
    return await _json(request, {"items": items, "box": box})


@router.get("/places", response_model=PublicPlaceList, responses=NOT_MODIFIED)
async def list_public_places(
    request: Request,
    services: Use,
    *,
    box: BoxQuery,
    kind: Annotated[list[str] | None, Query(max_length=50, description="Only these kinds.")] = None,
    near: Annotated[
        str | None,
        Query(max_length=60, description="lon,lat in degrees: nearest first", examples=["118.18,39.63"]),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Most places.")] = 50,
) -> Response:
    """List places open to everybody: those in a box, of some kinds, nearest to a point first."""
    found = await _open(services)
    chosen = np.flatnonzero(_inside(found, box) & (np.isin(found.kind, kind) if kind else True))
    away_m = None
    if near:
        away_m = _away_m(found, *_point(near))
        chosen = chosen[np.argsort(away_m[chosen], kind="stable")]
    items = [
        {**found.places[at], "distance_m": None if away_m is None else round(float(away_m[at]))}
        for at in chosen[:limit]
    ]
    return await _json(request, {"items": items, "more": len(chosen) > limit})


@router.get("/tiles/{z}/{x}/{y}.mvt", response_class=VectorTile, responses=NOT_MODIFIED)
async def get_public_tile(
    request: Request,
    services: Use,
    z: Annotated[int, Path(ge=0, le=22)],
    x: Annotated[int, Path(ge=0, lt=2**22)],
    y: Annotated[int, Path(ge=0, lt=2**22)],
) -> Response:
    """Give a tile of the public map.

    Layers `districts` and `streets` (names), `grids` (outlines, from zoom 15), `places` (`kind`, from zoom 13).
    """
    if x >= 2**z or y >= 2**z:
        raise NotFound(f"zoom {z} has tiles 0 to {2**z - 1}; there is no {x}/{y}")
    opened = services.public_places

    async def draw() -> Packed:
        kinds = {code: kind.kind for code, kind in opened.by_class().items()}
        async with services.reading() as conn:
            body = await public_places.tile(conn, z, x, y, catalogue=opened.catalogue, kinds=kinds)
        return await Packed.of(body)

    packed = await services.memo.get(("public", z, x, y), TILE_KEPT_S, draw)
    return _shared(
        conditional_packed(request, packed, media_type=VectorTile.media_type, max_age_s=TILE_KEPT_S, public=True)
    )


async def _open(services: Services) -> _Open:
    opened = services.public_places
    by_class = opened.by_class()

    async def read() -> _Open:
        async with services.reading() as conn:
            rows = await public_places.find_open(conn, opened.catalogue, list(by_class))
        places = [_place(row, by_class[row[0]].kind, by_class[row[0]].shows) for row in rows]
        return _Open(
            places,
            np.array([place["kind"] for place in places], dtype=np.str_),
            np.array([row[2] for row in rows], dtype=np.float64),
            np.array([row[3] for row in rows], dtype=np.float64),
        )

    return await services.memo.get("public places", KEPT_S, read)


def _place(row: tuple[Any, ...], kind: str, shows: tuple[str, ...]) -> dict[str, Any]:
    _, name, lon, lat, *address = row
    told = address if "address" in shows else [None] * 4
    keys = ("street_zh", "street_en", "community_zh", "community_en")
    return {
        "kind": kind,
        "name": name if "name" in shows else None,
        "lon": round(lon, 6),
        "lat": round(lat, 6),
        **{key: part or None for key, part in zip(keys, told, strict=True)},
    }


def _inside(found: _Open, box: Box) -> NDArray[np.bool_]:
    west, south, east, north = box["west"], box["south"], box["east"], box["north"]
    if west is None or south is None or east is None or north is None:
        return np.ones(len(found.lon), dtype=np.bool_)
    return (found.lon >= west) & (found.lon <= east) & (found.lat >= south) & (found.lat <= north)


def _away_m(found: _Open, lon: float, lat: float) -> NDArray[np.float64]:
    """Give distances on a plane that touches the point: right to a thousandth within a city."""
    return METRES_A_DEGREE * np.hypot((found.lon - lon) * np.cos(np.radians(lat)), found.lat - lat)


def _point(near: str) -> tuple[float, float]:
    try:
        lon, lat = (float(part) for part in near.split(","))
    except ValueError:
        raise InvalidInput(f"near: {near!r} is not two numbers: lon,lat") from None
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise InvalidInput("near: must be lon within -180..180, lat within -90..90")
    return lon, lat


async def _json(request: Request, content: object) -> Response:
    packed = await Packed.of(msgspec.json.encode(content))
    return _shared(conditional_packed(request, packed, media_type="application/json", max_age_s=KEPT_S, public=True))


def _shared(response: Response) -> Response:
    response.headers.update(OPEN_TO_ALL)
    return response
