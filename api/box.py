"""The query parameter `bbox`: west,south,east,north in WGS 84 degrees, as in OGC API Features."""

import math
from typing import Annotated

from fastapi import Depends, Query

from core.errors import InvalidInput

Box = dict[str, float | None]
NOWHERE: Box = {"west": None, "south": None, "east": None, "north": None}


def parse(bbox: str) -> Box:
    """Give the four sides; raises `InvalidInput` saying what is wrong with them."""
    try:
        sides = [float(side) for side in bbox.split(",")]
    except ValueError:
        raise InvalidInput(f"bbox: {bbox!r} is not four numbers: west,south,east,north") from None
    if len(sides) != 4 or not all(math.isfinite(side) for side in sides):
        raise InvalidInput(f"bbox: {bbox!r} is not four numbers: west,south,east,north")
    west, south, east, north = sides
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidInput("bbox: must be west <= east within -180..180 and south <= north within -90..90 (lon, lat)")
    return {"west": west, "south": south, "east": east, "north": north}


def _box(
    bbox: Annotated[
        str | None,
        Query(max_length=200, description="west,south,east,north in degrees", examples=["118.1,39.6,118.2,39.7"]),
    ] = None,
) -> Box:
    return parse(bbox) if bbox else NOWHERE


BoxQuery = Annotated[Box, Depends(_box)]
