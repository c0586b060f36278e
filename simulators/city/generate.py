"""Makes the synthetic city and writes its files; the order here is the order in which a city comes about."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon

from geo.geojson import collection, feature
from geo.projection import CITY_METRIC, from_degrees, geometries_to_degrees, to_degrees
from simulators.city import fleet, ground, links, parts, placing, streets
from simulators.city.plan import Area, Ellipse, Plan, tangshan
from simulators.city.streets import MAIN

VERSION = 1
DEFAULT_SEED = 20130
"""Ours; any other gives another city of the same kind."""
"""Of the generator: the same version and seed give the same bytes."""
STATEMENT_ZH = "模拟数据：界线、道路、网格、部件与设备均为程序生成，不是实测，也不是法定界线"
STATEMENT_EN = (
    "Synthetic: outlines, streets, grids, components and devices are made by a program;"
    " not surveyed, not legal boundaries"
)
STEPS = ("ground", "streets", "components", "devices", "files")

SURVEY_HEADER = ("code", "state", "x", "y", "wkt", "owner", "maintainer", "surveyed_on", "data_source")
_SURVEY_SOURCE = "模拟"


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """Everything generated, before it is written."""

    plan: Plan
    seed: int
    ground: ground.Ground
    streets: streets.Streets
    parts: parts.Parts
    links: links.Links
    routes: tuple[fleet.Route, ...]
    devices: list[fleet.PlannedDevice]
    patrol_codes: list[str]


def _unheard(step: str) -> None:
    """Take a progress report that nobody asked for."""


def generate(seed: int, report: Callable[[str], None] = _unheard) -> City:
    """Give the city of a seed; `report` hears the name of each step as it begins."""
    plan = tangshan()
    draws = [np.random.default_rng((seed, VERSION, part)) for part in range(5)]
    report("ground")
    base = ground.lay_out(plan, draws[0])
    patrol_codes = _patrol_codes(base)
    report("streets")
    network = streets.build(plan, base, draws[1])
    site = placing.survey_site(plan, base, network)
    report("components")
    placed = parts.place_all(plan, site, parts.shipped_mix(), draws[2])
    report("devices")
    routes = fleet.plan_routes(site, draws[3])
    devices = fleet.plan_devices(base, placed, routes, patrol_codes, draws[4])
    return City(
        plan=plan,
        seed=seed,
        ground=base,
        streets=network,
        parts=placed,
        links=links.lay(placed),
        routes=routes,
        devices=devices,
        patrol_codes=patrol_codes,
    )


def write(city: City, folder: Path) -> dict[str, Any]:
    """Write the city's files into `folder` and give what city.json says; city.json is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    summary_file = folder / "city.json"
    summary_file.unlink(missing_ok=True)
    makers: dict[str, Callable[[City], str]] = {
        "areas.csv": _areas,
        "departments.csv": _departments,
        "unit_grids.geojson": _unit_grids,
        "patrol_grids.geojson": _patrol_grids,
        "streets.geojson": _streets,
        "components.csv": _components,
        "devices.csv": _devices,
        "routes.geojson": _routes,
        "links.csv": _links,
        "named_areas.geojson": _named_areas,
    }
    digests: dict[str, str] = {}
    for name, make in makers.items():
        content = make(city).encode()
        (folder / name).write_bytes(content)
        digests[name] = hashlib.sha256(content).hexdigest()
    summary = _summary(city, digests)
    summary_file.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return summary


def _summary(city: City, digests: dict[str, str]) -> dict[str, Any]:
    rate = sum(1 / device.interval_s for device in city.devices)
    return {
        "city_code": city.plan.city_code,
        "name_zh": city.plan.areas[city.plan.city_code].name_zh,
        "name_en": city.plan.areas[city.plan.city_code].name_en,
        "synthetic": True,
        "statement_zh": STATEMENT_ZH,
        "statement_en": STATEMENT_EN,
        "generator": VERSION,
        "seed": city.seed,
        "counts": {
            "unit_grids": len(city.ground.number),
            "patrol_grids": len(city.patrol_codes),
            "communities": len(set(city.ground.community)),
            "streets": len(city.streets.name_zh),
            "components": len(city.parts.code),
            "classes": len(np.unique(city.parts.class_code)),
            "devices": len(city.devices),
            "routes": len(city.routes),
            "links": len(city.links.kind),
        },
        "area_km2": round(float(city.ground.area_m2.sum()) / 1e6, 1),
        "messages_per_s": round(rate, 1),
        "files": digests,
    }


def _patrol_codes(base: ground.Ground) -> list[str]:
    serial: dict[str, int] = {}
    codes: list[str] = []
    for district in base.patrol_district:
        serial[district] = serial.get(district, 0) + 1
        codes.append(f"{district}-P{serial[district]:03d}")
    return codes


def _rows_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _document(name: str, features: Iterable[dict[str, Any]]) -> str:
    document = collection(features, name=name, synthetic=True, statement=STATEMENT_EN)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _areas(city: City) -> str:
    """List the areas that have unit grids, from the city down."""
    used = {code[:width] for code in city.ground.community for width in (6, 9, 12)} | {city.plan.city_code}
    chosen: list[Area] = [area for code, area in city.plan.areas.items() if code in used]
    chosen.sort(key=lambda area: (area.area_code != city.plan.city_code, len(area.area_code), area.area_code))
    fields = ("area_code", "level", "parent_code", "name_zh", "name_en")
    return _rows_csv(fields, [[getattr(area, field) for field in fields] for area in chosen])


def _departments(city: City) -> str:
    """List the owners and the teams of the survey with their English names."""
    rows = list(parts.OWNERS.values())
    for district in city.plan.districts:
        area = city.plan.areas[district.code]
        for upkeep in parts.UPKEEP:
            zh = parts.team(area.name_zh, upkeep, english=False)
            rows.append((zh, parts.team(area.name_en, upkeep, english=True)))
    return _rows_csv(("name_zh", "name_en"), rows)


def _unit_grids(city: City) -> str:
    base = city.ground
    rows = zip(base.polygon, base.codes(), base.community, base.patrol.tolist(), base.area_m2.tolist(), strict=True)
    return _document(
        "unit_grids",
        (
            feature(
                polygon,
                {
                    "code": code,
                    "community_code": community,
                    "patrol_code": city.patrol_codes[patrol],
                    "area_m2": area,
                },
            )
            for polygon, code, community, patrol, area in rows
        ),
    )


def _patrol_grids(city: City) -> str:
    features: list[dict[str, Any]] = []
    for number, (code, district) in enumerate(zip(city.patrol_codes, city.ground.patrol_district, strict=True)):
        area = city.plan.areas[district]
        serial = int(code[-3:])
        properties = {
            "code": code,
            "district_code": district,
            "name_zh": f"{area.name_zh}{serial}号巡查网格",
            "name_en": f"{area.name_en} patrol grid {serial}",
            "team": f"{area.name_zh}巡查{serial}组",
        }
        features.append(feature(shapely.union_all(city.ground.polygon[city.ground.patrol == number]), properties))
    return _document("patrol_grids", features)


def _streets(city: City) -> str:
    network = city.streets
    first = np.unique(network.street, return_index=True)[1]
    axes = _lines_in_degrees([network.axis(number) for number in range(len(network.name_zh))])
    return _document(
        "streets",
        (
            feature(
                axis,
                {
                    "street_id": number + 1,
                    "name_zh": network.name_zh[number],
                    "name_en": network.name_en[number],
                    "kind": "main" if network.level[first[number]] == MAIN else "side",
                },
            )
            for number, axis in enumerate(axes)
        ),
    )


def _lines_in_degrees(axes: list[NDArray[np.float64]]) -> NDArray[np.object_]:
    lines = np.asarray([LineString(axis) for axis in axes], dtype=np.object_)
    return geometries_to_degrees(CITY_METRIC, lines)


def _components(city: City) -> str:
    """Write the survey in the import's own format: points as x, y, other shapes as WKT."""
    table = city.parts
    is_point = shapely.get_type_id(table.geometry) == 0
    x = np.full(len(table.code), "", dtype="U16")
    y, wkt = x.copy(), np.full(len(table.code), "", dtype=np.object_)
    x[is_point] = np.char.mod("%.7f", table.lon_deg[is_point])
    y[is_point] = np.char.mod("%.7f", table.lat_deg[is_point])
    drawn = shapely.to_wkt(table.geometry[~is_point], rounding_precision=7)
    wkt[~is_point] = [f'"{text}"' for text in drawn]
    columns = [table.code, table.state, x, y, wkt, table.owner, table.upkeep, table.surveyed_on]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    lines = [",".join((*row, _SURVEY_SOURCE)) for row in rows]
    return "\n".join((",".join(SURVEY_HEADER), *lines)) + "\n"


def _devices(city: City) -> str:
    fields = (
        "label", "profile", "component_code", "district_code", "unit_grid_code", "patrol_code", "lon_deg", "lat_deg",
        "interval_s",
    )  # fmt: skip
    rows = [
        [*(getattr(device, field) for field in fields), json.dumps(device.install, sort_keys=True)]
        for device in city.devices
    ]
    return _rows_csv((*fields, "install"), rows)


def _routes(city: City) -> str:
    return _document(
        "routes",
        (
            feature(
                LineString(route.line),
                {
                    "route": route.code,
                    "name_zh": f"模拟{int(route.code)}路",
                    "name_en": f"Simulated route {int(route.code)}",
                    "length_m": route.length_m,
                },
            )
            for route in city.routes
        ),
    )


def _links(city: City) -> str:
    laid = city.links
    return _rows_csv(("kind", "upstream", "downstream"), zip(laid.kind, laid.upstream, laid.downstream, strict=True))


def _named_areas(city: City) -> str:
    """Name parks and waters, so that rules have areas to speak of."""
    named = (("park", "公园", "Park", city.plan.green), ("water", "水面", "Water", city.plan.water))
    return _document(
        "named_areas",
        (
            feature(
                _outline(patch),
                {
                    "code": f"{word}_{number}",
                    "name_zh": f"模拟{zh}{number}",
                    "name_en": f"Simulated {en.lower()} {number}",
                },
            )
            for word, zh, en, patches in named
            for number, patch in enumerate(patches, start=1)
        ),
    )


def _outline(patch: Ellipse) -> Polygon:
    x, y = from_degrees(CITY_METRIC, patch.lon_deg, patch.lat_deg)
    angle = np.linspace(0, 2 * np.pi, 49)[:-1]
    lon, lat = to_degrees(
        CITY_METRIC, float(x) + patch.half_x_m * np.cos(angle), float(y) + patch.half_y_m * np.sin(angle)
    )
    return Polygon(np.round(np.column_stack((lon, lat)), 7))
