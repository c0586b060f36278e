"""Builds a run from files: the device list, the bus lines beside it, a scenario; and one gateway for each district."""

import asyncio
import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from core.errors import InvalidInput
from devices.profile import Profile
from simulators import ears, roster, routes
from simulators.ears import Obey
from simulators.feed import Setup
from simulators.gateway import Gateway, Policy, Record
from simulators.publisher import Outlet
from simulators.roster import Roster
from simulators.routes import Line
from simulators.scenario import Plan, Scenario
from wire import broker

ROUTES_FILE = "routes.geojson"
LINKS_FILE = "links.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """The fleet to play: the devices and their types, and the lines that buses drive."""

    roster: Roster
    lines: tuple[Line, ...]
    profiles: Mapping[str, Profile]


def load_city(fleet_file: Path, profiles: Mapping[str, Profile]) -> City:
    """Read a list of devices, and what lies beside it of routes.geojson and links.csv; raises `InvalidInput`."""
    if not fleet_file.is_file():
        raise InvalidInput(f"no device list at {fleet_file}: run `citygrid city generate`, or name one with --fleet")
    with fleet_file.open(encoding="utf-8", newline="") as lines:
        devices = roster.parse(lines, profiles, fleet_file.name, _fed_by(fleet_file.parent / LINKS_FILE))
    if not len(devices):
        raise InvalidInput(f"{fleet_file} lists no device")
    routes_file = fleet_file.parent / ROUTES_FILE
    if not routes_file.is_file():
        return City(roster=devices, lines=(), profiles=profiles)
    lines = routes.from_geojson(json.loads(routes_file.read_text(encoding="utf-8")))
    return City(roster=devices, lines=lines, profiles=profiles)


def _fed_by(links_file: Path) -> dict[str, str]:
    """Give the cabinet that feeds a component, by the components' codes."""
    if not links_file.is_file():
        return {}
    with links_file.open(encoding="utf-8", newline="") as lines:
        return {row["downstream"]: row["upstream"] for row in csv.DictReader(lines) if row["kind"] == "circuit"}


def make_setup(
    city: City, scenario: Scenario, plan: Plan, *, zone: str, rate_scale: float, payload_limit_bytes: int
) -> Setup:
    """Give what `simulators.feed.Feed` is made from."""
    return Setup(
        roster=city.roster,
        profiles=city.profiles,
        scenario=scenario,
        plan=plan,
        zone=ZoneInfo(zone),
        lines=city.lines,
        rate_scale=rate_scale,
        payload_limit_bytes=payload_limit_bytes,
    )


def make_outlet(
    districts: frozenset[str],
    url_of: Callable[[str], str],
    record: Record,
    run_name: str,
    policy: Policy | None = None,
) -> Outlet:
    """Give a gateway for each district; `url_of` tells the broker's address of an account."""
    gateways: Mapping[str, Gateway] = {
        district: Gateway(broker.parse(url_of(f"gateway-{district}")), f"gateway-{district}-{run_name}", record, policy)
        for district in sorted(districts)
    }
    return Outlet(gateways=gateways)


async def listen(districts: frozenset[str], url_of: Callable[[str], str], obey: Obey) -> None:
    """Have the devices of all districts hear and do what they are told, for ever."""
    async with asyncio.TaskGroup() as group:
        for district in sorted(districts):
            group.create_task(ears.listen(broker.parse(url_of(f"gateway-{district}")), district, obey))
