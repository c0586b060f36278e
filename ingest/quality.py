"""Doubts that one message alone does not show: disorder, impossible jumps, counters that began anew. Pure; ADR-0011.

A batch is looked at in the order it arrived, so that how it was cut into batches changes nothing. What is remembered of
each device is its last believable value of the few channels that have such a rule; `commit` alone writes it, after the
batch was stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.frame import Frame
from core.quality import Quality
from devices.profile import Channel

SHORTEST_US = 1_000_000
"""Two readings closer than this count as this far apart: clocks are that coarse (our choice)."""

Slots = NDArray[np.int32]
Mask = NDArray[np.bool_]


class Watched(NamedTuple):
    """A channel whose changes are looked at."""

    channel: str
    position: int
    max_step_per_s: float
    """Infinite = any change is believed."""
    counter: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What a profile's channels are held against, prepared once."""

    sentinels: tuple[NDArray[np.float64], ...]
    """Each holds one value a channel, NaN = none: together they are all sentinels of all channels."""
    watched: tuple[Watched, ...]


def checks(channels: Sequence[Channel]) -> Checks:
    """Prepare the checks of a profile."""
    rounds = max((len(channel.sentinels) for channel in channels), default=0)
    sentinels = [
        np.array([channel.sentinels[n] if n < len(channel.sentinels) else np.nan for channel in channels])
        for n in range(rounds)
    ]
    watched = [
        Watched(
            channel.name,
            position,
            np.inf if channel.max_step_per_s is None else channel.max_step_per_s,
            channel.counter,
        )
        for position, channel in enumerate(channels)
        if channel.counter or channel.max_step_per_s is not None
    ]
    return Checks(sentinels=tuple(sentinels), watched=tuple(watched))


def blank_sentinels(values: NDArray[np.float64], prepared: Checks) -> Mask:
    """Turn sentinels into NaN, in place; give the rows that had one. Shape: (n, k) in, (n,) out."""
    touched = np.zeros(len(values), np.bool_)
    for round_of_channels in prepared.sentinels:
        found = values == round_of_channels
        if found.any():
            values[found] = np.nan
            touched |= found.any(axis=1)
    return touched


HELD = np.dtype([("ts_us", np.int64), ("value", np.float64)])
"""The last believable value of a channel and when it was measured; `ts_us` 0 = none yet."""


@dataclass(slots=True, kw_only=True)
class Memory:
    """What is remembered of all devices, by slot. Only `commit` writes to it; room is made any time."""

    newest_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Event time of the newest stored reading, microseconds since 1970 UTC; 0 = none."""
    held: dict[tuple[str, str], NDArray[np.void]] = field(default_factory=dict[tuple[str, str], NDArray[np.void]])
    """By profile and channel, `HELD` by slot. Untouched pages of zeros cost no memory."""

    def make_room(self, size: int) -> None:
        """Grow to `size` slots."""
        if len(self.newest_us) < size:
            self.newest_us = np.pad(self.newest_us, (0, size - len(self.newest_us)))

    def of(self, profile: str, channel: str) -> NDArray[np.void]:
        """Give what is held of a channel, with room for every slot."""
        size = len(self.newest_us)
        held = self.held.get((profile, channel))
        if held is None or len(held) < size:
            larger = np.zeros(size, HELD)
            if held is not None:
                larger[: len(held)] = held
            held = self.held[profile, channel] = larger
        return held


class Change(NamedTuple):
    """New last believable values of one channel, each slot once."""

    profile: str
    channel: str
    slot: Slots
    held: NDArray[np.void]


def mark(frame: Frame, prepared: Checks, memory: Memory) -> list[Change]:
    """Flag disorder, jumps and counter resets in place; give what to remember once the frame is stored.

    Shape: rows of one slot ascend in time; the memory has room for every slot.
    """
    arrived = _in_order(frame)
    disorder = _overtaken(frame, arrived) | (arrived.ts_us < memory.newest_us[arrived.slot])
    if disorder.any():
        frame.quality[arrived.row[disorder]] |= Quality.OUT_OF_ORDER
        arrived = _Arrived.of(frame, arrived.row[~disorder])
    changes: list[Change] = []
    for watched in prepared.watched:
        held = memory.of(frame.profile, watched.channel)
        if (change := _watch(frame, arrived, watched, held)) is not None:
            changes.append(change)
    return changes


def commit(memory: Memory, stored: Sequence[Frame], changes: Sequence[Change]) -> None:
    """Remember what was stored: after the database committed, never before."""
    for frame in stored:
        np.maximum.at(memory.newest_us, frame.slot, frame.ts_us)
    for change in changes:
        memory.held[change.profile, change.channel][change.slot] = change.held


class _Arrived(NamedTuple):
    """Rows of a frame by slot, then time, then message."""

    row: NDArray[np.intp]
    slot: Slots
    ts_us: NDArray[np.int64]
    first: Mask
    """The first of its slot."""

    @classmethod
    def of(cls, frame: Frame, row: NDArray[np.intp]) -> "_Arrived":
        slot = frame.slot[row]
        first = np.ones(len(row), np.bool_)
        np.not_equal(slot[1:], slot[:-1], out=first[1:])
        return cls(row, slot, frame.ts_us[row], first)


def _in_order(frame: Frame) -> _Arrived:
    arrived = _Arrived.of(frame, np.argsort(frame.slot, kind="stable"))
    if (~arrived.first[1:] & (arrived.ts_us[1:] == arrived.ts_us[:-1])).any():  # rare; the sort above is the cheaper
        return _Arrived.of(frame, np.lexsort((frame.message, frame.ts_us, frame.slot)))
    return arrived


def _overtaken(frame: Frame, arrived: _Arrived) -> Mask:
    """Say which rows came after a message with a later reading of their slot."""
    message = frame.message[arrived.row]
    place = arrived.slot.astype(np.int64) << 32 | message  # ascends from slot to slot, so a minimum stays in one
    earliest = np.append(np.minimum.accumulate(place[::-1])[::-1], np.iinfo(np.int64).max)
    return earliest[1:] < place


def _watch(frame: Frame, arrived: _Arrived, watched: Watched, held: NDArray[np.void]) -> Change | None:
    """Flag one channel's jumps and resets."""
    value = frame.values[arrived.row, watched.position]
    unknown = np.isnan(value)
    if unknown.any():
        arrived, value = _Arrived.of(frame, arrived.row[~unknown]), value[~unknown]
    if not len(value):
        return None
    now = np.empty(len(value), HELD)
    now["ts_us"], now["value"] = arrived.ts_us, value
    before = np.empty_like(now)
    before[1:] = now[:-1]
    before[arrived.first] = held[arrived.slot[arrived.first]]
    believed = np.append(arrived.first[1:], True)  # the last of its slot
    doubtful = _doubtful(now, before, watched)
    if doubtful.any():  # rare: what follows a jump must be held against what stood before it
        unclear = np.isin(arrived.slot, arrived.slot[doubtful])
        believed &= ~unclear
        for rows in _runs(np.flatnonzero(unclear), arrived.slot):
            flags, newest = _walk(now[rows], held[arrived.slot[rows[:1]]], watched)
            frame.quality[arrived.row[rows]] |= flags
            if newest is not None:
                believed[rows[newest]] = True
    return Change(frame.profile, watched.channel, arrived.slot[believed], now[believed])


def _doubtful(now: NDArray[np.void], before: NDArray[np.void], watched: Watched) -> Mask:
    """Say which values cannot follow the value before; nothing is held against no value."""
    step = now["value"] - before["value"]
    doubtful = np.abs(step) > np.maximum(now["ts_us"] - before["ts_us"], SHORTEST_US) * (watched.max_step_per_s / 1e6)
    if watched.counter:
        doubtful |= step < 0
    return doubtful & (before["ts_us"] > 0)


def _runs(rows: NDArray[np.intp], slot: Slots) -> list[NDArray[np.intp]]:
    """Cut rows that ascend in slot into one run a slot."""
    return np.split(rows, np.flatnonzero(np.diff(slot[rows])) + 1)


def _walk(now: NDArray[np.void], held: NDArray[np.void], watched: Watched) -> tuple[NDArray[np.int16], int | None]:
    """Go through one slot's values one by one; give their flags, and which is the last believable, if any."""
    flags = np.zeros(len(now), np.int16)
    newest = None
    ((before_us, before),) = held.tolist()
    for row, (ts_us, value) in enumerate(now.tolist()):
        fell = watched.counter and value < before
        believable = max(ts_us - before_us, SHORTEST_US) * (watched.max_step_per_s / 1e6)
        if before_us and fell:
            flags[row] = Quality.COUNTER_RESET
        elif before_us and abs(value - before) > believable:
            flags[row] = Quality.SUSPECT_JUMP
            continue
        before_us, before, newest = ts_us, value, row
    return flags, newest
