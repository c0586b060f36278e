"""A town of two districts, twelve unit grids and 64 devices, as city files: loaded by the demo in place of Tangshan."""

import csv
import json
from pathlib import Path
from typing import Any

DISTRICTS = {"130202": "路南区", "130203": "路北区"}
GRIDS = 6
EACH = 10
KINDS = (("manhole_cover", "0102", "MC", 3), ("streetlight", "0137", "SL", 3), ("camera", "0150", "CAM", 4))
SIDE = 0.001
SOUTH = 39.63


def write(folder: Path) -> None:
    """Write the town's files into `folder`."""
    folder.mkdir(parents=True)
    _csv(folder / "areas.csv", ["area_code", "level", "parent_code", "name_zh", "name_en"], _areas())
    _csv(folder / "departments.csv", ["name_zh", "name_en"], [["排水公司", "Drainage Company"]])
    _collection(folder / "patrol_grids.geojson", [_patrol(code) for code in DISTRICTS])
    _collection(folder / "unit_grids.geojson", [_unit(code, n) for code in DISTRICTS for n in range(GRIDS)])
    _collection(folder / "routes.geojson", [_route()])
    components, devices = _inventory()
    survey = ["code", "state", "x", "y", "wkt", "owner", "maintainer", "surveyed_on", "data_source"]
    _csv(folder / "components.csv", survey, components)
    columns = ["label", "profile", "component_code", "district_code", "unit_grid_code", "patrol_code"]
    _csv(folder / "devices.csv", [*columns, "lon_deg", "lat_deg", "interval_s", "install"], devices)
    facts = {"name_zh": "小镇", "name_en": "Town", "city_code": "130200", "seed": 0, "synthetic": True}
    (folder / "city.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def _areas() -> list[list[str]]:
    rows = [["130200", "city", "", "唐山市", "Tangshan"]]
    for code, name in DISTRICTS.items():
        rows.append([code, "district", "130200", name, f"District {code}"])
        rows.append([f"{code}001", "street", code, f"{name}一街道", f"Street of {code}"])
        rows.append([f"{code}001001", "community", f"{code}001", f"{name}一社区", f"Community of {code}"])
    return rows


def _west(district: str, number: int) -> float:
    return 118.18 + SIDE * (number + (GRIDS if district == "130203" else 0))


def _box(west: float, east: float) -> list[list[list[float]]]:
    north = SOUTH + SIDE
    return [[[west, SOUTH], [east, SOUTH], [east, north], [west, north], [west, SOUTH]]]


def _unit(district: str, number: int) -> dict[str, Any]:
    west = round(_west(district, number), 6)
    properties = {
        "code": f"{district}001001{number + 1:03d}",
        "community_code": f"{district}001001",
        "patrol_code": f"{district}-P001",
        "area_m2": 9500.0,
    }
    return _feature(properties, "Polygon", _box(west, round(west + SIDE, 6)))


def _patrol(district: str) -> dict[str, Any]:
    properties = {
        "code": f"{district}-P001",
        "district_code": district,
        "name_zh": "一格",
        "name_en": "Patrol 1",
        "team": "一组",
    }
    box = _box(round(_west(district, 0), 6), round(_west(district, GRIDS), 6))
    return _feature(properties, "Polygon", box)


def _route() -> dict[str, Any]:
    line = [[118.1802, SOUTH + 0.0005], [118.1918, SOUTH + 0.0005]]
    return _feature({"route": "01", "name_zh": "1路", "name_en": "Route 1", "length_m": 990.0}, "LineString", line)


def _inventory() -> tuple[list[list[object]], list[list[object]]]:
    components: list[list[object]] = []
    devices: list[list[object]] = []
    for district in DISTRICTS:
        for profile, class_code, prefix, interval_s in KINDS:
            for n in range(EACH):
                grid = n % GRIDS
                code = f"{district}{class_code}{n + 1:06d}"
                lon = round(_west(district, grid) + SIDE / 2, 7)
                lat = round(SOUTH + SIDE / 4 + n * SIDE / 40, 7)
                place = [f"{district}001001{grid + 1:03d}", f"{district}-P001", lon, lat]
                components.append([code, "完好", lon, lat, "", "排水公司", "", "20260101", "test"])
                devices.append([f"{prefix}-{district}-{n}", profile, code, district, *place, interval_s, "{}"])
    start = ["130202001001001", "130202-P001", 118.1802, SOUTH + 0.0005]
    devices += [[f"BUS-01-{n}", "bus", "", "130202", *start, 3, '{"route": "01"}'] for n in range(4)]
    return components, devices


def _feature(properties: dict[str, Any], kind: str, coordinates: object) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def _collection(file: Path, features: list[dict[str, Any]]) -> None:
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


def _csv(file: Path, header: list[str], rows: list[Any]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
