"""Reads survey layers through GDAL, in Arrow batches: GeoPackage, Shapefile, File Geodatabase, GeoJSON, GeoJSONSeq.

GDAL and Arrow are imported when the first such file is opened: no process pays for them at its start.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shapely

from components_registry.encoding import encoding_of
from components_registry.source import Batch, Source
from core.errors import InvalidInput

SUFFIXES = (".gpkg", ".shp", ".gdb", ".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson")
_DECLARED_BY_DBF = {0x4D: "GBK", 0x7A: "GBK"}
"""Language driver -> encoding. Source: ESRI, dBASE language driver IDs: 0x4D and 0x7A are code page 936."""
_SAMPLED_RECORDS = 5_000
_EXACT_INTEGERS = 2.0**53


def open_layer(file: Path, *, layer: str, encoding: str) -> Source:
    """Open one layer; `layer` may be empty when the file has one.

    Raises: `InvalidInput` when GDAL cannot read it, the layer is absent, or there are several and none is named.
    """
    import pyogrio.raw  # noqa: PLC0415  # seconds and 100 MB that only such a file is worth

    name = _layer(file, layer)
    encoding, note = (encoding, "") if encoding or file.suffix.lower() != ".shp" else _shapefile_encoding(file)
    options: dict[str, Any] = {"layer": name, "encoding": encoding or None, "use_pyarrow": True}
    try:
        with pyogrio.raw.open_arrow(file, **options) as (meta, stream):
            headings = [field.name for field in stream.schema]
            drawn_by = meta["geometry_name"] or "wkb_geometry"
            crs = meta["crs"] or ""
    except (RuntimeError, ValueError, OSError) as error:
        raise _unreadable(file, error) from error
    draws = drawn_by in headings
    header = tuple(heading for heading in headings if heading != drawn_by)

    def batches(rows: int) -> Iterator[Batch]:
        line = 1
        try:
            with pyogrio.raw.open_arrow(file, batch_size=rows, **options) as (_, stream):
                for record in stream:
                    yield _batch(record, line, header, drawn_by if draws else None)
                    line += record.num_rows
        except (RuntimeError, ValueError, OSError) as error:
            raise _unreadable(file, error) from error

    return Source(
        name=str(file), header=header, draws=draws, crs=crs, notes=(note,) if note else (), batches=batches
    )  # fmt: skip


def _layer(file: Path, wanted: str) -> str:
    import pyogrio  # noqa: PLC0415  # as above

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # GDAL's remarks on parts we do not read
            names = [str(name) for name, _ in pyogrio.list_layers(file).tolist()]
    except (RuntimeError, ValueError, OSError) as error:
        raise _unreadable(file, error) from error
    if wanted and wanted not in names:
        raise InvalidInput(f"{file} has no layer {wanted!r}; its layers are {', '.join(names) or 'none'}")
    if wanted or len(names) == 1:
        return wanted or names[0]
    if not names:
        raise InvalidInput(f"{file} has no layers")
    raise InvalidInput(f"{file} has {len(names)} layers: {', '.join(names)}; name one with --layer")


def _unreadable(file: Path, error: Exception) -> InvalidInput:
    if isinstance(error, UnicodeDecodeError):
        return InvalidInput(
            f"{file}: a text or heading is in another encoding, or was cut inside a character: name the encoding with"
            " --encoding, as in GB18030, or rename the heading"
        )
    return InvalidInput(f"{file} cannot be read: {error}")


def _batch(record: Any, line: int, header: tuple[str, ...], drawn_by: str | None) -> Batch:
    drawn = None
    if drawn_by is not None:
        drawn = shapely.from_wkb(record.column(drawn_by).to_numpy(zero_copy_only=False), on_invalid="ignore")
    return Batch(
        lines=range(line, line + record.num_rows),
        columns=[_texts(record.column(heading)) for heading in header],
        drawn=drawn,
    )


def _texts(column: Any) -> list[str]:
    """Give a column as texts, an absent value as none; whole numbers without a decimal point, times as their date."""
    import pyarrow as pa  # noqa: PLC0415  # as above

    kind = column.type
    if pa.types.is_floating(kind):
        return ["" if value is None or value != value else _number(value) for value in column.to_pylist()]  # noqa: PLR0124
    if pa.types.is_timestamp(kind):
        return ["" if value is None else value.date().isoformat() for value in column.to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_nested(kind):
        return [""] * len(column)
    if not pa.types.is_string(kind):
        column = column.cast(pa.string())
    return column.fill_null("").to_pylist()


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT_INTEGERS else repr(value)


def _shapefile_encoding(file: Path) -> tuple[str, str]:
    """Give the encoding of a Shapefile's texts and headings: as its .cpg or .dbf says, if that is so."""
    parts = {part.suffix.lower(): part for part in file.parent.glob(f"{_escaped(file.stem)}.*")}
    table = parts.get(".dbf")
    if table is None:
        raise InvalidInput(f"{file}: there is no {file.stem}.dbf beside it; a Shapefile is .shp, .shx, .dbf and .prj")
    texts, driver = _dbf_texts(table)
    page = parts.get(".cpg")
    declared = page.read_text(encoding="ascii", errors="replace") if page else _DECLARED_BY_DBF.get(driver, "")
    return encoding_of(texts, declared, file.name)


def _escaped(stem: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in stem)


def _dbf_texts(table: Path) -> tuple[list[bytes], int]:
    """Give the headings and the first records' texts as bytes, and the language driver.

    Source: dBASE III file format: header of 32 bytes, 32 a field, then fixed-width records.
    """
    with table.open("rb") as stream:
        head = stream.read(32)
        begin, width = int.from_bytes(head[8:10], "little"), int.from_bytes(head[10:12], "little")
        described = stream.read(max(begin - 32, 0))
        records = stream.read(width * _SAMPLED_RECORDS)
    texts: list[bytes] = []
    spans: list[tuple[int, int]] = []
    at = 1
    for start in range(0, len(described) - 31, 32):
        if described[start] == 0x0D:
            break
        texts.append(described[start : start + 11].split(b"\0")[0])
        length = described[start + 16]
        if described[start + 11 : start + 12] == b"C":
            spans.append((at, at + length))
        at += length
    for row in range(0, len(records) if width else 0, max(width, 1)):
        texts += [records[row + first : row + last].rstrip(b" \0") for first, last in spans]
    return texts, head[29] if len(head) == 32 else 0
