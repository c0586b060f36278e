"""What a device that knocks probably is: its type by the topic and what it measures, its place if it says so. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from devices.profile import Profile

MOST_TYPES = 3
MOST_NAMES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a registration form is filled with; a person decides."""

    profiles: tuple[str, ...]
    """The likeliest type first."""
    measures: tuple[str, ...]
    """Names in its last message that are channels of some type."""
    lon_deg: float | None = None
    lat_deg: float | None = None


def guess(kind: str, payload: bytes, profiles: Mapping[str, Profile]) -> Guess:
    """Give what the topic's kind and the names in a payload speak for; a payload that is no JSON says nothing."""
    said = dict(_numbers(payload))
    known = {name for profile in profiles.values() for name in profile.channel_names}
    measures = tuple(name for name in said if name in known)
    scores = {name: _score(kind, measures, profile) for name, profile in profiles.items()}
    likely = sorted((name for name, score in scores.items() if score > 0), key=lambda name: (-scores[name], name))
    position = {name: said[name] for name in ("lon_deg", "lat_deg") if name in said}
    whole = len(position) == 2 and abs(position["lon_deg"]) <= 180 and abs(position["lat_deg"]) <= 90
    return Guess(profiles=tuple(likely[:MOST_TYPES]), measures=measures, **(position if whole else {}))


def _score(kind: str, measures: tuple[str, ...], profile: Profile) -> float:
    """The topic says what the device was made for; what it measures decides where the topic says nothing."""
    of_topic = 1.0 if kind and kind == profile.kind else 0.0
    return of_topic + len({*measures} & {*profile.channel_names}) / max(len(measures), 1) * 0.9


def _numbers(payload: bytes) -> Iterator[tuple[str, float]]:
    """Give the names and numbers of a JSON payload, however deep, up to a bound."""
    try:
        waiting: list[object] = [json.loads(payload)]
    except (ValueError, RecursionError):
        return
    found = 0
    while waiting and found < MOST_NAMES:
        it = waiting.pop()
        if isinstance(it, list):
            waiting += it[:MOST_NAMES]
        elif isinstance(it, dict):
            for name, value in it.items():
                if isinstance(value, int | float):
                    found += 1
                    yield name, float(value)
                else:
                    waiting.append(value)
            if isinstance(it.get("n"), str) and isinstance(it.get("v"), int | float):
                yield it["n"].rpartition("/")[2].rpartition(":")[2], float(it["v"])
