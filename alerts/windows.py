"""What a device's values over a time, or its neighbours' values, amount to: one number a row. Pure.

Source: Prometheus 2.42, promql/functions.go; each function of that name gives what Prometheus gives, to rounding. There
a window holds samples exactly as old as its length (in Prometheus 3 it does not). NaN is no sample.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from alerts.columns import Columns, Floats, Mask

Index = NDArray[np.intp]
N = TypeVar("N", bound=np.generic)

_STUCK_FEWEST = 3
"""Our choice: two equal values are no proof that a sensor is stuck."""
_NEAR = 1.1
"""A window is covered up to its start when the oldest sample is no farther from it than so many usual gaps."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The values in a window, newest last, one row a reading; pushed to the right so that no gaps are between them."""

    values: Floats
    age_s: Floats
    known: Mask
    count: Floats
    span_s: float

    def first(self, of: Floats) -> Floats:
        """Give the entry of the oldest sample; any entry where there is none."""
        at = np.argmax(self.known, axis=1)
        return np.take_along_axis(of, at[:, None], axis=1)[:, 0]

    def enough(self, result: Floats, fewest: int) -> Floats:
        """Leave out the results of rows with too few samples."""
        return np.where(self.count >= fewest, result, np.nan)


def samples(columns: Columns, channel: str, span_us: int) -> Samples:
    """Give the samples in the window of each row."""
    values, ages_us = columns.window(channel, span_us)
    known = ~np.isnan(values)
    count = np.count_nonzero(known, axis=1)
    if (known[:, :-1] & ~known[:, 1:]).any():
        width = values.shape[1]
        row, column = np.nonzero(known)
        target = width - np.repeat(count, count) + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        at, to = (row, column), (row, target)
        values, ages_us = _moved(values, at, to, np.nan), _moved(ages_us, at, to, 0)
        known = np.arange(width) >= width - count[:, None]
    return Samples(values, ages_us / 1e6, known, count.astype(np.float64), span_us / 1e6)


def _moved(of: NDArray[N], at: tuple[Index, Index], to: tuple[Index, Index], fill: float) -> NDArray[N]:
    result = np.full_like(of, fill)
    result[to] = of[at]
    return result


def _total(values: Floats, known: Mask) -> Floats:
    return np.where(known, values, 0.0).sum(axis=1)


def _mean(of: Samples) -> Floats:
    return _total(of.values, of.known) / of.count


def _sum(of: Samples) -> Floats:
    return of.enough(_total(of.values, of.known), 1)


def _variance(of: Samples) -> Floats:
    return _total((of.values - _mean(of)[:, None]) ** 2, of.known) / of.count


def _lowest(values: Floats) -> Floats:
    return np.fmin.reduce(values, axis=1, initial=np.nan)


def _highest(values: Floats) -> Floats:
    return np.fmax.reduce(values, axis=1, initial=np.nan)


def _last(of: Samples) -> Floats:
    return of.values[:, -1]


def _quantile(values: Floats, count: Floats, share: float) -> Floats:
    """Interpolate between the two values around the rank, as Prometheus does."""
    if not 0 <= share <= 1:
        return np.where(count > 0, np.copysign(np.inf, share), np.nan)
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    ordered = np.sort(values, axis=1)  # NaN goes last
    rank = share * np.maximum(count - 1, 0)
    lower = np.floor(rank)
    upper = np.minimum(np.maximum(count - 1, 0), lower + 1)
    low, high = (np.take_along_axis(ordered, at.astype(np.intp)[:, None], axis=1)[:, 0] for at in (lower, upper))
    return low * (1 - (rank - lower)) + high * (rank - lower)


def _steps(of: Samples, differs: Callable[[Floats, Floats], Mask]) -> Mask:
    """Say between which neighbouring samples something holds; nothing holds where there is no sample."""
    return differs(of.values[:, :-1], of.values[:, 1:]) & of.known[:, :-1]


def _changes(of: Samples) -> Floats:
    return of.enough(np.count_nonzero(_steps(of, np.not_equal), axis=1).astype(np.float64), 1)


def _resets(of: Samples) -> Floats:
    return of.enough(np.count_nonzero(_steps(of, np.greater), axis=1).astype(np.float64), 1)


def _rise(of: Samples, *, counter: bool, per_second: bool) -> Floats:
    """Extrapolate from the samples to the whole window: `extrapolatedRate`."""
    first, oldest_s = of.first(of.values), of.first(of.age_s)
    rise = _last(of) - first
    if counter:
        rise = rise + _total(of.values[:, :-1], _steps(of, np.greater))
    sampled_s = oldest_s - of.age_s[:, -1]
    usual_s = sampled_s / (of.count - 1)
    to_start_s, to_end_s = of.span_s - oldest_s, of.age_s[:, -1]
    if counter:
        to_zero_s = sampled_s * (first / rise)
        to_start_s = np.where((rise > 0) & (first >= 0) & (to_zero_s < to_start_s), to_zero_s, to_start_s)
    near_start, near_end = to_start_s < usual_s * _NEAR, to_end_s < usual_s * _NEAR
    covered_s = sampled_s + np.where(near_start, to_start_s, usual_s / 2) + np.where(near_end, to_end_s, usual_s / 2)
    factor = covered_s / sampled_s
    return of.enough(rise * (factor / of.span_s if per_second else factor), 2)


def _line(of: Samples, origin_s: Floats) -> tuple[Floats, Floats]:
    """Give slope and value at `origin_s` (an age) of the line of least squares: `linearRegression`."""
    x = np.where(of.known, origin_s[:, None] - of.age_s, 0.0)
    y = np.where(of.known, of.values, 0.0)
    mean_x, mean_y = x.sum(axis=1) / of.count, y.sum(axis=1) / of.count
    off_x = np.where(of.known, x - mean_x[:, None], 0.0)
    slope = (off_x * y).sum(axis=1) / (off_x * off_x).sum(axis=1)
    level = _lowest(of.values) == _highest(of.values)
    slope = np.where(level, 0.0, slope)
    return of.enough(slope, 2), of.enough(np.where(level, _last(of), mean_y - slope * mean_x), 2)


def _slope(of: Samples) -> Floats:
    return _line(of, of.first(of.age_s))[0]


def _forecast(of: Samples, ahead_s: float) -> Floats:
    slope, now = _line(of, np.zeros(len(of.count)))
    return now + slope * ahead_s


def _stuck(of: Samples) -> Floats:
    """Give 0 where two values differ, 1 where all are equal over a covered window; else it is unknown."""
    oldest_s = of.first(of.age_s)
    usual_s = (oldest_s - of.age_s[:, -1]) / (of.count - 1)
    covered = (of.count >= _STUCK_FEWEST) & (of.span_s - oldest_s <= usual_s * _NEAR)
    equal = _lowest(of.values) == _highest(of.values)
    return of.enough(np.where(covered & equal, 1.0, np.where(equal, np.nan, 0.0)), 1)


WINDOW: Mapping[str, Callable[[Samples, float], Floats]] = {
    "avg_over_time": lambda of, _: _mean(of),
    "min_over_time": lambda of, _: _lowest(of.values),
    "max_over_time": lambda of, _: _highest(of.values),
    "sum_over_time": lambda of, _: _sum(of),
    "count_over_time": lambda of, _: of.enough(of.count, 1),
    "last_over_time": lambda of, _: _last(of),
    "stddev_over_time": lambda of, _: np.sqrt(_variance(of)),
    "stdvar_over_time": lambda of, _: _variance(of),
    "quantile_over_time": lambda of, share: _quantile(of.values, of.count, share),
    "changes": lambda of, _: _changes(of),
    "resets": lambda of, _: _resets(of),
    "delta": lambda of, _: _rise(of, counter=False, per_second=False),
    "increase": lambda of, _: _rise(of, counter=True, per_second=False),
    "rate": lambda of, _: _rise(of, counter=True, per_second=True),
    "deriv": lambda of, _: _slope(of),
    "predict_linear": _forecast,
    "stuck": lambda of, _: _stuck(of),
}
"""By name; the second argument is the function's parameter, where it has one."""


def _known(values: Floats) -> Floats:
    return np.count_nonzero(~np.isnan(values), axis=1).astype(np.float64)


NEIGHBOURS: Mapping[str, Callable[[Floats], Floats]] = {
    "neighbours_avg": lambda values: _total(values, ~np.isnan(values)) / _known(values),
    "neighbours_min": _lowest,
    "neighbours_max": _highest,
    "neighbours_median": lambda values: _quantile(values, _known(values), 0.5),
    "neighbours_count": _known,
}
"""Of the neighbours' newest values, shape (n, k), NaN where there is none."""
