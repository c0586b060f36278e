"""Makes GeoPackage and GeoParquet of what `export` copied out, batch by batch."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio
from pyarrow import csv, parquet
from pyproj import CRS

from storage.layers.export import Format, Shape, heading
from storage.layers.model import Layer

BLOCK_BYTES = 4 * 1024 * 1024
ROW_GROUP = 50_000
GEOMETRY = "geometry"
ARROW: Mapping[str, Any] = {
    "text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(),
    "instant": pa.timestamp("us", "UTC"), "date": pa.date32(),
}  # fmt: skip


def convert(copied: Path, layer: Layer, shape: Shape, file: Path) -> None:
    """Make `file` a GeoPackage or GeoParquet of what was copied out."""
    reader = _batches(copied, layer, shape)
    if shape.format is Format.PARQUET:
        _write_parquet(reader, file, shape)
        return
    pyogrio.write_arrow(
        reader,
        file,
        layer=layer.name,
        driver="GPKG",
        geometry_name=GEOMETRY,
        geometry_type="Unknown" if layer.geometry_type == "Geometry" else layer.geometry_type,
        crs=f"EPSG:{shape.system.srid}",
    )


def _batches(copied: Path, layer: Layer, shape: Shape) -> Any:
    names = [field.name for field in layer.fields]
    kinds = {field.name: ARROW[field.kind] for field in layer.fields}
    schema = pa.schema([pa.field(heading(field, shape.headings), kinds[field.name]) for field in layer.fields])
    drawn = pa.field(GEOMETRY, pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})
    if not copied.stat().st_size:  # a file without a line is no CSV to the reader
        return pa.RecordBatchReader.from_batches(schema.append(drawn), [])
    reading = csv.open_csv(
        copied,
        read_options=csv.ReadOptions(column_names=[*names, GEOMETRY], block_size=BLOCK_BYTES),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={**kinds, GEOMETRY: pa.string()},
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
        ),
    )

    def pieces() -> Iterator[Any]:
        for batch in reading:
            shapes = [None if text is None else bytes.fromhex(text) for text in batch.column(GEOMETRY).to_pylist()]
            columns = [batch.column(name) for name in names]
            yield pa.record_batch([*columns, pa.array(shapes, pa.binary())], schema=schema.append(drawn))

    return pa.RecordBatchReader.from_batches(schema.append(drawn), pieces())


def _write_parquet(reader: Any, file: Path, shape: Shape) -> None:
    """Write GeoParquet 1.1. Its metadata stand in the schema, where readers look, so before the kinds are known."""
    column = {"encoding": "WKB", "geometry_types": list[str](), "crs": CRS.from_epsg(shape.system.srid).to_json_dict()}
    about = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
    at = reader.schema.get_field_index(GEOMETRY)
    schema = reader.schema.set(at, pa.field(GEOMETRY, pa.binary())).with_metadata({"geo": json.dumps(about)})
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(pa.record_batch(batch.columns, schema=schema), row_group_size=ROW_GROUP)
