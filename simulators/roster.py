"""The simulated devices as columns, read from the city's device list. Pure."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput
from devices.profile import Profile
from wire import topics

COLUMNS = (
    "label", "profile", "component_code", "district_code", "unit_grid_code", "patrol_code",
    "lon_deg", "lat_deg", "interval_s", "install",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Columns over N simulated devices, in the order of the list.

    Units: `interval_s` seconds between reports; positions WGS 84 degrees.
    """

    label: tuple[str, ...]
    profile: tuple[str, ...]
    topic: tuple[str, ...]
    district_code: tuple[str, ...]
    unit_grid_code: tuple[str, ...]
    patrol_code: tuple[str, ...]
    lon_deg: NDArray[np.float64]
    lat_deg: NDArray[np.float64]
    interval_s: NDArray[np.float64]
    install: tuple[Mapping[str, Any], ...]
    circuit: tuple[str, ...] = ()
    """Code of the cabinet that feeds the device's component; empty = none does."""

    def __post_init__(self) -> None:
        """Give no circuits where nobody told of any."""
        if len(self.circuit) != len(self.label):
            object.__setattr__(self, "circuit", ("",) * len(self.label))

    def __len__(self) -> int:
        return len(self.label)

    def of_profile(self, profile: str) -> NDArray[np.intp]:
        """Give the indexes of the devices of one profile, ascending."""
        return np.flatnonzero(np.array([name == profile for name in self.profile], dtype=bool))


def parse(
    lines: Iterable[str], profiles: Mapping[str, Profile], source: str, fed_by: Mapping[str, str] | None = None
) -> Roster:
    """Read a device list (CSV with a header); raises `InvalidInput` naming file, line and column.

    `fed_by` gives the cabinet of a component.
    """
    reader = csv.DictReader(lines)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidInput(f"{source}: the header lacks {', '.join(missing)}")
    rows: list[dict[str, str]] = []
    seen: set[str] = set()
    for row in reader:
        where = f"{source} line {reader.line_num}"
        if row["profile"] not in profiles:
            raise InvalidInput(f"{where}: unknown profile {row['profile']!r}")
        if row["label"] in seen:
            raise InvalidInput(f"{where}: label {row['label']} stands twice")
        if not _number(row["interval_s"], "interval_s", where) > 0:
            raise InvalidInput(f"{where}: interval_s must be above 0")
        _number(row["lon_deg"], "lon_deg", where)
        _number(row["lat_deg"], "lat_deg", where)
        seen.add(row["label"])
        rows.append(row)
    return _columns(rows, profiles, fed_by or {})


def _columns(rows: Sequence[Mapping[str, str]], profiles: Mapping[str, Profile], fed_by: Mapping[str, str]) -> Roster:
    return Roster(
        label=tuple(row["label"] for row in rows),
        profile=tuple(row["profile"] for row in rows),
        topic=tuple(
            topics.telemetry(row["district_code"], profiles[row["profile"]].kind, row["label"]) for row in rows
        ),
        district_code=tuple(row["district_code"] for row in rows),
        unit_grid_code=tuple(row["unit_grid_code"] or "" for row in rows),
        patrol_code=tuple(row["patrol_code"] or "" for row in rows),
        lon_deg=np.array([float(row["lon_deg"]) for row in rows], dtype=np.float64),
        lat_deg=np.array([float(row["lat_deg"]) for row in rows], dtype=np.float64),
        interval_s=np.array([float(row["interval_s"]) for row in rows], dtype=np.float64),
        install=tuple(json.loads(row["install"] or "{}") for row in rows),
        circuit=tuple(fed_by.get(row["component_code"], "") for row in rows),
    )


def _number(text: str, column: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"{where}: {column} is no number: {text!r}") from None
