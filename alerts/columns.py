"""What a condition may ask of the readings it looks at: the questions, not the answers. Pure."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Columns(Protocol):
    """Rows of readings; every array has one entry a row, NaN = not measured, or not known."""

    def __len__(self) -> int: ...

    def column(self, channel: str) -> Floats:
        """Give a channel's values."""
        ...

    def change(self, channel: str) -> Floats:
        """Give the change since the reading before of the same device."""
        ...

    def elapsed_s(self) -> Floats:
        """Give the event time since the reading before, seconds; NaN = there is none or it bears the same time."""
        ...

    def ts_us(self) -> Times:
        """Give the readings' times, microseconds since 1970 UTC."""
        ...

    def window(self, channel: str, span_us: int) -> tuple[Floats, Times]:
        """Give the device's values of the span up to each row, and how much older than the row they are, microseconds.

        Shape: (n, k) both, newest last, the row itself included; NaN wherever there is no value. Samples exactly as old
        as the span are in.
        """
        ...

    def neighbours(self, channel: str, radius_m: float) -> Floats:
        """Give the newest values of the profile's other devices in the radius, shape (n, k), padded with NaN."""
        ...

    def lon_deg(self) -> Floats:
        """Give where the device was: the reading's own position, else the registered one; degrees, WGS 84."""
        ...

    def lat_deg(self) -> Floats:
        """Give where the device was; degrees, WGS 84."""
        ...

    def inside(self, area: str) -> Floats:
        """Give 1 where the device is in the area, 0 where it is not."""
        ...

    def inside_before(self, area: str) -> Floats:
        """Give the same of the device's reading before; NaN = there is none."""
        ...

    def off_route_m(self) -> Floats:
        """Give the distance from the device's route, metres; NaN = it has none."""
        ...
