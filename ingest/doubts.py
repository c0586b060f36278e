"""Counts the doubts about a batch's messages by device. Pure. Next: `storage.device_quality`, in the same transaction.

Only what the database did not have is counted, so that a batch that comes again counts as repeated and as nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.frame import Frame
from core.quality import COUNTED, REFUSED, REPEATED, Quality
from ingest.message import Reason, Refusal
from ingest.pipeline import Passed

_ANY = sum(COUNTED.values(), Quality.GOOD)
_OF_THE_CLOCK = frozenset({Reason.BAD_TIME, Reason.FUTURE})

Slots = NDArray[np.int32]


class Doubts(NamedTuple):
    """Counts of some devices. Shape: all arrays of one length, each slot once, ascending."""

    slot: Slots
    counts: Mapping[str, NDArray[np.int64]]
    """By name: those of `core.quality.COUNTED`, `REPEATED` and `REFUSED`."""


def tally(passed: Passed, stored: Sequence[Frame], refusals: Sequence[Refusal]) -> Doubts | None:
    """Count a batch's doubts, or give None when there are none.

    `stored`: the rows of `passed.frames` that were new; `refusals`: those of `passed` that nobody has counted yet.
    """
    found = [(name, slots) for name, slots in _found(passed, stored, refusals) if len(slots)]
    if not found:
        return None
    slot = np.unique(np.concatenate([slots for _, slots in found]))
    counts = {name: np.zeros(len(slot), np.int64) for name in (REPEATED, *COUNTED, REFUSED)}
    for name, slots in found:
        counts[name] += np.bincount(np.searchsorted(slot, slots), minlength=len(slot))
    return Doubts(slot, counts)


def _found(passed: Passed, stored: Sequence[Frame], refusals: Sequence[Refusal]) -> Iterator[tuple[str, Slots]]:
    """Give what was found and the slots it was found at, one entry each time."""
    for frame in stored:
        if (frame.quality & _ANY).any():
            for name, flags in COUNTED.items():
                yield name, frame.slot[(frame.quality & flags) != 0]
    for slots in passed.repeated:
        yield REPEATED, slots
    yield REPEATED, _not_stored(passed.frames, stored)
    lost = [refusal for refusal in refusals if refusal.slot >= 0]
    yield REFUSED, np.array([refusal.slot for refusal in lost], dtype=np.int32)
    clock = [refusal.slot for refusal in lost if refusal.reason in _OF_THE_CLOCK]
    yield "clock", np.array(clock, dtype=np.int32)


def _not_stored(frames: Sequence[Frame], stored: Sequence[Frame]) -> Slots:
    """Give the slots of the rows that were stored before, one entry a row."""
    if sum(map(len, frames)) == sum(map(len, stored)):
        return np.zeros(0, np.int32)
    slot, rows = np.unique(np.concatenate([frame.slot for frame in frames]), return_counts=True)
    new = np.concatenate([np.zeros(0, np.int32), *(frame.slot for frame in stored)])
    return np.repeat(slot, rows - np.bincount(np.searchsorted(slot, new), minlength=len(slot)))
