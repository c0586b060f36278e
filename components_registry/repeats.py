"""What a survey file has had so far: codes and places, to find what comes again and what of a class is near. Pure.

The only thing that grows with the file: 24 bytes a good row. By class, for a code names its class, and only two of a
class at one place are ever the same thing; so neither is ever looked for among others.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_SCALE = 1e7
"""Two components of a class within one ten-millionth of a degree (a centimetre) are the same one surveyed twice."""
_LAT_BITS = 32

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Met:
    """Numbers that were met, with the line of each, in the order of the numbers: 12 bytes each."""

    def __init__(self) -> None:
        self.number = np.empty(0, dtype=np.int64)
        self.line = np.empty(0, dtype=np.int32)

    def lines(self, numbers: Numbers) -> Numbers:
        """Give the line of each number, 0 where it was not met."""
        if not len(self.number):
            return np.zeros(len(numbers), dtype=np.int64)
        at = np.minimum(np.searchsorted(self.number, numbers), len(self.number) - 1)
        return np.where(self.number[at] == numbers, self.line[at], 0).astype(np.int64)

    def add(self, numbers: Numbers, lines: Numbers) -> None:
        """Remember numbers that were not met."""
        order = np.argsort(numbers)
        at = np.searchsorted(self.number, numbers[order])
        self.number = np.insert(self.number, at, numbers[order])
        self.line = np.insert(self.line, at, lines[order])


@dataclass(slots=True)
class _OfClass:
    codes: Met = field(default_factory=Met)
    places: Met = field(default_factory=Met)


class Seen:
    """The codes and places of a file's good rows, added batch by batch."""

    def __init__(self) -> None:
        self._classes: defaultdict[int, _OfClass] = defaultdict(_OfClass)

    def take(
        self, class_code: Numbers, code: Numbers, label: tuple[Floats, Floats], line: Numbers
    ) -> tuple[Numbers, Numbers]:
        """Give for each row the line that has its code already, and the line that has its place; 0 for none.

        The first row stays: one that repeats another is not remembered, and nothing is a repeat of it.
        Shape: n rows by line; `label` is longitude and latitude.
        """
        x, y = (np.round(degrees * _SCALE).astype(np.int64) for degrees in label)
        place = (x << _LAT_BITS) | y
        by_code, by_place = np.zeros(len(line), dtype=np.int64), np.zeros(len(line), dtype=np.int64)
        order = np.argsort(class_code, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(class_code[order])) + 1) if len(order) else ():
            met = self._classes[int(class_code[rows[0]])]
            by_code[rows], by_place[rows] = _take(met, code[rows], place[rows], line[rows])
        return by_code, by_place

    def places(self) -> Iterator[tuple[Numbers, Floats, Floats]]:
        """Give lines, longitudes and latitudes of each class, from west to east."""
        for met in self._classes.values():
            number = met.places.number
            yield met.places.line.astype(np.int64), (number >> _LAT_BITS) / _SCALE, (number & 0xFFFFFFFF) / _SCALE


def _take(met: _OfClass, code: Numbers, place: Numbers, line: Numbers) -> tuple[Numbers, Numbers]:
    """Do it for rows of one class; one by one only for those that have their like."""
    by_code, by_place = met.codes.lines(code), met.places.lines(place)
    doubtful = np.flatnonzero((by_code > 0) | (by_place > 0) | _twice(code) | _twice(place))
    codes: dict[int, int] = {}
    places: dict[int, int] = {}
    for row, one_code, one_place in zip(
        doubtful.tolist(), code[doubtful].tolist(), place[doubtful].tolist(), strict=True
    ):
        by_code[row] = by_code[row] or codes.get(one_code, 0)
        by_place[row] = by_place[row] or places.get(one_place, 0)
        if not by_code[row] and not by_place[row]:
            codes[one_code] = places[one_place] = int(line[row])
    kept = (by_code == 0) & (by_place == 0)
    met.codes.add(code[kept], line[kept])
    met.places.add(place[kept], line[kept])
    return by_code, by_place


def _twice(numbers: Numbers) -> NDArray[np.bool_]:
    order = np.argsort(numbers)
    same = numbers[order][1:] == numbers[order][:-1]
    twice = np.zeros(len(numbers), dtype=bool)
    twice[order[1:][same]] = twice[order[:-1][same]] = True
    return twice
