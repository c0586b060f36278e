"""The synthetic components: how many of each class, where, in which state, and whose. Columns over all of them."""

import csv
from dataclasses import dataclass
from importlib import resources

import numpy as np
import shapely
from numpy.typing import NDArray

from components_registry.taxonomy import TANGSHAN
from geo.grid import GridIndex
from geo.label import label_points
from geo.projection import CITY_METRIC, geometries_to_degrees
from simulators.city.ground import Floats, Ground, Ints
from simulators.city.placing import PLACES, Site, Spots
from simulators.city.plan import Plan

STATES = ("完好", "破损", "丢失", "废弃", "占用", "移除")
_STATE_SHARES = (0.962, 0.018, 0.006, 0.006, 0.006, 0.002)
"""Mostly intact. Our choice."""

OWNERS = {
    "water": ("供水公司", "Water Supply Company"),
    "drain": ("排水公司", "Drainage Company"),
    "power": ("供电公司", "Power Supply Company"),
    "lamp": ("路灯管理所", "Street Lighting Station"),
    "telecom": ("通信公司", "Telecom Company"),
    "heat": ("热力公司", "Heating Company"),
    "gas": ("燃气公司", "Gas Company"),
    "police": ("公安分局", "Public Security Sub-bureau"),
    "bus": ("公交公司", "Bus Company"),
    "park": ("园林绿化中心", "Parks and Greening Centre"),
    "city": ("城市管理局", "Urban Management Bureau"),
}
UPKEEP = {
    "water": ("供水维护队", "Water Maintenance Team"),
    "drain": ("排水维护队", "Drainage Maintenance Team"),
    "power": ("供电维护队", "Power Maintenance Team"),
    "lamp": ("路灯维护队", "Lighting Maintenance Team"),
    "telecom": ("通信维护队", "Telecom Maintenance Team"),
    "heat": ("供热维护队", "Heating Maintenance Team"),
    "gas": ("燃气维护队", "Gas Maintenance Team"),
    "police": ("交通设施维护队", "Traffic Equipment Team"),
    "road": ("市政养护队", "Road Maintenance Team"),
    "park": ("园林养护队", "Greening Team"),
    "sanitation": ("环卫队", "Sanitation Team"),
    "city": ("综合养护队", "General Maintenance Team"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """One class's row of `mix.csv`: our choice of how many, where, and how large."""

    class_code: str
    count: int
    place: str
    layout: str
    offset_m: float
    length_m: float
    width_m: float
    owner: str
    upkeep: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Columns over n components, ascending by code. `geometry` in degrees, rounded as it is written."""

    code: NDArray[np.str_]
    class_code: NDArray[np.str_]
    geometry: NDArray[np.object_]
    lon_deg: Floats
    lat_deg: Floats
    """Label point."""
    cell: Ints
    """Position of its unit grid in the ground."""
    state: NDArray[np.str_]
    owner: NDArray[np.str_]
    upkeep: NDArray[np.str_]
    surveyed_on: NDArray[np.str_]


def shipped_mix() -> tuple[Mix, ...]:
    """Read the classes' numbers and places."""
    text = resources.files("simulators.city").joinpath("mix.csv").read_text(encoding="utf-8")
    return tuple(
        Mix(
            class_code=row["class_code"],
            count=int(row["count"]),
            place=row["place"],
            layout=row["layout"],
            offset_m=float(row["offset_m"]),
            length_m=float(row["length_m"]),
            width_m=float(row["width_m"]),
            owner=row["owner"],
            upkeep=row["upkeep"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def place_all(plan: Plan, site: Site, mixes: tuple[Mix, ...], rng: np.random.Generator) -> Parts:
    """Place every class, number the components inside district and class, and say whose they are."""
    index = GridIndex(np.arange(1, len(site.ground.polygon) + 1), site.ground.polygon)
    placed = [_place(site, index, mix, rng) for mix in mixes]
    geometry = np.concatenate([shapes for shapes, _ in placed])
    cell = np.concatenate([cells for _, cells in placed])
    kind = np.repeat(np.arange(len(mixes)), [mix.count for mix in mixes])
    district = np.asarray(site.ground.district)[cell]
    class_code = np.asarray([mix.class_code for mix in mixes])[kind]
    code = _numbered(district, class_code)
    order = np.argsort(code, kind="stable")
    lon, lat = label_points(geometry)
    day = np.asarray([f"2025{month:02d}{day:02d}" for month in range(3, 11) for day in range(1, 29)])
    walked = np.unique(site.ground.community, return_inverse=True)[1] % len(day)
    state = rng.choice(np.asarray(STATES), size=len(code), p=_STATE_SHARES)
    return Parts(
        code=code[order],
        class_code=class_code[order],
        geometry=geometry[order],
        lon_deg=lon[order],
        lat_deg=lat[order],
        cell=cell[order],
        state=state[order],
        owner=np.asarray([OWNERS[mix.owner][0] for mix in mixes])[kind][order],
        upkeep=_team_names(plan, site.ground, cell, np.asarray([mix.upkeep for mix in mixes])[kind])[order],
        surveyed_on=day[walked[cell]][order],
    )


def team(district_name: str, upkeep: str, *, english: bool) -> str:
    """Give the name of a district's maintenance team."""
    zh, en = UPKEEP[upkeep]
    return f"{district_name} {en}" if english else f"{district_name}{zh}"


def _team_names(plan: Plan, ground: Ground, cell: Ints, upkeep: NDArray[np.str_]) -> NDArray[np.str_]:
    districts, row = np.unique(np.asarray(ground.district), return_inverse=True)
    kinds, column = np.unique(upkeep, return_inverse=True)
    names = [plan.areas[str(code)].name_zh for code in districts]
    table = np.asarray([[team(name, str(entry), english=False) for entry in kinds] for name in names])
    return table[row[cell], column]


def _place(site: Site, index: GridIndex, mix: Mix, rng: np.random.Generator) -> tuple[NDArray[np.object_], Ints]:
    """Give the geometries of a class and the unit grid each label point lies in."""
    spots = PLACES[mix.place](site, mix.count, mix.offset_m, mix.layout, rng)
    shapes = _shapes(spots, mix)
    cell = index.locate(*label_points(shapes)) - 1
    astray = np.flatnonzero(cell < 0)
    if len(astray):  # a spot past the city's edge moves into the unit grid beside it
        home = site.ground.centre_m[spots.near[astray]] + rng.uniform(-20, 20, size=(len(astray), 2))
        moved = Spots(xy_m=home, heading=spots.heading[astray], near=spots.near[astray])
        shapes[astray] = _shapes(moved, mix)
        cell[astray] = index.locate(*label_points(shapes[astray])) - 1
    return shapes, cell


def _shapes(spots: Spots, mix: Mix) -> NDArray[np.object_]:
    """Draw points, lines along the heading, or rectangles along it, in rounded degrees."""
    ahead = spots.heading * (mix.length_m / 2)
    aside = np.stack((-spots.heading[:, 1], spots.heading[:, 0]), axis=1) * (mix.width_m / 2)
    xy = spots.xy_m
    if mix.width_m:
        ring = (xy - ahead - aside, xy + ahead - aside, xy + ahead + aside, xy - ahead + aside)
        drawn = shapely.polygons(np.stack((*ring, ring[0]), axis=1))
    elif mix.length_m:
        drawn = shapely.linestrings(np.stack((xy - ahead, xy, xy + ahead), axis=1))
    else:
        drawn = shapely.points(xy)
    degrees = geometries_to_degrees(CITY_METRIC, np.asarray(drawn, dtype=np.object_))
    return shapely.transform(degrees, lambda lonlat: np.round(lonlat, 7))


def _numbered(district: NDArray[np.str_], class_code: NDArray[np.str_]) -> NDArray[np.str_]:
    """Give codes whose serials count from 1 inside each district and class, in the order of placing."""
    prefix = np.char.add(district, class_code)
    _, group = np.unique(prefix, return_inverse=True)
    order = np.argsort(group, kind="stable")
    sorted_group = group[order]
    first = np.flatnonzero(np.concatenate((np.ones(1, dtype=bool), sorted_group[1:] != sorted_group[:-1])))
    start = np.repeat(first, np.diff(np.concatenate((first, np.asarray([len(order)])))))
    serial = np.empty(len(order), dtype=np.int64)
    serial[order] = np.arange(len(order)) - start + 1
    width = TANGSHAN.split[3]
    return np.char.add(prefix, np.char.mod(f"%0{width}d", serial))
