"""Everything the hot path knows about devices, as columns: one slot a device, the same slot for ever.

Slots are handed out in order of registration and never reused, so that arrays indexed by slot (rule state, last seen)
survive a refresh of the registry: new devices are appended.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.places import NOWHERE, Nowhere, Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Columns over N devices.

    Shape: every array and tuple has length N; text columns that repeat are codes into a tuple of names.
    Units: `interval_s` seconds; `lon_deg`, `lat_deg` WGS 84 degrees.
    """

    device_id: NDArray[np.int32]
    """Key in table `device`; ascending when first loaded, devices registered later are appended."""
    label: tuple[str, ...]
    """Public name of the device, the one in its topic."""
    profile: NDArray[np.int16]
    """Index into `profiles`."""
    profiles: tuple[str, ...]
    class_code: tuple[str, ...]
    """Four digits of the component's class; empty when mounted on nothing."""
    component_id: NDArray[np.int32]
    """Key in table `component`; 0 = none."""
    district_code: tuple[str, ...]
    unit_grid_id: NDArray[np.int32]
    """Grid of the registered position; 0 = none."""
    interval_s: NDArray[np.float64]
    """Reporting interval agreed with the device."""
    in_service: NDArray[np.bool_]
    """False while in maintenance, replaced or retired: stored, but no rule looks."""
    lon_deg: NDArray[np.float64]
    lat_deg: NDArray[np.float64]
    registered_us: NDArray[np.int64]
    """When the device came into service, microseconds since 1970 UTC; silence counts from here at first."""
    patrol_grid_id: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """Patrol grid of the registered position; 0 = none."""
    subsystem: tuple[str, ...] = ()
    """Subsystem of the component's class; empty when mounted on nothing."""
    tags: tuple[frozenset[str], ...] = ()
    """Words an operator gave the device."""
    places: Places = NOWHERE
    """Cells, neighbours, areas and routes of these slots."""

    def __post_init__(self) -> None:
        """Give the columns that were not told their length: zero, empty, none."""
        count = len(self.label)
        blank: dict[str, Any] = {
            "patrol_grid_id": np.zeros(count, np.int32),
            "subsystem": ("",) * count,
            "tags": (frozenset[str](),) * count,
        }
        for name, column in blank.items():
            if len(getattr(self, name)) != count:
                object.__setattr__(self, name, column)
        if self.places is NOWHERE:
            object.__setattr__(self, "places", Nowhere(count))

    def __len__(self) -> int:
        return len(self.label)
