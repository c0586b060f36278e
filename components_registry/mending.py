"""Writes the rows that were refused as a CSV to mend and import again: the file's own columns beside the finding."""

import csv
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import shapely

from components_registry.model import Finding
from components_registry.source import Batch, Source

_FINDING = ("finding_line", "finding_column", "finding_reason", "finding_detail")

Between = Callable[[int, int], Awaitable[Sequence[Finding]]]
"""Gives the findings of the refused rows from one line to another."""


async def write_refused(source: Source, batches: AsyncIterable[Batch], refused: Between, file: Path) -> int:
    """Write the refused rows of a survey, given once more, in the order of the file; give their number.

    Geometries that came with the rows become a column `wkt`, in the survey's coordinates.
    """
    written = 0
    # What is no text in the file's encoding cannot be given back as it was.
    with file.open("w", encoding="utf-8-sig", errors="replace", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow((*_FINDING, *source.header, *(("wkt",) if source.draws else ())))
        async for batch in batches:
            lines = (*batch.lines[:1], *batch.lines[-1:], *(line for line, _ in batch.misshapen))
            wanted = {finding.line: finding for finding in await refused(min(lines), max(lines))}
            for line, fields in _rows(batch) if wanted else ():
                finding = wanted.get(line)
                if finding is not None:
                    writer.writerow((line, finding.column, finding.reason, finding.detail, *fields))
                    written += 1
    return written


def _rows(batch: Batch) -> Iterator[tuple[int, tuple[str, ...]]]:
    columns = batch.columns
    if batch.drawn is not None:
        columns = [*columns, ["" if wkt is None else wkt for wkt in shapely.to_wkt(batch.drawn, rounding_precision=9)]]
    rows = [*zip(batch.lines, zip(*columns, strict=True), strict=True), *batch.misshapen] if batch.lines else []
    yield from sorted(rows or batch.misshapen, key=lambda row: row[0])
