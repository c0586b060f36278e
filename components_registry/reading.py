"""Opens survey files of every format and gives their rows as tables under our column names; reads CSV itself.

GeoPackage, Shapefile, File Geodatabase and GeoJSON are read by `layerfile`, Excel by `workbook`.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components_registry import layerfile, workbook
from components_registry.columns import COLUMNS, positions
from components_registry.mapping import AS_IT_IS, ColumnMapping
from components_registry.model import Finding, Flaw
from components_registry.source import Batch, Source
from components_registry.table import Table, factorize
from core.errors import InvalidInput

CHUNK_ROWS = 25_000
"""What an import needs at once: fewer cost time, more memory (docs/performance.md)."""
_CHUNK_BYTES = 32_000_000
"""A CSV whose rows are long outlines gives fewer at a time; looked at every so many rows."""
_LOOK_ROWS = 500
_FIELD_LIMIT = 16_000_000
"""Characters in one CSV field; an outline of a large park has some thousand vertices."""
_PROBE_BYTES = 1_000_000
_CSV_SUFFIXES = (".csv",)
_FREE_TEXT = frozenset({"name", "competent", "owner", "maintainer", "data_source", "note"})
_GUARDED = ("'=", "'+", "'-", "'@", "'\t", "'\r")
"""How a cell begins that an export keeps a spreadsheet from taking for a formula."""
SUFFIXES = (*_CSV_SUFFIXES, *workbook.SUFFIXES, *layerfile.SUFFIXES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some rows of a file: canonical columns as text and `line`; geometries when the file brings them."""

    table: Table
    drawn: NDArray[np.object_] | None
    refused: tuple[Finding, ...]
    """Rows that do not even have the right number of fields."""
    rows_read: int


def open_source(file: Path, *, layer: str = "", encoding: str = "") -> Source:
    """Open a survey by its suffix; `layer` is a layer or sheet, `encoding` that of its texts: empty, to find out.

    Raises: `InvalidInput` when the file is absent, of another kind, or cannot be read.
    """
    suffix = file.suffix.lower()
    if not file.exists():
        raise InvalidInput(f"{file} does not exist")
    if suffix not in SUFFIXES:
        raise InvalidInput(f"{file}: surveys are read from {', '.join(SUFFIXES)}")
    if file.is_dir() != (suffix == ".gdb"):
        raise InvalidInput(f"{file}: a File Geodatabase is a folder, every other survey a file")
    if suffix in layerfile.SUFFIXES:
        return layerfile.open_layer(file, layer=layer, encoding=encoding)
    if suffix in workbook.SUFFIXES:
        return workbook.open_workbook(file, sheet=layer)
    return _open_csv(file, encoding or _csv_encoding(file))


def chunks(source: Source, mapping: ColumnMapping = AS_IT_IS, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """Give the rows in order, under our names.

    Raises: `InvalidInput` when the headings lack what is needed.
    """
    where = positions(source.header, source.name, named=mapping.columns, draws=source.draws)
    return (_chunk(batch, where, mapping, len(source.header)) for batch in source.batches(rows))


def _chunk(batch: Batch, where: dict[str, int], mapping: ColumnMapping, width: int) -> Chunk:
    count = len(batch.lines)
    texts = {name: [mapping.constants.get(name, "")] * count for name in COLUMNS}
    for name, position in where.items():
        if name not in mapping.constants and count:
            texts[name] = list(map(str.strip, batch.columns[position]))
        if name in _FREE_TEXT and "'" in "".join(texts[name]):
            texts[name] = [text[1:] if text.startswith(_GUARDED) else text for text in texts[name]]
    table = Table(batch.lines, texts)
    for name, words in mapping.values.items():
        table.replace(name, _translated(table[name], words))
    refused = tuple(_misshapen(line, len(fields), width) for line, fields in batch.misshapen)
    return Chunk(table=table, drawn=batch.drawn, refused=refused, rows_read=count + len(refused))


def _translated(column: NDArray[np.object_], words: Mapping[str, str]) -> NDArray[np.object_]:
    number, distinct = factorize(column)
    return np.asarray([words.get(text, text) for text in distinct], dtype=np.object_)[number]


def _misshapen(line: int, found: int, width: int) -> Finding:
    detail = f"the row has {found} fields, the header {width}: is a comma inside a text without quotes?"
    return Finding(line=line, column="", reason=Flaw.ROW_SHAPE, detail=detail)


def _csv_encoding(file: Path) -> str:
    with file.open("rb") as stream:
        probe = stream.read(_PROBE_BYTES)
    try:
        probe.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(probe) - 4 or len(probe) < _PROBE_BYTES:
            return "gb18030"
    return "utf-8-sig"


def _open_csv(file: Path, encoding: str) -> Source:
    csv.field_size_limit(_FIELD_LIMIT)
    try:
        with file.open(encoding=encoding, errors="surrogateescape", newline="") as stream:
            header = next(csv.reader(stream), None)
    except LookupError as error:
        raise InvalidInput(f"there is no encoding {encoding!r}") from error
    if header is None:
        raise InvalidInput(f"{file} is empty")
    return Source(
        name=str(file),
        header=tuple(header),
        draws=False,
        crs="",
        notes=(),
        batches=lambda rows: _csv_batches(file, encoding, len(header), rows),
    )


def _csv_batches(file: Path, encoding: str, width: int, rows: int) -> Iterator[Batch]:
    with (
        file.open("rb") as raw,
        io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="") as stream,
    ):
        reader = csv.reader(stream)
        next(reader)
        lines: list[int] = []
        kept: list[list[str]] = []
        misshapen: list[tuple[int, tuple[str, ...]]] = []
        start = reader.line_num + 1
        begun = raw.tell()
        for fields in reader:
            line, start = start, reader.line_num + 1
            if len(fields) == width:
                lines.append(line)
                kept.append(fields)
            elif fields:
                misshapen.append((line, tuple(fields)))
            held = len(lines) + len(misshapen)
            if held >= rows or (held and not held % _LOOK_ROWS and raw.tell() - begun > _CHUNK_BYTES):
                yield _csv_batch(lines, kept, misshapen)
                lines, kept, misshapen = [], [], []
                begun = raw.tell()
        if lines or misshapen:
            yield _csv_batch(lines, kept, misshapen)


def _csv_batch(lines: list[int], kept: list[list[str]], misshapen: list[tuple[int, tuple[str, ...]]]) -> Batch:
    return Batch(lines=lines, columns=list(zip(*kept, strict=True)), misshapen=tuple(misshapen))
