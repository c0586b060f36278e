"""Sensing density and share: what counts make of it, and what another city reports. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

REFERENCE_PER_KM2 = 25.0
REFERENCE_ZH = "成都：每平方公里 25 个感知设备（近 2200 万台设备，2022 年报道，单一来源）"
REFERENCE_EN = "Chengdu: 25 sensors per km² (almost 22 million devices, press report of 2022, one source)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How densely a place, or the components of a class, are sensed."""

    key: str
    name_zh: str
    name_en: str
    components: int
    sensed: int
    """Components that carry a device in service."""
    devices: int
    """Devices in service."""
    area_km2: float

    @property
    def share(self) -> float | None:
        """Give the share of components that are sensed; None = there are none."""
        return self.sensed / self.components if self.components else None

    @property
    def per_km2(self) -> float | None:
        """Give devices in service per square kilometre; None = no area is known."""
        return self.devices / self.area_km2 if self.area_km2 else None


def of_counts(rows: Sequence[Mapping[str, Any]]) -> list[Coverage]:
    """Give the coverage of counted rows."""
    names = ("key", "name_zh", "name_en", "components", "sensed", "devices")
    return [Coverage(**{name: row[name] for name in names}, area_km2=row["area_m2"] / 1e6) for row in rows]


def together(parts: Sequence[Coverage], *, same_ground: bool) -> Coverage:
    """Give the sum; classes share one ground, places lie beside each other."""
    grounds = [part.area_km2 for part in parts]
    return Coverage(
        key="",
        name_zh="",
        name_en="",
        components=sum(part.components for part in parts),
        sensed=sum(part.sensed for part in parts),
        devices=sum(part.devices for part in parts),
        area_km2=max(grounds, default=0.0) if same_ground else sum(grounds),
    )
