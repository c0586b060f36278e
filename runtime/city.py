"""Loads a generated (or real) city from its files into the database: all of it in one transaction, or nothing."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import shapely
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts import calendar_file, city_time, limits
from components_registry import service as components
from components_registry.editions import SHIPPED, Editions
from components_registry.model import SurveyReport
from core.errors import Conflict, InvalidInput
from devices import service as devices
from devices.model import Registration
from devices.profile import Profile, shipped
from geo.findings import GridFinding
from geo.geojson import features_of, geometries_of
from geo.gridfile import Level
from runtime import gridwork, own_classes, rulebooks, spacework
from runtime.settings import Settings
from storage import grid_versions, grids

FACT = "SELECT value FROM city_fact WHERE key = 'city'"
SET_FACT = "INSERT INTO city_fact (key, value) VALUES ('city', %(value)s)"

Report = Callable[[str, int], None]
"""Hears the step and how much of it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What a load did; `city` is what city.json says."""

    already_there: bool
    city: Mapping[str, Any]
    components: int
    devices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """What the city's devices and components may be."""

    profiles: Mapping[str, Profile] = field(default_factory=shipped)
    editions: Editions = SHIPPED


AS_SHIPPED = Kinds()


def kinds(settings: Settings) -> Kinds:
    """Give the shipped device types and editions of the catalogue, and the installation's own."""
    return Kinds(profiles=rulebooks.profiles(settings), editions=own_classes.editions(settings))


def _unheard(step: str, done: int) -> None:
    """Take a progress report that nobody asked for."""


def read_summary(folder: Path) -> dict[str, Any]:
    """Give what city.json in `folder` says; raises `InvalidInput` when there is no city."""
    file = folder / "city.json"
    if not file.is_file():
        raise InvalidInput(f"{file} does not exist: run `citygrid city generate --out {folder}` first")
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


async def loaded_city(conn: AsyncConnection) -> dict[str, Any] | None:
    """Give the facts of the city the database holds, or None."""
    row = await (await conn.execute(FACT)).fetchone()
    return None if row is None else row[0]


async def load_city(  # who, when and what belong to every change
    conn: AsyncConnection,
    folder: Path,
    *,
    now: datetime,
    actor: str,
    report: Report = _unheard,
    kinds: Kinds = AS_SHIPPED,
) -> LoadReport:
    """Load the city in `folder`, whose devices and components are of `kinds`; the same city again changes nothing.

    Raises: `Conflict` when the database holds another city; `InvalidInput` when a file has a row that cannot be
    loaded: a whole city must be right, unlike a survey.
    """
    summary = read_summary(folder)
    async with conn.transaction():
        held = await loaded_city(conn)
        if held is not None:
            if held != summary:
                raise Conflict(
                    f"the database holds another city ({held.get('name_zh')}, seed {held.get('seed')}):"
                    " run `citygrid services reset` to start anew"
                )
            return LoadReport(already_there=True, city=summary, components=0, devices=0)
        await _load_time(conn, now=now, actor=actor)
        report("areas", 0)
        await _load_areas(conn, folder, kinds.editions, now=now, actor=actor)
        report("grids", 0)
        await _load_grids(conn, folder, now=now, actor=actor)
        report("components", 0)
        synthetic = bool(summary.get("synthetic"))
        survey = components.Survey(file=folder / "components.csv", editions=kinds.editions, synthetic=synthetic)
        loaded = await _load_components(conn, survey, now=now, actor=actor, report=report)
        await _load_space(conn, folder)
        report("devices", 0)
        registered = await _load_devices(conn, folder, kinds.profiles, now=now, actor=actor)
        await conn.execute(SET_FACT, {"value": Jsonb(summary)})
    return LoadReport(already_there=False, city=summary, components=loaded.loaded, devices=registered)


async def _load_time(conn: AsyncConnection, *, now: datetime, actor: str) -> None:
    """Start with the limits and the calendar that come with CityGrid, unless the city has its own already."""
    if not await city_time.city_limits(conn):
        await city_time.replace_limits(conn, limits.shipped().by_key.values(), actor=actor, now=now)
    if not (await city_time.calendar_content(conn)).days:
        await city_time.import_calendar(conn, calendar_file.shipped(), actor=actor, now=now)


async def _load_areas(conn: AsyncConnection, folder: Path, editions: Editions, *, now: datetime, actor: str) -> None:
    await grids.upsert_areas(conn, [grids.AreaRow(**row) for row in _csv_rows(folder / "areas.csv")])
    departments = folder / "departments.csv"
    await components.load_catalogue(conn, editions.catalogue, now=now, actor=actor)
    if departments.is_file():
        await components.add_departments(conn, {row["name_zh"]: row["name_en"] for row in _csv_rows(departments)})


async def _load_grids(conn: AsyncConnection, folder: Path, *, now: datetime, actor: str) -> None:
    patrol_file, unit_file, street_file = (
        folder / name for name in ("patrol_grids.geojson", "unit_grids.geojson", "streets.geojson")
    )
    _, findings = await gridwork.import_patrols(conn, _features(patrol_file))
    _require_none(patrol_file, findings)
    if street_file.is_file():
        await grids.upsert_streets(conn, _street_rows(street_file))
    _, findings = await gridwork.import_units(conn, _features(unit_file))
    _require_none(unit_file, findings)
    for level, file in ((Level.PATROL, patrol_file), (Level.UNIT, unit_file)):
        await grid_versions.record_live(conn, level, source=file.name, now=now, actor=actor, since=now)


async def _load_space(conn: AsyncConnection, folder: Path) -> None:
    """Load how components hang together, named areas and routes, where the city has such files."""
    loaders = (
        ("links.csv", spacework.import_links),
        ("named_areas.geojson", spacework.import_areas),
        ("routes.geojson", spacework.import_routes),
    )
    for name, load in loaders:
        if (folder / name).is_file():
            await load(conn, folder / name)


def _street_rows(file: Path) -> list[grids.StreetRow]:
    features = _features(file)
    return [
        grids.StreetRow(**item["properties"], wkb=shapely.to_wkb(axis))
        for item, axis in zip(features, geometries_of(features), strict=True)
    ]


async def _load_components(
    conn: AsyncConnection, survey: components.Survey, *, now: datetime, actor: str, report: Report
) -> SurveyReport:
    result = await components.import_survey(
        conn, survey, now=now, actor=actor, report=lambda rows: report("components", rows)
    )
    first = next((finding for finding in result.findings if finding.refused), None)
    if first is not None:
        raise InvalidInput(
            f"{survey.file} has {result.refused} rows that cannot be loaded; line {first.line}: {first.detail}"
        )
    return result


async def _load_devices(
    conn: AsyncConnection, folder: Path, profiles: Mapping[str, Profile], *, now: datetime, actor: str
) -> int:
    file = folder / "devices.csv"
    rows = [_registration(row) for row in _csv_rows(file)]
    await devices.publish_profiles(conn, profiles)
    count, findings = await devices.register_many(conn, rows, profiles, now=now, actor=actor)
    if findings:
        raise InvalidInput(f"{file}: row {findings[0].line}: {findings[0].detail}")
    return count


def _registration(row: Mapping[str, str]) -> Registration:
    return Registration(
        label=row["label"],
        profile=row["profile"],
        component_code=row["component_code"],
        district_code=row["district_code"],
        lon_deg=float(row["lon_deg"]),
        lat_deg=float(row["lat_deg"]),
        interval_s=float(row["interval_s"]),
        install=json.loads(row["install"]),
    )


def _csv_rows(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        raise InvalidInput(f"{file} does not exist: the city is incomplete, generate it again")
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _features(file: Path) -> list[Mapping[str, Any]]:
    if not file.is_file():
        raise InvalidInput(f"{file} does not exist: the city is incomplete, generate it again")
    return list(features_of(json.loads(file.read_bytes()), str(file)))


def _require_none(file: Path, findings: list[GridFinding]) -> None:
    if findings:
        first = findings[0]
        raise InvalidInput(f"{file} has {len(findings)} bad features; feature {first.feature}: {first.detail}")
