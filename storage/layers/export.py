"""Writes a layer to a file: GeoPackage, GeoJSON, CSV or GeoParquet, in bounded memory.

The database copies the layer out as text in one statement, so that no connection waits for a slow client or a slow
format; `formats` makes the others of the text, batch by batch.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, LiteralString

from psycopg import AsyncConnection, errors, sql

from core.errors import InvalidInput
from storage.layers.model import Field, Layer
from storage.layers.query import Selection, System, feature_query, geometry_of, source_of

Headings = Literal["names", "zh", "en"]
CGCS2000_GAUSS_KRUGER = range(4491, 4555)
"""6-degree and 3-degree zones. Source: EPSG registry."""
LIMIT_S = 300
"""Of the database's part; 548,000 components take some seconds."""

COPY_TABLE = "COPY (SELECT {columns} FROM {source} WHERE {where} ORDER BY {key}) TO STDOUT (FORMAT csv{header})"
# JSON holds no control character as it is: with these as quote and delimiter a feature is a line as it stands.
COPY_FEATURES = (
    "COPY (SELECT f FROM ({features}) AS t(k, f)) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
)
LIMIT = sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(f"{LIMIT_S}s"))

# A spreadsheet takes a cell that begins so for a formula. Source: OWASP, CSV injection.
GUARDED = "CASE WHEN left({value}, 1) IN ('=', '+', '-', '@', E'\\t', E'\\r') THEN '''' || {value} ELSE {value} END"
IN_FILE: Mapping[str, LiteralString] = {
    "instant": "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    "boolean": "CASE WHEN {0} THEN 'true' WHEN NOT {0} THEN 'false' END",
}
WKT = "wkt"
WKT_HEADINGS: Mapping[str, str] = {"names": WKT, "zh": "空间位置", "en": "WKT"}


WGS84 = System()


class Format(StrEnum):
    """What a file can be; also how its name ends."""

    GEOPACKAGE = "gpkg"
    GEOJSON = "geojson"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a file is written."""

    format: Format
    system: System = WGS84
    headings: Headings = "names"


def format_of(file: Path) -> Format:
    """Give the format a file's name asks for; raises `InvalidInput`."""
    try:
        return Format(file.suffix.removeprefix(".").lower())
    except ValueError:
        raise InvalidInput(f"{file}: the name must end in {', '.join(f'.{kind}' for kind in Format)}") from None


def system_of(code: str) -> System:
    """Give the system of an EPSG code; raises `InvalidInput` for one that files are not written in."""
    short = code.upper().removeprefix("EPSG:")
    if short in {"4326", "4490"}:
        return System(srid=int(short))
    if short == "3857" or (short.isdecimal() and int(short) in CGCS2000_GAUSS_KRUGER):
        return System(srid=int(short), is_metric=True)
    raise InvalidInput(f"crs: {code!r} is not offered; there are 4326, 4490, 3857 and CGCS2000's 4491 to 4554")


async def copy_out(conn: AsyncConnection, chosen: Selection, shape: Shape, file: Path) -> int:
    """Write what the database gives to `file`: the file itself for CSV and GeoJSON, else what `formats.convert` takes.

    Needs a connection that is in a transaction or may open one. Gives the number of features.
    """
    async with conn.transaction(), conn.cursor() as cursor:
        await conn.execute(LIMIT)
        query = _features(chosen, shape) if shape.format is Format.GEOJSON else _table(chosen, shape)
        try:
            with file.open("wb") as stream:
                if shape.format is Format.CSV:
                    stream.write(b"\xef\xbb\xbf")  # Excel takes text without it for the local 8-bit encoding
                if shape.format is Format.GEOJSON:
                    stream.write(_collection_head(chosen.layer, shape.system))
                async with cursor.copy(query, chosen.parameters) as copy:
                    separator = b""
                    async for block in copy:
                        if shape.format is Format.GEOJSON:
                            stream.write(separator)
                            separator = b","
                        stream.write(block)
                if shape.format is Format.GEOJSON:
                    stream.write(b"]}\n")
        except (errors.DataError, errors.InternalError) as error:
            raise InvalidInput(f"the database cannot use a value of this question: {error}") from error
        return cursor.rowcount


def is_converted(shape: Shape) -> bool:
    """Tell whether a format is made from what was copied out."""
    return shape.format in {Format.GEOPACKAGE, Format.PARQUET}


def heading(field: Field, headings: Headings) -> str:
    """Give what a column is called."""
    return field.name if headings == "names" else field.zh if headings == "zh" else field.en


def _table(chosen: Selection, shape: Shape) -> sql.Composed:
    layer, is_csv = chosen.layer, shape.format is Format.CSV
    system = System(srid=shape.system.srid)  # files keep easting or longitude first, as every GIS writes them
    place = geometry_of(layer, system)
    digits = 3 if shape.system.is_metric else 9
    drawn = (
        sql.SQL("ST_AsText({}, {}) AS {}").format(
            place, sql.Literal(digits), sql.Identifier(WKT_HEADINGS[shape.headings])
        )
        if is_csv
        else sql.SQL("encode(ST_AsBinary({}), 'hex')").format(place)
    )
    columns = [
        sql.SQL("{} AS {}").format(_cell(field, is_csv=is_csv), sql.Identifier(heading(field, shape.headings)))
        for field in layer.fields
    ]
    return sql.SQL(COPY_TABLE).format(
        columns=sql.SQL(", ").join([*columns, drawn]),
        source=source_of(chosen),
        where=chosen.where(),
        key=sql.SQL(layer.key),
        header=sql.SQL(", HEADER") if is_csv else sql.SQL(""),
    )


def _cell(field: Field, *, is_csv: bool) -> sql.Composable:
    if field.kind == "text" and is_csv:
        return sql.SQL(GUARDED).format(value=sql.SQL(field.sql))
    if field.kind in IN_FILE:
        return sql.SQL(IN_FILE[field.kind]).format(sql.SQL(field.sql))
    return sql.SQL(field.sql)


def _features(chosen: Selection, shape: Shape) -> sql.Composed:
    system = System(srid=shape.system.srid, is_metric=shape.system.is_metric)
    return sql.SQL(COPY_FEATURES).format(features=feature_query(chosen, system, sql.SQL("ALL")))


def _collection_head(layer: Layer, system: System) -> bytes:
    """Give the beginning of a feature collection; a system other than WGS 84 by the member of the older standard."""
    name = {"type": "FeatureCollection", "name": layer.name}
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{system.srid}"}}
    head = {**name, **({} if system.srid == 4326 else {"crs": crs})}
    return json.dumps(head)[:-1].encode() + b', "features": [\n'
