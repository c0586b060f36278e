"""The functions of one reading: of its numbers, its time and its place. Pure.

Source: Prometheus 2.42 for `NUMBERS` and, in UTC, for the clock; a reading's own time is the time of evaluation.
"""

from collections.abc import Callable, Mapping

import numpy as np

from alerts import clock, sun
from alerts.columns import Columns, Floats


def _round(value: Floats, nearest: Floats | None = None) -> Floats:
    """Halves go up, as in Prometheus."""
    inverse = 1 / (np.ones(1) if nearest is None else nearest)
    return np.floor(value * inverse + 0.5) / inverse


def _clamp(value: Floats, low: Floats, high: Floats) -> Floats:
    return np.where(low > high, np.nan, np.maximum(low, np.minimum(high, value)))


NUMBERS: Mapping[str, Callable[..., Floats]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "round": _round,
    "clamp": _clamp,
    "clamp_min": np.maximum,
    "clamp_max": np.minimum,
    "sgn": np.sign,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
}


def sun_elevation_deg(columns: Columns) -> Floats:
    """Give how high the sun stands over the device."""
    return sun.elevation_deg(columns.ts_us(), columns.lon_deg(), columns.lat_deg())


def daylight(columns: Columns) -> Floats:
    """Give 1 from sunrise to sunset at the device, 0 otherwise."""
    elevation_deg = sun_elevation_deg(columns)
    return np.where(np.isnan(elevation_deg), np.nan, (elevation_deg > sun.HORIZON_DEG).astype(np.float64))


def _day_of_year(columns: Columns) -> Floats:
    days = (columns.ts_us() // clock.DAY_US).astype("datetime64[D]")
    return (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64) + 1


def _float(values: clock.Times) -> Floats:
    return values.astype(np.float64)


INSTANT: Mapping[str, Callable[[Columns], Floats]] = {
    "time": lambda columns: columns.ts_us() / 1e6,
    "hour": lambda columns: _float(clock.hour(columns.ts_us())),
    "minute": lambda columns: _float(clock.minute_of_day(columns.ts_us()) % 60),
    "day_of_week": lambda columns: _float(clock.day_of_week(columns.ts_us())),
    "day_of_month": lambda columns: _float(clock.dates(columns.ts_us()).day),
    "day_of_year": _day_of_year,
    "days_in_month": lambda columns: _float(clock.dates(columns.ts_us()).days_in_month),
    "month": lambda columns: _float(clock.dates(columns.ts_us()).month),
    "year": lambda columns: _float(clock.dates(columns.ts_us()).year),
    "sun_elevation_deg": sun_elevation_deg,
    "daylight": daylight,
    "off_route_m": lambda columns: columns.off_route_m(),
}


def local(function: str, zone: str) -> Callable[[Columns], Floats] | None:
    """Give a function of the city's clock; None when there is none of the name."""
    of = {"local_hour": clock.hour, "local_day_of_week": clock.day_of_week}.get(function)
    return None if of is None else lambda columns: _float(of(clock.local_us(columns.ts_us(), zone)))


def _crossed(now: Floats, before: Floats) -> Floats:
    """Give 1 where it is so now and was not before, 0 where it is not so now or was so before; else unknown."""
    return np.where(now == 0, 0.0, now * (1 - before))


PLACE: Mapping[str, Callable[[Columns, str], Floats]] = {
    "inside": lambda columns, area: columns.inside(area),
    "outside": lambda columns, area: 1 - columns.inside(area),
    "entered": lambda columns, area: _crossed(columns.inside(area), columns.inside_before(area)),
    "left": lambda columns, area: _crossed(1 - columns.inside(area), 1 - columns.inside_before(area)),
}
