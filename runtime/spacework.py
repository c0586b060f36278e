"""Imports what rules that look at space need beside grids: links of components, named areas, routes. Whole or not."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
from psycopg import AsyncConnection

from core.errors import InvalidInput
from geo.geojson import features_of, geometries_of
from geo.projection import DEGREES, geometries_to_degrees
from storage import places
from storage.places import Link, Named
from storage.signals import announce_registry

KINDS = ("circuit", "pipe")


async def import_links(conn: AsyncConnection, file: Path) -> int:
    """Load links and give how many were new; raises `InvalidInput` when a row is wrong or a component unknown.

    CSV with columns kind, upstream, downstream; or GeoJSON lines with those properties.
    """
    rows = _features(file) if file.suffix != ".csv" else _csv(file)
    links: list[Link] = []
    for number, row in enumerate(rows, start=1):
        kind, upper, lower = (str(row.get(name) or "").strip() for name in ("kind", "upstream", "downstream"))
        if kind not in KINDS:
            raise InvalidInput(f"{file}: row {number}: kind {kind!r} is none of {', '.join(KINDS)}")
        if upper == lower:
            raise InvalidInput(f"{file}: row {number}: component {upper!r} cannot be linked with itself")
        links.append(Link(kind=kind, upstream=upper, downstream=lower))
    codes = sorted({code for link in links for code in (link.upstream, link.downstream)})
    if unknown := await places.unknown_ends(conn, codes):
        raise InvalidInput(
            f"{file}: {len(unknown)} components are not in the registry, {unknown[0]!r} first: import the survey before"
        )
    created = await places.insert_links(conn, links)
    await announce_registry(conn)
    return created


async def import_areas(conn: AsyncConnection, file: Path, *, crs: str = DEGREES) -> int:
    """Load named areas from GeoJSON polygons with properties code, name_zh, name_en; give how many."""
    areas = _named(file, crs, "code", ("Polygon", "MultiPolygon"))
    for area in areas:
        if len(area.code) > 64 or not area.code.isprintable() or '"' in area.code:
            raise InvalidInput(f"{file}: code {area.code!r} is no name for a rule: at most 64 characters, no quotes")
    await places.upsert_areas(conn, areas)
    await announce_registry(conn)
    return len(areas)


async def import_routes(conn: AsyncConnection, file: Path, *, crs: str = DEGREES) -> int:
    """Load routes from GeoJSON lines with properties route, name_zh, name_en; give how many."""
    routes = _named(file, crs, "route", ("LineString",))
    await places.upsert_routes(conn, routes)
    await announce_registry(conn)
    return len(routes)


def _csv(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        if missing := {"kind", "upstream", "downstream"} - set(reader.fieldnames or ()):
            raise InvalidInput(f"{file}: column {min(missing)} is missing")
        return [dict(row) for row in reader]


def _features(file: Path) -> list[Mapping[str, Any]]:
    return [item.get("properties") or {} for item in _document(file)]


def _document(file: Path) -> Sequence[Mapping[str, Any]]:
    try:
        return features_of(json.loads(file.read_bytes()), str(file))
    except ValueError as error:
        raise InvalidInput(f"{file} is no GeoJSON: {error}") from error


def _named(file: Path, crs: str, key: str, kinds: tuple[str, ...]) -> list[Named]:
    features = _document(file)
    geometries = geometries_of(features)
    result: list[Named] = []
    for number, (item, shape) in enumerate(zip(features, geometries, strict=True), start=1):
        properties = item.get("properties") or {}
        code = str(properties.get(key) or "").strip()
        if not code:
            raise InvalidInput(f"{file}: feature {number} has no {key}")
        if shape is None or shape.geom_type not in kinds or shape.is_empty or not shape.is_valid:
            raise InvalidInput(f"{file}: {code} has no valid {' or '.join(kinds)}")
        placed = shape if crs == DEGREES else geometries_to_degrees(crs, geometries[number - 1 : number])[0]
        zh = str(properties.get("name_zh") or code)
        wkb = shapely.to_wkb(placed)
        result.append(Named(code=code, name_zh=zh, name_en=str(properties.get("name_en") or zh), wkb=wkb))
    if len({named.code for named in result}) < len(result):
        raise InvalidInput(f"{file}: a {key} stands in the file twice")
    return result
