"""How the synthetic components hang together: lamps on their cabinets, manholes along their pipes. No chance in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from geo.projection import CITY_METRIC, from_degrees
from simulators.city.ground import Floats
from simulators.city.parts import Parts

LAMP, CABINET = "0137", "0198"
PIPED = ("0102", "0103")
"""Storm water and sewage manholes."""
LAMPS_IN_A_ROW = 10
"""Lamps whose serials follow each other stand along one street, and are fed together."""
PIPE_STEP_M = 90.0
"""Manholes whose serials follow each other are on one pipe when they are no farther apart. Our choice:
inspection manholes of small sewers stand some tens of metres apart."""
PIPE_MOST = 12
"""Manholes on a run at most. Our choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Codes of components, what is upstream beside what is downstream. Shape: n each."""

    kind: tuple[str, ...]
    upstream: tuple[str, ...]
    downstream: tuple[str, ...]


def lay(parts: Parts) -> Links:
    """Give the circuits and the runs of pipe."""
    x, y = from_degrees(CITY_METRIC, parts.lon_deg, parts.lat_deg)
    place = np.column_stack((x, y))
    pairs = [("circuit", *_circuits(parts, place)), *(("pipe", *_pipes(parts, place, code)) for code in PIPED)]
    return Links(
        kind=tuple(kind for kind, upper, _ in pairs for _ in range(len(upper))),
        upstream=tuple(parts.code[np.concatenate([upper for _, upper, _ in pairs])].tolist()),
        downstream=tuple(parts.code[np.concatenate([lower for _, _, lower in pairs])].tolist()),
    )


def _circuits(parts: Parts, place: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Feed each row of lamps from the cabinet nearest to its middle."""
    lamps, cabinets = np.flatnonzero(parts.class_code == LAMP), np.flatnonzero(parts.class_code == CABINET)
    row = np.arange(len(lamps)) // LAMPS_IN_A_ROW
    count = np.bincount(row)
    middle = np.column_stack([np.bincount(row, weights=place[lamps, axis]) / count for axis in (0, 1)])
    nearest = np.asarray(KDTree(place[cabinets]).query(middle)[1], np.intp)
    return cabinets[nearest[row]], lamps


def _pipes(parts: Parts, place: Floats, class_code: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Join manholes that follow each other in a district, from the lower serial to the higher."""
    holes = np.flatnonzero(parts.class_code == class_code)
    step_m = np.hypot(*(place[holes[1:]] - place[holes[:-1]]).T)
    district = np.asarray([code[:6] for code in parts.code[holes].tolist()])
    joined = (step_m <= PIPE_STEP_M) & (district[1:] == district[:-1])
    before = np.concatenate(([0], np.flatnonzero(~joined) + 1))
    start = np.repeat(before, np.diff(np.concatenate((before, [len(holes)]))))
    joined &= (np.arange(len(holes)) - start)[1:] % PIPE_MOST != 0
    return holes[:-1][joined], holes[1:][joined]
