"""Facts: what a device says that is no number (a detection, a state, a life-cycle event), located on the city."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedFact:
    """A fact of a registered device. Identity: (device, ts, kind, seq)."""

    slot: int
    """Slot of the device in the `Fleet`."""
    ts_us: int
    """Event time, microseconds since 1970 UTC."""
    seq: int
    """Tells apart facts of one device, instant and kind; a checksum of its content when the sender gave none."""
    kind: str
    confidence: float | None
    plate: str | None
    snapshot_url: str | None
    snapshot_sha256: str | None
    origin: int
    unit_grid_id: int
    """Grid of the device's registered position; 0 = none."""
    quality: int
    """Bits of `core.quality.Quality`."""
    detail: Mapping[str, Any]
    message: int
    """Index of the raw message in the batch, for refusals."""
    item: int = 0
    """Position in that message."""
