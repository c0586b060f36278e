"""Readings as conditions see them, done the plain way: what the engine's fast columns are compared with."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.builders import START_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One reading: whose, when (seconds after the start), what; what it leaves out was not measured."""

    device: str = "a"
    at_s: float
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    inside: Collection[str] = ()
    off_route_m: float = math.nan


class Table:
    """Rows in the order they came; `places` are devices' positions, metres on a plane."""

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        places_m: Mapping[str, tuple[float, float]] | None = None,
        lon_deg: float = 118.18,
        lat_deg: float = 39.63,
        start_us: int = START_US,
    ) -> None:
        self.rows = rows
        self._places_m = places_m or {}
        self._lon_deg, self._lat_deg = lon_deg, lat_deg
        self._start_us = start_us

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, channel: str) -> np.ndarray:
        return np.array([row.values.get(channel, math.nan) for row in self.rows])

    def change(self, channel: str) -> np.ndarray:
        before = [(self._before(at) or Row(at_s=0)).values.get(channel, math.nan) for at in range(len(self))]
        return self.column(channel) - np.array(before)

    def elapsed_s(self) -> np.ndarray:
        gone = [row.at_s - before.at_s if (before := self._before(at)) else 0 for at, row in enumerate(self.rows)]
        return np.array([seconds if seconds > 0 else math.nan for seconds in gone])

    def ts_us(self) -> np.ndarray:
        return np.array([self._start_us + round(row.at_s * 1e6) for row in self.rows], dtype=np.int64)

    def window(self, channel: str, span_us: int) -> tuple[np.ndarray, np.ndarray]:
        ts_us, found = self.ts_us(), list[list[tuple[float, int]]]()
        for at, row in enumerate(self.rows):
            ages = [(other, int(ts_us[at] - ts_us[n])) for n, other in enumerate(self.rows[: at + 1])]
            found.append(
                [(o.values.get(channel, math.nan), age) for o, age in ages if o.device == row.device and age <= span_us]
            )
        width = max(map(len, found), default=0)
        padded = [[(math.nan, 0)] * (width - len(samples)) + samples for samples in found]
        return (
            np.array([[value for value, _ in samples] for samples in padded], dtype=np.float64),
            np.array([[age for _, age in samples] for samples in padded], dtype=np.int64),
        )

    def neighbours(self, channel: str, radius_m: float) -> np.ndarray:
        devices = sorted({row.device for row in self.rows})
        result = np.full((len(self), len(devices)), math.nan)
        newest: dict[str, float] = {}
        for at, row in enumerate(self.rows):
            newest[row.device] = row.values.get(channel, math.nan)
            for column, other in enumerate(devices):
                near = math.dist(self._places_m[row.device], self._places_m[other]) <= radius_m
                if near and other != row.device:
                    result[at, column] = newest.get(other, math.nan)
        return result

    def lon_deg(self) -> np.ndarray:
        return np.full(len(self), self._lon_deg)

    def lat_deg(self) -> np.ndarray:
        return np.full(len(self), self._lat_deg)

    def inside(self, area: str) -> np.ndarray:
        return np.array([float(area in row.inside) for row in self.rows])

    def inside_before(self, area: str) -> np.ndarray:
        before = [self._before(at) for at in range(len(self))]
        return np.array([math.nan if row is None else float(area in row.inside) for row in before])

    def off_route_m(self) -> np.ndarray:
        return np.array([row.off_route_m for row in self.rows])

    def _before(self, at: int) -> Row | None:
        return next((row for row in reversed(self.rows[:at]) if row.device == self.rows[at].device), None)


def stream(channel: str, values: str, *, step_s: float = 10.0) -> list[Row]:
    """Readings of one device, one a step; `_` = the channel was not measured."""
    return [
        Row(at_s=number * step_s, values={} if value == "_" else {channel: float(value)})
        for number, value in enumerate(values.split())
    ]
