"""Writes the rows that were refused as a CSV to mend and import again: the file's own columns beside the finding."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import shapely

from components_registry.model import Finding
from components_registry.source import Batch, Source

_FINDING = ("finding_line", "finding_column", "finding_reason", "finding_detail")
_BATCH_ROWS = 50_000


def write_refused(source: Source, findings: Iterable[Finding], file: Path) -> int:
    """Write the refused rows in the order of the file and give their number; reads the survey once more.

    Geometries that came with the rows become a column `wkt`, in the survey's coordinates.
    """
    refused = {finding.line: finding for finding in findings if finding.refused}
    written = 0
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow((*_FINDING, *source.header, *(("wkt",) if source.draws else ())))
        for batch in source.batches(_BATCH_ROWS) if refused else ():
            for line, fields in _rows(batch):
                finding = refused.get(line)
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
