"""What a request for items asks: its parameters become a selection of the layer."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.ogc.systems import system_of
from api.problems import UnknownParameter
from core.errors import InvalidInput
from storage.layers import cql, temporal
from storage.layers.conditions import Conditions
from storage.layers.model import Layer
from storage.layers.query import Selection

MOST_ITEMS = 10_000
"""Of one page: 548,000 components are 55 pages. A larger limit is taken for this one, as the standard asks."""
DEFAULT_ITEMS = 100
Box = tuple[float, float, float, float]


class Asked(BaseModel):
    """The standard's parameters."""

    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    limit: int = Field(DEFAULT_ITEMS, ge=1, description=f"Most items in the answer; over {MOST_ITEMS} means that many.")
    cursor: str | None = Field(None, max_length=200, description="From a page's link `next`.")
    bbox: str | None = Field(
        None, max_length=300, description="West, south, east, north (or six numbers), in `bbox-crs`."
    )
    bbox_crs: str | None = Field(None, alias="bbox-crs", max_length=100, description="URI; default CRS84.")
    datetime: str | None = Field(
        None,
        max_length=100,
        description="A moment, or an interval `begin/end`; `..` is open. Features without time match.",
    )
    filter: str | None = Field(None, max_length=cql.MOST_CHARACTERS, description="CQL2 over the queryables.")
    filter_lang: cql.Language = Field("cql2-text", alias="filter-lang", description="`cql-text` is an older name.")
    filter_crs: str | None = Field(
        None, alias="filter-crs", max_length=100, description="URI of the geometries in `filter`; default CRS84."
    )
    crs: str | None = Field(None, max_length=100, description="URI of the answer's coordinates; default CRS84.")
    result_type: str = Field(
        "results", alias="resultType", pattern="^(results|hits)$", description="`hits`: only how many there are."
    )


NAMES = frozenset(field.alias or name for name, field in Asked.model_fields.items())


def asked_of(given: Mapping[str, str]) -> Asked:
    """Give the standard's parameters of a query; raises `InvalidInput` (400, as the standard asks) for a wrong one."""
    try:
        return Asked.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(f"{'/'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:3])
        raise InvalidInput(wrong) from error


def selection(layer: Layer, asked: Asked, others: Iterable[tuple[str, str]], clock: Mapping[str, object]) -> Selection:
    """Give what is selected; `others` are the query's parameters, of which those that name a property filter by it.

    Raises: `UnknownParameter`, `InvalidInput` for a value that makes no sense.
    """
    system = system_of(asked.filter_crs, "filter-crs")
    made = Conditions(layer, srid=system.srid, is_flipped=system.is_flipped)
    chosen = [made.equals(layer.by_name[name], value) for name, value in others if _is_property(layer, name)]
    if asked.bbox is not None:
        boxes, srid = boxes_of(asked.bbox, asked.bbox_crs)
        chosen.append(made.near(boxes, srid))
    if asked.datetime is not None:
        chosen.append(made.during(*interval_of(asked.datetime)))
    if asked.filter is not None:
        chosen.append(made.of(cql.parse(asked.filter, asked.filter_lang)))
    return Selection(layer=layer, clock=clock, conditions=tuple(chosen), values=made.values)


def boxes_of(bbox: str, crs: str | None) -> tuple[list[Box], int]:
    """Give the box, or the two of one that crosses the antimeridian, as (west, south, east, north), and the SRID."""
    system = system_of(crs, "bbox-crs")
    try:
        sides = [float(side) for side in bbox.split(",")]
    except ValueError:
        sides = []
    if len(sides) not in {4, 6} or not all(math.isfinite(side) for side in sides):
        raise InvalidInput(f"bbox: {bbox[:80]!r} is not four or six numbers: west,south,east,north")
    if len(sides) == 6:
        sides = [sides[0], sides[1], sides[3], sides[4]]
    west, south, east, north = [sides[1], sides[0], sides[3], sides[2]] if system.is_flipped else sides
    if south > north:
        raise InvalidInput("bbox: its south lies north of its north")
    if not system.is_metric and (abs(south) > 90 or abs(north) > 90 or max(abs(west), abs(east)) > 180):
        raise InvalidInput("bbox: longitudes lie within -180..180, latitudes within -90..90")
    if west <= east:
        return [(west, south, east, north)], system.srid
    if system.is_metric:
        raise InvalidInput("bbox: its west lies east of its east")
    return [(west, south, 180.0, north), (-180.0, south, east, north)], system.srid


def interval_of(text: str) -> tuple[datetime | None, datetime | None]:
    """Give the beginning and end of `datetime`; None = open."""
    begin, slash, end = text.partition("/")
    if not slash:
        at = temporal.moment(begin)
        return at, at
    first, last = (None if side in {"", ".."} else temporal.moment(side) for side in (begin, end))
    if first is None and last is None:
        raise InvalidInput("datetime: an interval has a beginning or an end")
    if first is not None and last is not None and first > last:
        raise InvalidInput("datetime: the interval ends before it begins")
    return first, last


def _is_property(layer: Layer, name: str) -> bool:
    if name in NAMES:
        return False
    if name not in layer.by_name:
        possible = ", ".join(sorted({*NAMES, *layer.by_name}))
        raise UnknownParameter(f"{name!r} is not a parameter of {layer.name}; there are: {possible}")
    return True
