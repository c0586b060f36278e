"""GeoJSON (RFC 7946): longitude, latitude, WGS 84, seven decimals. Values only; files are somebody else's."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from core.errors import InvalidInput

DECIMALS = 7
"""Of a degree: about a centimetre."""


def feature(geometry: BaseGeometry, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Give one Feature; coordinates are rounded to `DECIMALS`."""
    rounded = shapely.transform(geometry, lambda xy: np.round(xy, DECIMALS))
    return {"type": "Feature", "properties": dict(properties), "geometry": mapping(rounded)}


def collection(features: Iterable[Mapping[str, Any]], **members: Any) -> dict[str, Any]:
    """Give a FeatureCollection; `members` are foreign members beside `features`."""
    return {"type": "FeatureCollection", **members, "features": list(features)}


def features_of(document: Any, name: str) -> Sequence[Mapping[str, Any]]:
    """Give the features of a parsed FeatureCollection.

    Raises: `InvalidInput` naming `name` when it is something else.
    """
    features = document.get("features") if isinstance(document, Mapping) else None
    if not isinstance(features, list):
        raise InvalidInput(f"{name} is not a GeoJSON FeatureCollection")
    return features


def geometries_of(features: Sequence[Mapping[str, Any]]) -> NDArray[np.object_]:
    """Give the shapely geometry of each feature, None where it is absent or cannot be read."""
    found = np.full(len(features), None, dtype=np.object_)
    for position, item in enumerate(features):
        try:
            found[position] = shape(item["geometry"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, shapely.errors.ShapelyError):
            continue
    return found
