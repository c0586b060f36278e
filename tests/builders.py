"""Small builders of the hot path's values, so that a test says only what matters to it."""

from collections.abc import Mapping, Sequence

import numpy as np

from core.fleet import Fleet
from core.frame import Frame
from core.origin import Origin
from core.quality import Quality

START_US = 1_800_000_000_000_000
"""2027-01-15 08:00:00 UTC: the instant test streams start at."""


def fleet(
    profile: str | Sequence[str] = "manhole_cover",
    count: int = 1,
    *,
    interval_s: float = 10.0,
    class_code: str | Sequence[str] = "0101",
    district_code: str | Sequence[str] = "130202",
    in_service: bool | Sequence[bool] = True,
    registered_us: int = START_US,
    first_id: int = 1,
) -> Fleet:
    """A fleet of `count` devices, ids from `first_id`, labels `dev-<id>`; give a sequence where they differ."""
    names = [profile] * count if isinstance(profile, str) else list(profile)
    count = len(names)
    profiles = tuple(dict.fromkeys(names))
    return Fleet(
        device_id=np.arange(first_id, first_id + count, dtype=np.int32),
        label=tuple(f"dev-{first_id + number}" for number in range(count)),
        profile=np.array([profiles.index(name) for name in names], dtype=np.int16),
        profiles=profiles,
        class_code=_spread(class_code, count),
        component_id=np.zeros(count, dtype=np.int32),
        district_code=_spread(district_code, count),
        unit_grid_id=np.zeros(count, dtype=np.int32),
        interval_s=np.full(count, interval_s, dtype=np.float64),
        in_service=np.broadcast_to(np.array(in_service, dtype=np.bool_), count).copy(),
        lon_deg=np.full(count, 118.18),
        lat_deg=np.full(count, 39.63),
        registered_us=np.full(count, registered_us, dtype=np.int64),
    )


def frame(
    profile: str,
    rows: Sequence[tuple[int, float, Mapping[str, float]]],
    *,
    channels: Sequence[str] = (),
    quality: Quality = Quality.GOOD,
    origin: Origin = Origin.LIVE,
    start_us: int = START_US,
) -> Frame:
    """A frame of rows (slot, seconds since the start, values by channel); what a row leaves out was not measured."""
    names = tuple(channels) or tuple(dict.fromkeys(name for _, _, values in rows for name in values))
    count = len(rows)
    return Frame(
        profile=profile,
        channels=names,
        slot=np.array([slot for slot, _, _ in rows], dtype=np.int32),
        ts_us=np.array([start_us + round(at_s * 1e6) for _, at_s, _ in rows], dtype=np.int64),
        seq=np.arange(count, dtype=np.int32),
        values=np.array(
            [[values.get(name, np.nan) for name in names] for _, _, values in rows], dtype=np.float64
        ).reshape(count, len(names)),
        quality=np.full(count, int(quality), dtype=np.int16),
        origin=np.full(count, int(origin), dtype=np.int8),
        unit_grid_id=np.zeros(count, dtype=np.int32),
        message=np.arange(count, dtype=np.int32),
    )


def _spread(value: str | Sequence[str], count: int) -> tuple[str, ...]:
    return (value,) * count if isinstance(value, str) else tuple(value)
