"""Reads survey sheets from Excel workbooks (.xlsx) row by row, without holding the sheet in memory.

openpyxl is imported when the first workbook is opened.
"""

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from components_registry.source import Batch, Source
from core.errors import InvalidInput

SUFFIXES = (".xlsx", ".xlsm")
_EXACT_DIGITS = 1e15
"""Excel keeps 15 digits of a number. Source: Microsoft, Excel specifications and limits."""


def open_workbook(file: Path, *, sheet: str) -> Source:
    """Open one sheet, whose first row are the headings; `sheet` may be empty when only one has any rows.

    Raises: `InvalidInput` when it is no workbook, the sheet is absent, or there are several and none is named.
    """
    name = _sheet(file, sheet)
    header = next(_rows(file, name), ())
    if not header:
        raise InvalidInput(f"{file}: sheet {name!r} is empty")

    def batches(rows: int) -> Iterator[Batch]:
        lines = enumerate(islice(_rows(file, name), 1, None), start=2)
        while some := list(islice(lines, rows)):
            full = [(line, _fitted(cells, len(header))) for line, cells in some if any(cells)]
            if full:
                yield Batch(
                    lines=[line for line, _ in full], columns=list(zip(*(cells for _, cells in full), strict=True))
                )

    return Source(name=str(file), header=header, draws=False, crs="", notes=(), batches=batches)


def _sheet(file: Path, wanted: str) -> str:
    with _Workbook(file) as book:
        names: list[str] = [sheet.title for sheet in book.worksheets]
        if wanted:
            if wanted not in names:
                raise InvalidInput(f"{file} has no sheet {wanted!r}; its sheets are {', '.join(names)}")
            return wanted
        filled = [
            sheet.title for sheet in book.worksheets
            if any(cell is not None for cell in next(sheet.iter_rows(values_only=True), ()))
        ]  # fmt: skip
    if len(filled) > 1:
        raise InvalidInput(f"{file} has {len(filled)} sheets with rows: {', '.join(filled)}; name one with --layer")
    if not filled:
        raise InvalidInput(f"{file} has no sheet with headings in its first row")
    return filled[0]


def _rows(file: Path, sheet: str) -> Iterator[tuple[str, ...]]:
    with _Workbook(file) as book:
        for cells in book[sheet].iter_rows(values_only=True):
            yield tuple(map(_text, cells))


def _fitted(cells: Sequence[str], width: int) -> tuple[str, ...]:
    """A row ends where its last cell was written, not where the headings end."""
    return tuple(cells[:width]) + ("",) * (width - len(cells))


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if abs(cell) >= _EXACT_DIGITS:
            return f"{cell:.14E}"  # as Excel shows it: what was behind the fifteenth digit is lost
        return str(int(cell)) if float(cell).is_integer() else repr(cell)
    return str(cell)


class _Workbook:
    """An open workbook, closed at the end of the block."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> Any:
        import openpyxl  # noqa: PLC0415  # only a workbook is worth it
        from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415  # as above

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # styles and validations we do not read
                self._book = openpyxl.load_workbook(self._file, read_only=True, data_only=True)
        except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError) as error:
            raise InvalidInput(f"{self._file} is no Excel workbook (.xlsx): {error}") from error
        return self._book

    def __exit__(self, *_: object) -> None:
        self._book.close()
