"""A frame: the readings of one device profile in a batch, as columns. The unit of work of the hot path.

One row is one device message, one column one channel of the profile, in the profile's order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Located readings of one profile.

    Shape: n rows; `values` is (n, k) with k = len(channels).
    Units: `ts_us`, `received_us` microseconds since 1970 UTC (event time, arrival); `values` in the channel's canonical
    unit, NaN = none.
    """

    profile: str
    channels: tuple[str, ...]
    slot: NDArray[np.int32]
    """Slot of the device in the `Fleet`."""
    ts_us: NDArray[np.int64]
    seq: NDArray[np.int32]
    """Tells apart messages of one device and instant: the payload's `seq`, or a checksum of its values."""
    values: NDArray[np.float64]
    quality: NDArray[np.int16]
    origin: NDArray[np.int8]
    unit_grid_id: NDArray[np.int32]
    """Grid the reading was taken in; 0 = outside the city's grids."""
    message: NDArray[np.int32]
    """Index of the raw message in the batch, for refusals."""
    received_us: NDArray[np.int64] | None = None
    """When each row was received, where batches were put together; None = with the step."""

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Frame":
        """Give the frame of the chosen rows, by index or mask, in that order."""
        return replace(
            self,
            slot=self.slot[rows],
            ts_us=self.ts_us[rows],
            seq=self.seq[rows],
            values=self.values[rows],
            quality=self.quality[rows],
            origin=self.origin[rows],
            unit_grid_id=self.unit_grid_id[rows],
            message=self.message[rows],
            received_us=None if self.received_us is None else self.received_us[rows],
        )

    def column(self, channel: str) -> NDArray[np.float64]:
        """Give one channel's values, shape (n,); all NaN when the profile has no such channel."""
        if channel not in self.channels:
            return np.full(len(self), np.nan)
        return self.values[:, self.channels.index(channel)]


def joined(frames: Sequence[Frame]) -> Frame:
    """Give the rows of several frames of one profile, one after the other."""
    first = frames[0]
    if len(frames) == 1:
        return first
    received = [frame.received_us for frame in frames if frame.received_us is not None]
    return replace(
        first,
        slot=np.concatenate([frame.slot for frame in frames]),
        ts_us=np.concatenate([frame.ts_us for frame in frames]),
        seq=np.concatenate([frame.seq for frame in frames]),
        values=np.concatenate([frame.values for frame in frames]),
        quality=np.concatenate([frame.quality for frame in frames]),
        origin=np.concatenate([frame.origin for frame in frames]),
        unit_grid_id=np.concatenate([frame.unit_grid_id for frame in frames]),
        message=np.concatenate([frame.message for frame in frames]),
        received_us=np.concatenate(received) if len(received) == len(frames) else None,
    )
