"""What healthy devices of the four kinds measure at a moment, for many devices at once. Pure.

A model keeps what differs between devices (drawn once from the seed) and computes the rest from the time, so that a
fleet started later on the same seed is the same fleet. Values stay well inside the limits of the default rule book:
what trips a rule is a labelled fault (`simulators.scenario`) and nothing else.
Source of the levels: our choice, inside the ranges of the shipped profiles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput
from simulators import routes, signals
from simulators.roster import Roster
from simulators.routes import Line

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Channels = Mapping[str, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What all devices share at an instant."""

    epoch_s: float
    hour: float
    """Hour of the city's day, 0 to 24."""
    daylight_lx: float
    is_lit: bool
    """True while the lamps are switched on."""


def moment(epoch_s: float, zone: ZoneInfo) -> Moment:
    """Give the shared facts of an instant."""
    return Moment(
        epoch_s=epoch_s,
        hour=signals.local_hour(epoch_s, zone),
        daylight_lx=signals.daylight_lx(epoch_s),
        is_lit=signals.lamps_are_lit(epoch_s),
    )


class Model(Protocol):
    """Devices of one profile."""

    def values(self, rows: Rows, now: Moment, rng: np.random.Generator) -> Channels:
        """Give what the chosen devices (positions in this model) measure now, a column a channel."""
        ...


@runtime_checkable
class Obedient(Protocol):
    """Devices that can be told to do something."""

    def obey(self, row: int, command: str, arguments: Mapping[str, float]) -> None:
        """Have one device do it; raises `InvalidInput` when it does not know it."""
        ...


class Manholes:
    """Covers: lying flat, a little water, traces of gas, knocks by day, batteries ageing slowly."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._tilt_deg = rng.uniform(0.2, 2.5, count)
        self._water_m = rng.uniform(0.05, 0.3, count)
        self._ch4_pct_lel = rng.uniform(0.2, 2.0, count)
        self._h2s_ppm = rng.uniform(0.05, 1.0, count)
        self._battery_pct = rng.uniform(55, 100, count)
        self._rsrp_dbm = rng.uniform(-102, -78, count)
        self._phase = rng.uniform(0, 1, count)
        self._period_s = rng.uniform(5400, 14400, count)

    def values(self, rows: Rows, now: Moment, rng: np.random.Generator) -> Channels:
        """Give the columns of the profile manhole_cover."""
        count = len(rows)
        slow = signals.drift(now.epoch_s, self._period_s[rows], self._phase[rows])
        use = 0.5 + 0.25 * signals.daily_wave(now.hour, 8) + 0.25 * signals.daily_wave(now.hour, 20)
        traffic = 0.6 + 0.5 * signals.daily_wave(now.hour, 14)
        return {
            "tilt_deg": np.abs(self._tilt_deg[rows] + signals.noise(rng, count, 0.08)),
            "water_m": self._water_m[rows] * (1 + 0.15 * slow) + 0.04 * use + signals.noise(rng, count, 0.001),
            "ch4_pct_lel": np.abs(self._ch4_pct_lel[rows] * (1 + 0.3 * slow) + signals.noise(rng, count, 0.05)),
            "h2s_ppm": np.abs(self._h2s_ppm[rows] * (1 + 0.3 * slow) + signals.noise(rng, count, 0.02)),
            "vibration_count": rng.poisson(traffic, count).astype(np.float64),
            "temperature_degc": 12 + 2 * slow + 1.5 * signals.daily_wave(now.hour, 16) + signals.noise(rng, count, 0.1),
            "battery_pct": np.clip(self._battery_pct[rows] + signals.noise(rng, count, 0.1), 0, 100),
            "rsrp_dbm": self._rsrp_dbm[rows] + signals.noise(rng, count, 1.0),
        }


class Streetlights:
    """Lamps on by photocell, dimmed after 23:00, on a mains that wanders a few volts."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._nominal_w = rng.choice(np.array([60.0, 90.0, 120.0, 150.0, 180.0]), count)
        self._voltage_v = rng.uniform(217, 227, count)
        self._leakage_ma = rng.uniform(0.3, 4.0, count)
        self._energy_kwh = rng.uniform(200, 6000, count)
        self._light_share = rng.uniform(0.85, 1.1, count)
        self._phase = rng.uniform(0, 1, count)
        self._told_pct = np.full(count, np.nan)

    def obey(self, row: int, command: str, arguments: Mapping[str, float]) -> None:
        """Switch a lamp by hand, or give it back to its photocell."""
        levels = {"lamp_on": 100.0, "lamp_off": 0.0, "lamp_auto": np.nan, "lamp_dim": arguments.get("dimming_pct")}
        level = levels.get(command)
        if level is None:
            raise InvalidInput(f"a lamp does not know {command}")
        self._told_pct[row] = level

    def values(self, rows: Rows, now: Moment, rng: np.random.Generator) -> Channels:
        """Give the columns of the profile streetlight."""
        count = len(rows)
        by_itself = (60.0 if now.hour >= 23 or now.hour < 5 else 100.0) if now.is_lit else 0.0
        told = self._told_pct[rows]
        dimming_pct = np.where(np.isnan(told), by_itself, told)
        standby_w = 0.8 + np.abs(signals.noise(rng, count, 0.05))
        load_w = self._nominal_w[rows] * dimming_pct / 100 * (1 + signals.noise(rng, count, 0.01))
        power_w = np.where(dimming_pct > 0, load_w, 0.0) + standby_w
        slow = signals.drift(now.epoch_s, np.full(count, 7200.0), self._phase[rows])
        voltage_v = self._voltage_v[rows] + 2 * slow + signals.noise(rng, count, 0.4)
        lit_h = now.epoch_s / 3600 % (24 * 3650) / 2  # lit half of all hours; grows through any run
        return {
            "commanded_on": (dimming_pct > 0).astype(np.float64),
            "dimming_pct": dimming_pct,
            "power_w": power_w,
            "voltage_v": voltage_v,
            "current_a": power_w / voltage_v,
            "leakage_ma": np.abs(self._leakage_ma[rows] + signals.noise(rng, count, 0.1)),
            "energy_kwh": self._energy_kwh[rows] + self._nominal_w[rows] / 1000 * lit_h,
            "daylight_lux": now.daylight_lx * self._light_share[rows] * (1 + signals.noise(rng, count, 0.01)),
        }


class Buses:
    """Buses shuttling along their lines at 0 to about 43 km/h, slowing to a halt every minute or two."""

    def __init__(self, lines: Sequence[Line], line_of: NDArray[np.intp], rng: np.random.Generator) -> None:
        count = len(line_of)
        self._lines = tuple(lines)
        self._line_of = line_of
        self._start_m = rng.uniform(0, 2, count) * np.array([self._lines[k].length_m for k in line_of])
        self._mean_mps = rng.uniform(4.8, 6.0, count)
        self._period_s = rng.uniform(70, 130, count)
        self._phase = rng.uniform(0, 1, count)
        self._occupancy_pct = rng.uniform(15, 55, count)
        self._battery_pct = rng.uniform(60, 95, count)

    def values(self, rows: Rows, now: Moment, rng: np.random.Generator) -> Channels:
        """Give the columns of the profile bus."""
        count = len(rows)
        mean_mps, period_s = self._mean_mps[rows], self._period_s[rows]
        turn = 2 * np.pi * (now.epoch_s / period_s + self._phase[rows])
        # distance = v t - v T/2pi sin(turn), so that speed = v (1 - cos(turn)): never backwards, zero once a period
        travelled_m = self._start_m[rows] + mean_mps * (now.epoch_s - period_s / (2 * np.pi) * np.sin(turn))
        aside_m = signals.noise(rng, count, 2.5)
        lon_deg, lat_deg, bearing_deg = np.empty(count), np.empty(count), np.empty(count)
        for number in np.unique(self._line_of[rows]):
            here = np.flatnonzero(self._line_of[rows] == number)
            lon_deg[here], lat_deg[here], bearing_deg[here] = routes.position(
                self._lines[number], travelled_m[here], aside_m[here]
            )
        rush = 1 + 0.3 * signals.daily_wave(now.hour, 8) + 0.3 * signals.daily_wave(now.hour, 18)
        return {
            "lon_deg": lon_deg,
            "lat_deg": lat_deg,
            "speed_kmh": mean_mps * (1 - np.cos(turn)) * 3.6,
            "bearing_deg": bearing_deg,
            "off_route_m": np.abs(aside_m),
            "occupancy_pct": np.clip(self._occupancy_pct[rows] * rush + signals.noise(rng, count, 1.0), 0, 98),
            "battery_pct": np.clip(self._battery_pct[rows] + signals.noise(rng, count, 0.2), 0, 100),
        }


class Cameras:
    """Cameras: online, 25 frames a second, a bit rate that follows the light, a recorder that overwrites itself."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._bitrate_kbps = rng.uniform(2500, 6000, count)
        self._loss_pct = rng.uniform(0.0, 0.6, count)
        self._disk_free_pct = rng.uniform(28, 60, count)
        self._phase = rng.uniform(0, 1, count)

    def values(self, rows: Rows, now: Moment, rng: np.random.Generator) -> Channels:
        """Give the columns of the profile camera."""
        count = len(rows)
        slow = signals.drift(now.epoch_s, np.full(count, 21600.0), self._phase[rows])
        dark = 0.7 if now.is_lit else 1.0
        return {
            "online": np.ones(count),
            "frame_rate_hz": 25 + signals.noise(rng, count, 0.2),
            "bitrate_kbps": self._bitrate_kbps[rows] * dark * (1 + 0.1 * slow) + signals.noise(rng, count, 50),
            "packet_loss_pct": np.abs(self._loss_pct[rows] + signals.noise(rng, count, 0.05)),
            "disk_free_pct": self._disk_free_pct[rows] + 4 * slow,
        }


def _buses(roster: Roster, members: Rows, rng: np.random.Generator, lines: Sequence[Line]) -> Model:
    """Give each bus the line its installation names, else one in turn; without lines, a kilometre to the east."""
    if not lines:
        east = [[(lon, lat), (lon + 0.0117, lat)] for lon, lat in _places(roster, members)]
        own = [routes.line(roster.label[i], points) for i, points in zip(members, east, strict=True)]
        return Buses(own, np.arange(len(own), dtype=np.intp), rng)
    numbers = {line.name: number for number, line in enumerate(lines)}
    named = [str(roster.install[i].get("route") or roster.install[i].get("line") or "") for i in members]
    line_of = [numbers.get(name, turn % len(lines)) for turn, name in enumerate(named)]
    return Buses(lines, np.array(line_of, dtype=np.intp), rng)


def _places(roster: Roster, members: Rows) -> list[tuple[float, float]]:
    return [(float(roster.lon_deg[i]), float(roster.lat_deg[i])) for i in members]


_Maker = Callable[[Roster, Rows, np.random.Generator, Sequence[Line]], Model]
MAKERS: Mapping[str, _Maker] = {
    "manhole_cover": lambda _roster, members, rng, _lines: Manholes(len(members), rng),
    "streetlight": lambda _roster, members, rng, _lines: Streetlights(len(members), rng),
    "camera": lambda _roster, members, rng, _lines: Cameras(len(members), rng),
    "bus": _buses,
}
"""How to make the model of a profile."""
