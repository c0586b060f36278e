"""What simulated cameras recognise: facts in our own JSON, at random times from a seed. Pure.

No pictures: nobody took any, and an address that leads nowhere would be worse than none.
"""

import math
from dataclasses import dataclass

import msgspec
import numpy as np

from simulators.roster import Roster
from simulators.scenario import Detections
from wire.topics import TELEMETRY

PROFILE = "camera"
PLATED = frozenset({"vehicle", "uncovered_truck"})
"""Kinds that come with a number plate."""

CERTAIN = (0.85, 0.99)
"""How sure a camera is of what it sees for certain."""


@dataclass(frozen=True, slots=True)
class Detected:
    """One fact, ready to publish."""

    device: int
    """Position in the roster."""
    seq: int
    kind: str
    topic: str
    payload: bytes


class Detector:
    """Owns the randomness of a fleet's detections."""

    def __init__(self, roster: Roster, wanted: Detections, seed: int) -> None:
        self._roster = roster
        self._wanted = wanted
        self._cameras = roster.of_profile(PROFILE)
        self._rng = np.random.default_rng([seed, 6])
        self._count = 0
        self._next_s = self._gap_s()

    def until(self, now_s: float, ts_ms: int) -> list[Detected]:
        """Give what was recognised up to `now_s` seconds after the start, dated `ts_ms`."""
        found: list[Detected] = []
        while self._next_s <= now_s:
            self._next_s += self._gap_s()
            found.append(self._detected(ts_ms))
        return found

    def sighted(self, device: int, kind: str, ts_ms: int) -> Detected:
        """Give a fact that a camera is sure of."""
        return self._told(device, kind, ts_ms, CERTAIN)

    def _detected(self, ts_ms: int) -> Detected:
        device = int(self._rng.choice(self._cameras))
        kind = self._wanted.kinds[int(self._rng.integers(len(self._wanted.kinds)))]
        return self._told(device, kind, ts_ms, self._wanted.confidence)

    def _told(self, device: int, kind: str, ts_ms: int, confidence: tuple[float, float]) -> Detected:
        rng = self._rng
        self._count += 1
        left, top = rng.uniform(0, 0.7, 2).round(3).tolist()
        body = {
            "ts": ts_ms,
            "seq": self._count,
            "kind": kind,
            "confidence": round(float(rng.uniform(*confidence)), 2),
            "origin": "simulated",
            "detail": {"box": [left, top, round(left + 0.2, 3), round(top + 0.2, 3)]},
        }
        if kind in PLATED:
            body["plate"] = f"冀B{int(rng.integers(100_000)):05d}"
        topic = self._roster.topic[device].removesuffix(TELEMETRY) + "event"
        return Detected(device, self._count, kind, topic, msgspec.json.encode(body))

    def _gap_s(self) -> float:
        if self._wanted.per_minute <= 0 or not self._wanted.kinds or not len(self._cameras):
            return math.inf
        return 60 / self._wanted.per_minute * float(self._rng.uniform(0.5, 1.5))
