"""Readings held back until their time comes: how a rule sees them in order, however they arrived. Pure.

A group of rules with `query_offset` sees a reading that long after its event time, in order of event time, device and
number. A reading that is older is still seen if nothing newer of its device had come before it (a backlog); if
something had, it is too late: it is stored and marked, and no rule of the group looks at it.

What is held is bounded by the readings that arrive within the offset, and the time by which a device's clock may be
ahead. It is not written down: what is held is in table `reading`, and `Stream.released_us` says from where.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.frame import Frame, joined
from core.quality import Quality


@dataclass(frozen=True, slots=True)
class Run:
    """Readings of one profile by event time; those before `start` are gone."""

    frame: Frame
    start: int
    next_us: int
    """Time of the one at `start`."""


@dataclass(frozen=True, slots=True)
class Held:
    """Readings that are not due yet."""

    runs: tuple[Run, ...] = ()

    def __len__(self) -> int:
        return sum(len(run.frame) - run.start for run in self.runs)

    def and_also(self, frames: Iterable[Frame]) -> "Held":
        """Give what is held together with more readings."""
        return Held((*self.runs, *(_run(frame) for frame in frames if len(frame))))

    def until(self, due_us: int) -> tuple[list[Frame], "Held"]:
        """Give the readings up to an instant, one frame a profile in order of time, device and number; and the rest."""
        due: dict[str, list[Frame]] = {}
        left: list[Run] = []
        for run in self.runs:
            if run.next_us > due_us:
                left.append(run)
                continue
            end = int(np.searchsorted(run.frame.ts_us, due_us, side="right"))
            due.setdefault(run.frame.profile, []).append(run.frame.take(np.arange(run.start, end)))
            if end < len(run.frame):
                left.append(Run(run.frame, end, int(run.frame.ts_us[end])))
        return [_in_order(joined(parts)) for parts in due.values()], Held(tuple(left))


@dataclass(frozen=True, slots=True)
class Released:
    """What a stream sees now, what it sees later, and what it never sees."""

    seen: Sequence[Frame]
    held: Held
    late: Sequence[Frame]


def on_arrival(frames: Iterable[Frame]) -> Released:
    """Let everything be seen at once but what is older than its device's newest reading."""
    seen: list[Frame] = []
    late: list[Frame] = []
    for frame in frames:
        overtaken = (frame.quality & int(Quality.LATE)) != 0
        if overtaken.any():
            late.append(frame.take(overtaken))
            frame = frame.take(~overtaken)  # noqa: PLW2901
        if len(frame):
            seen.append(frame)
    return Released(seen, Held(), late)


def by_event_time(held: Held, frames: Iterable[Frame], due_us: int, offset_us: int) -> Released:
    """Let be seen what is due; what comes too late is left out, unless nothing newer of its device came before."""
    late: list[Frame] = []
    fresh: list[Frame] = []
    for frame in frames:
        received_due_us = due_us if frame.received_us is None else frame.received_us - offset_us
        too_late = ((frame.quality & int(Quality.LATE)) != 0) & (frame.ts_us <= received_due_us)
        if too_late.any():
            late.append(frame.take(too_late))
            frame = frame.take(~too_late)  # noqa: PLW2901
        fresh.append(frame)
    seen, left = held.and_also(fresh).until(due_us)
    return Released(seen, left, late)


def _run(frame: Frame) -> Run:
    ordered = _in_order(frame)
    return Run(ordered, 0, int(ordered.ts_us[0]))


def _in_order(frame: Frame) -> Frame:
    return frame.take(np.lexsort((frame.seq, frame.slot, frame.ts_us)))
