"""What a survey file is once it is open: headings, coordinate system, and batches of rows as text, whatever its format.

Pure values; the formats' readers (`reading`, `layerfile`, `workbook`) make them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows of a file: texts by column in the order of the headings, and the line of each row."""

    lines: Sequence[int]
    """A text file's line; the number of the feature, from 1, in a file that has no lines."""
    columns: Sequence[Sequence[str]]
    drawn: NDArray[np.object_] | None = None
    """Geometries in the file's coordinates, None where one cannot be read; None for all: made of columns."""
    misshapen: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """Rows that do not even have the right number of fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An open survey file. `batches(n)` reads it from the start, at most `n` rows at a time, as often as asked."""

    name: str
    header: tuple[str, ...]
    draws: bool
    """Rows bring their geometry; none is looked for in the columns."""
    crs: str
    """What the file says its coordinates are; empty when it says nothing."""
    notes: tuple[str, ...]
    """What a person should know about how the file was read."""
    batches: Callable[[int], Iterator[Batch]]
