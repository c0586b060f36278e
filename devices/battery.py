"""How long a battery lasts, by the robust slope of its daily levels (Theil-Sen), or an honest "unknown". Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

CHANNEL = "battery_pct"
LOOK_BACK_DAYS = 90
LEAST_LEVELS, LEAST_SPAN_DAYS = 7, 10.0
"""Fewer daily levels, or a shorter time, say more of temperature than of the battery; our choice."""
EMPTY_PCT = 10.0
"""What is called empty: below, radios of primary cells fail in the cold. Our choice."""
NEW_BATTERY_PCT = 15.0
"""A rise by so much is another battery: levels of before say nothing. Our choice."""
LEAST_FALL_PCT_A_DAY = 0.01
"""A slower fall is not told apart from none: it would be 25 years."""


class Unknown(StrEnum):
    """Why there is no forecast."""

    NO_LEVELS = "no_levels"
    TOO_FEW = "too_few"
    NOT_FALLING = "not_falling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Days until a battery is empty."""

    days_left: float | None
    """None = unknown."""
    unknown: Unknown | None
    pct_a_day: float | None
    """How fast it falls; negative. None = too little is known."""
    levels: int
    """Daily levels it was made of."""


def forecast(days: Sequence[float], levels_pct: Sequence[float]) -> Forecast:
    """Give the forecast from the last of `days`; ascending, any origin, one level each."""
    since = _newest_battery(levels_pct)
    x, y = np.array(days[since:], dtype=np.float64), np.array(levels_pct[since:], dtype=np.float64)
    count = len(y)
    if not count:
        return Forecast(days_left=None, unknown=Unknown.NO_LEVELS, pct_a_day=None, levels=0)
    if count < LEAST_LEVELS or x[-1] - x[0] < LEAST_SPAN_DAYS:
        return Forecast(days_left=None, unknown=Unknown.TOO_FEW, pct_a_day=None, levels=count)
    first, second = np.triu_indices(count, 1)
    slope = float(np.median((y[second] - y[first]) / (x[second] - x[first])))
    if slope > -LEAST_FALL_PCT_A_DAY:
        return Forecast(days_left=None, unknown=Unknown.NOT_FALLING, pct_a_day=slope, levels=count)
    level_now = float(np.median(y - slope * x)) + slope * float(x[-1])
    return Forecast(days_left=max(0.0, (level_now - EMPTY_PCT) / -slope), unknown=None, pct_a_day=slope, levels=count)


def _newest_battery(levels_pct: Sequence[float]) -> int:
    """Give where the levels of the newest battery begin: a single high level between low ones is none."""
    for at in range(len(levels_pct) - 1, 0, -1):
        before, after = levels_pct[max(0, at - 3) : at], levels_pct[at : at + 3]
        if float(np.median(after)) - float(np.median(before)) >= NEW_BATTERY_PCT and (
            levels_pct[at] - levels_pct[at - 1] >= NEW_BATTERY_PCT
        ):
            return at
    return 0
