"""Opens survey files and gives their rows as tables of text, with line numbers: CSV (UTF-8 or GB 18030) and GeoJSON."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components_registry.columns import COLUMNS, positions
from components_registry.model import Finding, Flaw
from components_registry.table import Table
from core.errors import InvalidInput
from geo.geojson import features_of, geometries_of

CHUNK_ROWS = 50_000
_FIELD_LIMIT = 16_000_000
"""Characters in one CSV field; an outline of a large park has some thousand vertices."""
_PROBE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some rows of a file: canonical columns as text and `line`; geometries when the file brings them."""

    table: Table
    drawn: NDArray[np.object_] | None
    refused: tuple[Finding, ...]
    """Rows that do not even have the right number of fields."""
    rows_read: int


def chunks(file: Path, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """Give the file's rows in order, by its suffix: .csv, or .geojson and .json.

    Raises: `InvalidInput` when the file is absent, of another kind, or its header lacks what is needed.
    """
    if not file.is_file():
        raise InvalidInput(f"{file} does not exist")
    readers = {".csv": _csv_chunks, ".geojson": _geojson_chunks, ".json": _geojson_chunks}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise InvalidInput(f"{file}: surveys are read from .csv or .geojson files")
    return reader(file, rows)


def _encoding(file: Path) -> str:
    with file.open("rb") as stream:
        probe = stream.read(_PROBE_BYTES)
    try:
        probe.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(probe) - 4 or len(probe) < _PROBE_BYTES:
            return "gb18030"
    return "utf-8-sig"


def _csv_chunks(file: Path, rows: int) -> Iterator[Chunk]:
    csv.field_size_limit(_FIELD_LIMIT)
    with file.open(encoding=_encoding(file), errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream)
        header = next(reader, None)
        if header is None:
            raise InvalidInput(f"{file} is empty")
        where = positions(header, str(file))
        width = len(header)
        lines: list[int] = []
        kept: list[list[str]] = []
        refused: list[Finding] = []
        start = reader.line_num + 1
        for fields in reader:
            line, start = start, reader.line_num + 1
            if len(fields) == width:
                lines.append(line)
                kept.append(fields)
            elif fields:
                refused.append(_misshapen(line, len(fields), width))
            if len(lines) + len(refused) >= rows:
                yield _csv_chunk(lines, kept, refused, where)
                lines, kept, refused = [], [], []
        if lines or refused:
            yield _csv_chunk(lines, kept, refused, where)


def _misshapen(line: int, found: int, width: int) -> Finding:
    detail = f"the row has {found} fields, the header {width}: is a comma inside a text without quotes?"
    return Finding(line=line, column="", reason=Flaw.ROW_SHAPE, detail=detail)


def _csv_chunk(lines: list[int], kept: list[list[str]], refused: list[Finding], where: dict[str, int]) -> Chunk:
    columns = list(zip(*kept, strict=True))
    texts = {
        name: list(map(str.strip, columns[where[name]])) if name in where and kept else [""] * len(kept)
        for name in COLUMNS
    }
    return Chunk(
        table=Table(lines, texts),
        drawn=None,
        refused=tuple(refused),
        rows_read=len(lines) + len(refused),
    )


def _geojson_chunks(file: Path, rows: int) -> Iterator[Chunk]:
    """Read the features; a feature's line is its number in the file, from 1."""
    try:
        document = json.loads(file.read_bytes())
    except ValueError as error:
        raise InvalidInput(f"{file} is no JSON: {error}") from error
    features = features_of(document, str(file))
    for start in range(0, len(features), rows):
        some = features[start : start + rows]
        named = [_canonical(item.get("properties")) for item in some]
        texts = {name: [entry.get(name, "") for entry in named] for name in COLUMNS}
        yield Chunk(
            table=Table(range(start + 1, start + len(some) + 1), texts),
            drawn=geometries_of(some),
            refused=(),
            rows_read=len(some),
        )


def _canonical(properties: Any) -> dict[str, str]:
    """Give a feature's properties under our names, as text; a code must be text, for a number lost its digits."""
    if not isinstance(properties, dict):
        return {}
    known = {alias.casefold(): name for name, aliases in COLUMNS.items() for alias in (name, *aliases)}
    return {
        known[key.casefold()]: "" if value is None else str(value).strip()
        for key, value in properties.items()
        if key.casefold() in known
    }
