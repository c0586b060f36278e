"""What a device's values over a time, or its neighbours' values, amount to: one number a row. Pure.

Source: Prometheus 2.42, promql/functions.go; each function of that name gives what Prometheus gives, to rounding. There
a window holds samples exactly as old as its length (in Prometheus 3 it does not). NaN is no sample.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.columns import Columns, Floats, Mask, Times

Index = NDArray[np.intp]

_BLOCK = 500
_STUCK_FEWEST = 3
"""Our choice: two equal values are no proof that a sensor is stuck."""
_NEAR = 1.1
"""A window is covered up to its start when the oldest sample is no farther from it than so many usual gaps."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The values in a window, newest last, one row a reading; NaN anywhere is no sample."""

    values: Floats
    ages_us: Times
    known: Mask
    count: Floats
    span_s: float

    def first(self) -> Index:
        """Give where the oldest sample stands; anywhere where there is none."""
        return np.argmax(self.known, axis=1)

    def last(self) -> Index:
        """Give where the newest sample stands; anywhere where there is none."""
        width = self.known.shape[1]
        if self.known[:, -1].all():
            return np.full(len(self.count), width - 1)
        return width - 1 - np.argmax(self.known[:, ::-1], axis=1)

    def value(self, at: Index) -> Floats:
        """Give one value a row."""
        return self.values[np.arange(len(at)), at]

    def age_s(self, at: Index) -> Floats:
        """Give the age of one value a row."""
        return self.ages_us[np.arange(len(at)), at] / 1e6

    def enough(self, result: Floats, fewest: int) -> Floats:
        """Leave out the results of rows with too few samples."""
        return np.where(self.count >= fewest, result, np.nan)


def over_time(columns: Columns, function: str, channel: str, span_us: int, parameter: float) -> Floats:
    """Give what a function makes of the window of each row."""
    values, ages_us = columns.window(channel, span_us)
    of = WINDOW[function]
    parts = [of(_samples(values[part], ages_us[part], span_us), parameter) for part in _blocks(len(values))]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _blocks(rows: int) -> list[slice]:
    """Cut rows so that what is computed on the way stays in the processor's cache."""
    return [slice(start, start + _BLOCK) for start in range(0, max(rows, 1), _BLOCK)]


def _samples(values: Floats, ages_us: Times, span_us: int) -> Samples:
    known = ~np.isnan(values)
    return Samples(values, ages_us, known, np.count_nonzero(known, axis=1).astype(np.float64), span_us / 1e6)


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
    return of.value(of.last())


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


def _before(of: Samples) -> Floats:
    """Give for all entries but the first the newest sample before it, NaN where there is none."""
    before = of.values[:, :-1]
    gaps = (of.known[:, :-1] & ~of.known[:, 1:]).any(axis=1)
    if not gaps.any():
        return before
    held = np.maximum.accumulate(np.where(of.known[gaps, :-1], np.arange(before.shape[1]), 0), axis=1)
    before = before.copy()
    before[gaps] = np.take_along_axis(before[gaps], held, axis=1)
    return before


def _changes(of: Samples) -> Floats:
    before, after = _before(of), of.values[:, 1:]
    return of.enough(np.count_nonzero((before < after) | (before > after), axis=1).astype(np.float64), 1)


def _resets(of: Samples) -> Floats:
    return of.enough(np.count_nonzero(_before(of) > of.values[:, 1:], axis=1).astype(np.float64), 1)


def _rise(of: Samples, *, counter: bool, per_second: bool) -> Floats:
    """Extrapolate from the samples to the whole window: `extrapolatedRate`."""
    oldest, newest = of.first(), of.last()
    first, to_end_s = of.value(oldest), of.age_s(newest)
    rise = of.value(newest) - first
    if counter:
        before = _before(of)
        rise = rise + _total(before, before > of.values[:, 1:])
    sampled_s = of.age_s(oldest) - to_end_s
    usual_s = sampled_s / (of.count - 1)
    to_start_s = of.span_s - of.age_s(oldest)
    if counter:
        to_zero_s = sampled_s * (first / rise)
        to_start_s = np.where((rise > 0) & (first >= 0) & (to_zero_s < to_start_s), to_zero_s, to_start_s)
    near_start, near_end = to_start_s < usual_s * _NEAR, to_end_s < usual_s * _NEAR
    covered_s = sampled_s + np.where(near_start, to_start_s, usual_s / 2) + np.where(near_end, to_end_s, usual_s / 2)
    factor = covered_s / sampled_s
    return of.enough(rise * (factor / of.span_s if per_second else factor), 2)


def _line(of: Samples) -> tuple[Floats, Floats]:
    """Give slope a second, and value at the row's own time, of the line of least squares: `linearRegression`."""
    ago_s = np.where(of.known, of.ages_us, 0) / 1e6
    values = np.where(of.known, of.values, 0.0)
    mean_s, mean = ago_s.sum(axis=1) / of.count, values.sum(axis=1) / of.count
    off_s = np.where(of.known, mean_s[:, None] - ago_s, 0.0)
    slope = np.einsum("ij,ij->i", off_s, values) / np.einsum("ij,ij->i", off_s, off_s)
    level = _lowest(of.values) == _highest(of.values)
    slope = np.where(level, 0.0, slope)
    return of.enough(slope, 2), of.enough(np.where(level, _last(of), mean + slope * mean_s), 2)


def _forecast(of: Samples, ahead_s: float) -> Floats:
    slope, now = _line(of)
    return now + slope * ahead_s


def _stuck(of: Samples) -> Floats:
    """Give 0 where two values differ, 1 where all are equal over a covered window; else it is unknown."""
    oldest_s = of.age_s(of.first())
    usual_s = (oldest_s - of.age_s(of.last())) / (of.count - 1)
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
    "deriv": lambda of, _: _line(of)[0],
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
