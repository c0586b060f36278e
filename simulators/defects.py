"""Deliberately bad messages: each kind must end as a dead letter with its reason, and the stream must go on. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wire import native_v1

FUTURE_MS = 2 * 24 * 3600 * 1000
"""How far ahead a future-dated message is: two days, past any tolerated clock error (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """The good message a bad one is made from; `seq` is its own, so that no two bad messages are alike."""

    topic: str
    label: str
    ts_ms: int
    seq: int
    values: Mapping[str, float]
    limit_bytes: int
    """Largest payload the platform accepts."""


def _malformed(it: Victim) -> tuple[str, bytes]:
    return it.topic, _good(it)[:-7]


def _not_utf8(it: Victim) -> tuple[str, bytes]:
    return it.topic, _good(it).replace(b'"values"', b'"\xff\xfe\xfa"')


def _unknown_device(it: Victim) -> tuple[str, bytes]:
    return it.topic.replace(f"/{it.label}/", f"/GHOST-{it.seq}/"), _good(it)


def _future(it: Victim) -> tuple[str, bytes]:
    return it.topic, native_v1.encode(it.ts_ms + FUTURE_MS, it.seq, "simulated", it.values)


def _unknown_channel(it: Victim) -> tuple[str, bytes]:
    return it.topic, native_v1.encode(it.ts_ms, it.seq, "simulated", {**it.values, "phlogiston_kg": 1.0})


def _impossible(it: Victim) -> tuple[str, bytes]:
    return it.topic, native_v1.encode(it.ts_ms, it.seq, "simulated", dict.fromkeys(it.values, 1e12))


def _wrong_type(it: Victim) -> tuple[str, bytes]:
    words = dict.fromkeys(it.values, "very")
    return it.topic, json.dumps({"ts": it.ts_ms, "seq": it.seq, "origin": "simulated", "values": words}).encode()


def _oversized(it: Victim) -> tuple[str, bytes]:
    return it.topic, _good(it) + b" " * it.limit_bytes


def _good(it: Victim) -> bytes:
    return native_v1.encode(it.ts_ms, it.seq, "simulated", it.values)


KINDS: Mapping[str, Callable[[Victim], tuple[str, bytes]]] = {
    "malformed": _malformed,
    "not_utf8": _not_utf8,
    "unknown_device": _unknown_device,
    "future": _future,
    "unknown_channel": _unknown_channel,
    "impossible": _impossible,
    "wrong_type": _wrong_type,
    "oversized": _oversized,
}
"""Kind -> topic and payload of the bad message."""
