"""Many rules' phases on many devices, moved together: a device's readings in turn, everything else at once. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts import phase
from alerts.phase import Judged, Mask, Phases, Seen, Times
from alerts.rows import Rows
from alerts.rule import Rule

Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Rows of one profile on which one rule may move."""

    readings: Rows
    column: int
    rule: Rule
    rows: Index
    device: Index
    """Of each row; numbered from 0."""
    places: Index
    """Of each device, in the table."""
    judged: Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Where a piece's devices stand now, where that changed; and what happened on the way."""

    places: Index
    phase: Phases
    since_us: Times
    events: Sequence[tuple[int, bool, int]]
    """Row, whether it fired (or recovered), and when the phase that ended began (0 = none did), in order."""


def moves(pieces: Sequence[Piece]) -> Iterator[tuple[Piece, Moved]]:
    """Give what becomes of each piece."""
    if not pieces:
        return
    first_device = np.cumsum([0, *(len(piece.places) for piece in pieces)])
    first_row = np.cumsum([0, *(len(piece.rows) for piece in pieces)])
    before = np.concatenate([piece.readings.table.phase[piece.places, piece.column] for piece in pieces])
    began_us = np.concatenate([piece.readings.table.since_us[piece.places, piece.column] for piece in pieces])
    now, since_us = before.copy(), began_us.copy()
    seen = _seen(pieces)
    device = np.concatenate([piece.device + first for piece, first in zip(pieces, first_device[:-1], strict=True)])
    events: list[list[tuple[int, bool, int]]] = [[] for _ in pieces]
    for wave in _waves(pieces):
        at = device[wave]
        ended_us = since_us[at]
        moved = phase.advance(now[at], ended_us, seen.take(wave))
        now[at], since_us[at] = moved.phase, moved.since_us
        for index in np.flatnonzero(moved.fired | moved.recovered).tolist():
            number = int(np.searchsorted(first_row, wave[index], side="right")) - 1
            row = int(pieces[number].rows[wave[index] - first_row[number]])
            events[number].append((row, bool(moved.fired[index]), int(ended_us[index])))
    changed = (now != before) | (since_us != began_us)
    for number, piece in enumerate(pieces):
        mine = slice(first_device[number], first_device[number + 1])
        at = np.flatnonzero(changed[mine])
        if len(at) or events[number]:
            yield (
                piece,
                Moved(
                    places=piece.places[at],
                    phase=now[mine][at],
                    since_us=since_us[mine][at],
                    events=events[number],
                ),
            )


def _seen(pieces: Sequence[Piece]) -> Seen:
    """Put the pieces' rows one after the other."""
    counts = [len(piece.rows) for piece in pieces]
    judged = [np.concatenate(columns) for columns in zip(*(piece.judged for piece in pieces), strict=True)]
    may_start = np.concatenate([_may_start(piece) for piece in pieces])
    for_us = np.repeat([piece.rule.for_us for piece in pieces], counts)
    keep_us = np.repeat([piece.rule.keep_firing_us for piece in pieces], counts)
    return Seen(judged[0], judged[1], judged[2], judged[3], judged[4], may_start, for_us, keep_us)


def _may_start(piece: Piece) -> Mask:
    schedule = piece.rule.schedule
    return np.ones(len(piece.rows), np.bool_) if schedule is None else schedule.active(piece.judged.ts_us)


def _waves(pieces: Sequence[Piece]) -> Iterator[Index]:
    """Give the rows in waves that hold each device once, so that a device's readings are taken in order."""
    if all(piece.readings.lone for piece in pieces):
        yield np.arange(sum(len(piece.rows) for piece in pieces))
        return
    rank = np.concatenate([piece.readings.rank()[piece.rows] for piece in pieces])
    order = np.argsort(rank, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(rank))[:-1])
