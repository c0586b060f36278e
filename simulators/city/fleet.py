"""The synthetic devices and the bus lines they drive: 5,000 devices, about 500 messages a second."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.projection import CITY_METRIC, to_degrees
from simulators.city.ground import Floats, Ground
from simulators.city.parts import Parts
from simulators.city.placing import Site
from simulators.city.streets import MAIN

MANHOLES, LIGHTS, HIGH_POINTS, CAMERAS, BUSES = 2600, 1900, 20, 350, 150
"""Numbers of devices; `HIGH_POINTS` of the cameras stand on high points (class 0599)."""
ROUTES = 15
_OUTER_ROUTES = 2
_LIGHT_RUN = 10
"""Lamps in a row that share a control cabinet and therefore have controllers together."""
_INTERVAL_S = {"manhole_cover": 10.0, "streetlight": 10.0, "camera": 15.0, "bus": 5.0}
"""Much shorter than in the field, so that 5,000 devices give about 500 messages a second. Our choice."""
_PREFIX = {"manhole_cover": "MH", "streetlight": "SL", "camera": "CAM"}
MANHOLE_CLASSES = (
    "0101", "0102", "0103", "0105", "0106", "0107", "0108", "0109", "0110", "0111", "0112", "0114", "0115", "0116",
    "0117", "0118",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One bus line along main streets; `line` in rounded degrees, shape (n, 2)."""

    code: str
    line: Floats
    length_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDevice:
    """One row of devices.csv."""

    label: str
    profile: str
    component_code: str
    district_code: str
    unit_grid_code: str
    patrol_code: str
    lon_deg: float
    lat_deg: float
    interval_s: float
    install: Mapping[str, Any]


def plan_routes(site: Site, rng: np.random.Generator) -> tuple[Route, ...]:
    """Draw bus lines between far crossings, each preferring few streets; two of them in the outer district."""
    streets = site.streets
    is_main = np.flatnonzero(streets.level == MAIN)
    nodes, index = np.unique(streets.node[is_main], return_inverse=True)
    ends = index.reshape(-1, 2)
    place = np.empty((len(nodes), 2))
    place[ends[:, 0]] = streets.start_m[is_main]
    place[ends[:, 1]] = streets.end_m[is_main]
    east = place[:, 0] > place[:, 0].max() - 9000.0  # the outer district lies by itself in the east
    routes: list[Route] = []
    for number in range(ROUTES):
        outer = number >= ROUTES - _OUTER_ROUTES
        wish = rng.uniform(0.6, 1.8, size=len(streets.name_zh))
        cost = (streets.length_m * wish[streets.street])[is_main]
        least_m = 2200.0 if outer else 6000.0
        path = _far_path(place, ends, cost, np.flatnonzero(east == outer), least_m, rng)
        line_m = place[path]
        lon, lat = to_degrees(CITY_METRIC, line_m[:, 0], line_m[:, 1])
        length_m = float(np.hypot(*np.diff(line_m, axis=0).T).sum())
        line = np.round(np.column_stack((lon, lat)), 7)
        routes.append(Route(code=f"{number + 1:02d}", line=line, length_m=round(length_m, 1)))
    return tuple(routes)


def plan_devices(
    ground: Ground, parts: Parts, routes: tuple[Route, ...], patrol_codes: list[str], rng: np.random.Generator
) -> list[PlannedDevice]:
    """Choose components to carry devices, and put the buses at the start of their lines."""
    chosen = (
        ("manhole_cover", _pick(parts, MANHOLE_CLASSES, MANHOLES, rng)),
        ("streetlight", _runs(parts, "0137", LIGHTS, rng)),
        ("camera", np.concatenate((_pick(parts, ("0150",), CAMERAS - HIGH_POINTS, rng),
                                   _pick(parts, ("0599",), HIGH_POINTS, rng)))),
    )  # fmt: skip
    codes = ground.codes()
    devices: list[PlannedDevice] = []
    for profile, rows in chosen:
        serial: dict[str, int] = {}
        for row in np.sort(rows).tolist():
            cell = int(parts.cell[row])
            district = ground.district[cell]
            serial[district] = serial.get(district, 0) + 1
            devices.append(
                PlannedDevice(
                    label=f"{_PREFIX[profile]}-{district}-{serial[district]:05d}",
                    profile=profile,
                    component_code=str(parts.code[row]),
                    district_code=district,
                    unit_grid_code=codes[cell],
                    patrol_code=patrol_codes[ground.patrol[cell]],
                    lon_deg=float(parts.lon_deg[row]),
                    lat_deg=float(parts.lat_deg[row]),
                    interval_s=_INTERVAL_S[profile],
                    install=_installed(profile, rng),
                )
            )
    return devices + _buses(ground, routes, patrol_codes, codes)


def _buses(ground: Ground, routes: tuple[Route, ...], patrol_codes: list[str], codes: list[str]) -> list[PlannedDevice]:
    devices: list[PlannedDevice] = []
    x, y = to_degrees(CITY_METRIC, ground.centre_m[:, 0], ground.centre_m[:, 1])
    for route in routes:
        start = route.line[0]
        cell = int(((x - start[0]) ** 2 + (y - start[1]) ** 2).argmin())
        devices += [
            PlannedDevice(
                label=f"BUS-{route.code}-{number:02d}",
                profile="bus",
                component_code="",
                district_code=ground.district[cell],
                unit_grid_code=codes[cell],
                patrol_code=patrol_codes[ground.patrol[cell]],
                lon_deg=float(start[0]),
                lat_deg=float(start[1]),
                interval_s=_INTERVAL_S["bus"],
                install={"route": route.code, "synthetic": True},
            )
            for number in range(1, BUSES // len(routes) + 1)
        ]
    return devices


def _pick(parts: Parts, classes: tuple[str, ...], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    return rng.choice(np.flatnonzero(np.isin(parts.class_code, classes)), size=n, replace=False)


def _runs(parts: Parts, class_code: str, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Pick components whose serials follow each other: they stand along one street."""
    rows = np.flatnonzero(parts.class_code == class_code)
    first = rng.choice(len(rows) // _LIGHT_RUN, size=n // _LIGHT_RUN, replace=False) * _LIGHT_RUN
    return rows[(first[:, None] + np.arange(_LIGHT_RUN)).ravel()]


def _installed(profile: str, rng: np.random.Generator) -> dict[str, Any]:
    """Say how a device was mounted; plausible values of our choice."""
    if profile == "manhole_cover":
        return {"depth_m": round(float(rng.uniform(1.2, 4.5)), 1), "synthetic": True}
    if profile == "streetlight":
        return {"rated_w": int(rng.choice((60, 90, 120, 180))), "height_m": int(rng.choice((8, 10, 12))),
                "synthetic": True}  # fmt: skip
    return {"height_m": round(float(rng.uniform(3.5, 9.0)), 1), "synthetic": True}


def _far_path(
    place: Floats,
    ends: NDArray[np.intp],
    cost: Floats,
    candidates: NDArray[np.intp],
    least_m: float,
    rng: np.random.Generator,
) -> list[int]:
    """Give the cheapest path between two chance nodes at least `least_m` apart; cut-off corners are tried again."""
    beside: list[list[tuple[int, float]]] = [[] for _ in range(len(place))]
    for (a, b), price in zip(ends.tolist(), cost.tolist(), strict=True):
        beside[a].append((b, price))
        beside[b].append((a, price))
    while True:
        start, goal = (int(node) for node in rng.choice(candidates, size=2, replace=False))
        if np.hypot(*(place[start] - place[goal])) < least_m:
            continue
        path = _cheapest(beside, start, goal)
        if path:
            return path


def _cheapest(beside: list[list[tuple[int, float]]], start: int, goal: int) -> list[int]:
    """Dijkstra; an empty list when there is no way."""
    reached: dict[int, tuple[float, int]] = {start: (0.0, -1)}
    done: set[int] = set()
    queue = [(0.0, start)]
    while queue:
        price, node = heapq.heappop(queue)
        if node in done:
            continue
        done.add(node)
        if node == goal:
            break
        for neighbour, step in beside[node]:
            ahead = price + step
            if neighbour not in reached or ahead < reached[neighbour][0]:
                reached[neighbour] = (ahead, node)
                heapq.heappush(queue, (ahead, neighbour))
    if goal not in done:
        return []
    path = [goal]
    while path[-1] != start:
        path.append(reached[path[-1]][1])
    return path[::-1]
