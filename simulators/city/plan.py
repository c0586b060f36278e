"""What the generator is told: outlines, the streets that are surveyed, water and green, from the package's own data."""

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

from shapely.geometry import LineString, Polygon


@dataclass(frozen=True, slots=True, kw_only=True)
class District:
    """One district's surveyed part; `outline` in degrees is ours and coarse."""

    code: str
    outline: Polygon
    streets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipse:
    """A patch of green or water: centre in degrees, half axes in metres."""

    lon_deg: float
    lat_deg: float
    half_x_m: float
    half_y_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A row of the administrative tree. Source of codes and names: NBS 2023, by way of china-division 2.7.0."""

    area_code: str
    level: str
    parent_code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything about the place that is not drawn by chance."""

    city_code: str
    unit_grids: int
    patrol_grids: int
    centre: tuple[float, float]
    districts: tuple[District, ...]
    green: tuple[Ellipse, ...]
    water: tuple[Ellipse, ...]
    rivers: tuple[LineString, ...]
    areas: Mapping[str, Area]

    def communities_of(self, street_code: str) -> tuple[str, ...]:
        """Give the codes of a street's communities, ascending."""
        return tuple(sorted(code for code, area in self.areas.items() if area.parent_code == street_code))


def tangshan() -> Plan:
    """Read the shipped plan."""
    folder = resources.files("simulators.city")
    raw = tomllib.loads(folder.joinpath("plan.toml").read_text(encoding="utf-8"))
    rows = csv.DictReader(folder.joinpath("areas.csv").read_text(encoding="utf-8").splitlines())
    areas = {row["area_code"]: Area(**row) for row in rows}
    return Plan(
        city_code=raw["city_code"],
        unit_grids=raw["unit_grids"],
        patrol_grids=raw["patrol_grids"],
        centre=(raw["centre"][0], raw["centre"][1]),
        districts=tuple(
            District(code=item["code"], outline=Polygon(item["outline"]), streets=tuple(item["streets"]))
            for item in raw["district"]
        ),
        green=tuple(_ellipse(item) for item in raw["green"]),
        water=tuple(_ellipse(item) for item in raw["water"]),
        rivers=tuple(LineString(item["line"]) for item in raw["river"]),
        areas=MappingProxyType(areas),
    )


def _ellipse(item: Mapping[str, list[float]]) -> Ellipse:
    (lon, lat), (half_x, half_y) = item["centre"], item["half_m"]
    return Ellipse(lon_deg=lon, lat_deg=lat, half_x_m=half_x, half_y_m=half_y)
