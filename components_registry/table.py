"""Text columns of some rows of a survey file, and the two operations on them that must be fast."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_NAN = float("nan")
_CODE_CHARACTERS = 24
"""A code has 16; a fixed-width array is as wide as its longest text, and one broken row must not widen it for all."""


class Table:
    """Columns of text over n rows, by canonical name, with the line of each row in its file."""

    def __init__(self, lines: Sequence[int], columns: Mapping[str, Sequence[str]]) -> None:
        """Take columns of the same length as `lines`."""
        self.line = np.asarray(lines, dtype=np.int64)
        self._columns = {name: _objects(texts) for name, texts in columns.items()}

    def __len__(self) -> int:
        return len(self.line)

    def take(self, rows: NDArray[np.bool_]) -> "Table":
        """Give the rows that are True, as a table."""
        return Table(self.line[rows].tolist(), {name: column[rows].tolist() for name, column in self._columns.items()})

    def replace(self, name: str, column: NDArray[np.object_]) -> None:
        """Put another column of the same length in the place of one."""
        self._columns[name] = column

    def __getitem__(self, name: str) -> NDArray[np.object_]:
        return self._columns[name]


def clipped(column: NDArray[np.object_]) -> NDArray[np.str_]:
    """Give the beginning of each text, more than a code has, as an array of fixed width."""
    return np.asarray([text[:_CODE_CHARACTERS] for text in column.tolist()], dtype=f"U{_CODE_CHARACTERS}")


def factorize(column: NDArray[np.object_]) -> tuple[NDArray[np.intp], list[str]]:
    """Give the number of each row's text and the distinct texts, in the order of their text."""
    texts = column.tolist()
    distinct = sorted(set(texts))
    if len(distinct) == 1:
        return np.zeros(len(texts), dtype=np.intp), distinct
    numbers = {text: number for number, text in enumerate(distinct)}
    return np.fromiter(map(numbers.__getitem__, texts), dtype=np.intp, count=len(texts)), distinct


def numbers_of(column: NDArray[np.object_]) -> NDArray[np.float64]:
    """Give each text as a number, NaN for what is none."""
    try:
        return np.asarray(column.tolist(), dtype=np.float64)
    except ValueError:
        return np.asarray([_number(text) if text else _NAN for text in column.tolist()], dtype=np.float64)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return _NAN


def _objects(texts: Sequence[str]) -> NDArray[np.object_]:
    column = np.empty(len(texts), dtype=np.object_)
    column[:] = texts
    return column
