"""Seeded shapes that the models are made of: the sun's light, daily waves, slow drift, noise. Pure.

Nothing here knows a device; `simulators.models` puts the shapes together.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from astral import Observer
from astral.sun import elevation
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TANGSHAN = Observer(latitude=39.63, longitude=118.18)
"""Where the light is computed for; a city is small enough for one sun."""

LAMPS_ON_BELOW_LX = 20.0
"""Ambient light under which a photocell switches lamps on; usual settings are 10 to 50 lx (our choice)."""

# Clear-sky light by the sun's elevation: starlight, civil twilight 3.4 lx, sunset 400 lx, noon about 100 klx.
# Source: commonly tabulated natural illuminance; only the shape matters here (our choice).
_ELEVATION_DEG = (-90.0, -18.0, -12.0, -6.0, -0.8, 5.0, 10.0, 30.0, 60.0, 90.0)
_LOG10_LX = (-3.0, -3.0, -2.0, 0.53, 2.6, 3.7, 4.0, 4.7, 5.0, 5.05)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUN_STEP_S = 30


def daylight_lx(epoch_s: float) -> float:
    """Give the clear-sky light on the city at an instant; changes in steps of half a minute."""
    return _daylight_lx(int(epoch_s // _SUN_STEP_S))


@lru_cache(maxsize=4096)
def _daylight_lx(step: int) -> float:
    at = _EPOCH + timedelta(seconds=step * _SUN_STEP_S)
    sun_deg = elevation(TANGSHAN, at, with_refraction=False)
    return float(10 ** np.interp(sun_deg, _ELEVATION_DEG, _LOG10_LX))


def lamps_are_lit(epoch_s: float) -> bool:
    """Say whether the city's photocells have switched the lamps on."""
    return daylight_lx(epoch_s) < LAMPS_ON_BELOW_LX


def local_hour(epoch_s: float, zone: ZoneInfo) -> float:
    """Give the hour of the city's day, 0 to 24."""
    at = (_EPOCH + timedelta(seconds=epoch_s)).astimezone(zone)
    return at.hour + at.minute / 60 + at.second / 3600


def daily_wave(hour: float, peak_hour: float) -> float:
    """Give a cosine over the day: 1 at `peak_hour`, -1 twelve hours later."""
    return float(np.cos((hour - peak_hour) / 24 * 2 * np.pi))


def drift(epoch_s: float, period_s: Floats, phase: Floats) -> Floats:
    """Give a slow sine of amplitude 1 for each device; `phase` in turns, 0 to 1."""
    return np.sin(2 * np.pi * (epoch_s / period_s + phase))


def noise(rng: np.random.Generator, count: int, sigma: float) -> Floats:
    """Give Gaussian noise cut at three sigma, so that a healthy device never leaps."""
    return np.clip(rng.standard_normal(count), -3, 3) * sigma
