"""Mutes as they are written: `inhibit_rules` of a rule file, and the areas and times of a silence. Pure."""

import json
from collections.abc import Mapping
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from alerts import matcher, notation, schedulefile
from alerts.matcher import Matcher
from alerts.mute import InhibitRule
from alerts.notation import Entry
from alerts.schedule import Schedule
from core.errors import InvalidInput

LABEL = r"[A-Za-z_][A-Za-z0-9_]*"
MOST_POINTS = 1000
"""Of a silence's polygon (our choice)."""


def inhibit_rules(entry: Entry) -> tuple[InhibitRule, ...]:
    """Give the rules of an `inhibit_rules:` list, in Alertmanager's shape; raises `Mistake`."""
    return tuple(_inhibit_rule(each) for each in entry.items())


def _inhibit_rule(entry: Entry) -> InhibitRule:
    name = entry.get("name") if "name" in entry.names() else None
    entry = entry.of_rule(name.text() if name else "", noun="inhibit rule")
    entry.allow("name", "source_matchers", "target_matchers", "equal")
    equal = entry.get("equal")
    return InhibitRule(
        name=name.text() if name else "",
        source_matchers=matchers(entry.need("source_matchers")),
        target_matchers=matchers(entry.need("target_matchers")),
        equal=equal.texts(LABEL, "the name of a label") if equal else (),
        file=entry.file,
        line=entry.line,
    )


def matchers(entry: Entry) -> tuple[Matcher, ...]:
    """Give the matchers of a list of texts; raises `Mistake`, also when there is none."""
    found: list[Matcher] = []
    for each in entry.elements():
        try:
            found.extend(matcher.parse(each.text()))
        except InvalidInput as error:
            raise each.mistake(str(error)) from error
    if not found:
        raise entry.mistake('holds no matcher: write e.g. alertname="CabinetOff"')
    return tuple(found)


def windows(intervals: object, city_zone: str) -> Schedule:
    """Give the times of a maintenance window from JSON in the shape of `time_intervals`; raises `InvalidInput`."""
    text = json.dumps({"time_intervals": intervals})
    return schedulefile.read(notation.read(text, "silence").need("time_intervals"), city_zone)


def polygon(geometry: Mapping[str, Any]) -> BaseGeometry:
    """Give the area of a GeoJSON Polygon or MultiPolygon (WGS 84), made ready for many questions."""
    if geometry.get("type") not in {"Polygon", "MultiPolygon"}:
        raise InvalidInput("polygon: must be a GeoJSON Polygon or MultiPolygon")
    try:
        made = shapely.from_geojson(json.dumps(geometry))
    except (shapely.errors.GEOSException, TypeError, ValueError) as error:
        raise InvalidInput(f"polygon: is no GeoJSON geometry: {error}") from error
    if made.is_empty or not shapely.is_valid(made):
        raise InvalidInput(f"polygon: {shapely.is_valid_reason(made)}")
    if shapely.get_num_coordinates(made) > MOST_POINTS:
        raise InvalidInput(f"polygon: has more than {MOST_POINTS} points")
    west, south, east, north = made.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidInput("polygon: lies outside the world: coordinates are longitude, latitude")
    shapely.prepare(made)
    return made
