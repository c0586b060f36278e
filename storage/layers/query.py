"""Features of a layer as GeoJSON texts: a page, one, how many, where the layer lies. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection, errors, sql

from core.errors import InvalidInput
from storage.layers.model import Layer

METRE_DIGITS = 3
DEGREE_DIGITS = 9
"""A tenth of a millimetre: what comes out is what was surveyed."""

FEATURE = """
SELECT {key}, json_build_object(
    'type', 'Feature', 'id', {id}, 'geometry', ST_AsGeoJSON({geometry}, {digits}, 0)::json,
    'properties', {properties})::text
FROM {source}
WHERE {where}
ORDER BY {key}
LIMIT {limit}
"""
COUNT = "SELECT count(*) FROM {source} WHERE {where}"
EXTENT = """
SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b)
FROM (SELECT coalesce(ST_EstimatedExtent({table}, 'geom'), (SELECT ST_Extent(geom) FROM {relation})) AS b) AS e
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A coordinate system to answer in."""

    srid: int = 4326
    is_flipped: bool = False
    """Its authority puts latitude or northing first."""
    is_metric: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which features of a layer, and what their conditions' parameters are; `clock` decides health and recency."""

    layer: Layer
    clock: Mapping[str, object]
    conditions: tuple[sql.Composable, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    source: LiteralString | None = None
    """What to select from instead of the layer's source."""

    def where(self, *more: sql.Composable) -> sql.Composed:
        """Give the condition that all of it holds."""
        return sql.SQL(" AND ").join([sql.SQL(self.layer.where), *self.conditions, *more])

    @property
    def parameters(self) -> dict[str, object]:
        """Give every parameter's value."""
        return {**self.clock, **self.values}


async def page(
    conn: AsyncConnection, chosen: Selection, *, limit: int, after: object = None, system: System | None = None
) -> list[tuple[Any, str]]:
    """Give (key, GeoJSON feature) of at most `limit` features behind the key `after`, in the order of the keys."""
    layer = chosen.layer
    more = [] if after is None else [sql.SQL("{} > %(after)s").format(sql.SQL(layer.key))]
    query = feature_query(chosen, system or System(), sql.Placeholder("limit"), *more)
    return await _rows(conn, query, {**chosen.parameters, "limit": limit, "after": after})


async def item(conn: AsyncConnection, chosen: Selection, wanted: object, *, system: System | None = None) -> str | None:
    """Give one feature by its id, as GeoJSON."""
    is_it = sql.SQL("{} = %(wanted)s").format(sql.SQL(chosen.layer.id))
    query = feature_query(chosen, system or System(), sql.Literal(1), is_it)
    rows = await _rows(conn, query, {**chosen.parameters, "wanted": wanted})
    return rows[0][1] if rows else None


async def count(conn: AsyncConnection, chosen: Selection) -> int:
    """Give how many features there are."""
    query = sql.SQL(COUNT).format(source=source_of(chosen), where=chosen.where())
    return int((await _rows(conn, query, chosen.parameters))[0][0])


async def extent(conn: AsyncConnection, layer: Layer) -> tuple[float, float, float, float] | None:
    """Give about where the layer lies: west, south, east, north; None when it is empty."""
    query = sql.SQL(EXTENT).format(table=sql.Literal(layer.table), relation=sql.Identifier(layer.table))
    row = (await _rows(conn, query, {}))[0]
    return None if row[0] is None else (row[0], row[1], row[2], row[3])


async def beginning(conn: AsyncConnection, layer: Layer) -> datetime | None:
    """Give when the layer's time begins; None when it has no time or is empty."""
    if layer.first is None:
        return None
    return (await _rows(conn, sql.SQL(layer.first), {}))[0][0]


def feature_query(chosen: Selection, system: System, limit: sql.Composable, *more: sql.Composable) -> sql.Composed:
    """Give the statement whose rows are (key, GeoJSON feature)."""
    layer = chosen.layer
    pairs = sql.SQL(", ").join([sql.SQL("{}, {}").format(sql.Literal(f.name), sql.SQL(f.sql)) for f in layer.fields])
    return sql.SQL(FEATURE).format(
        key=sql.SQL(layer.key),
        id=sql.SQL(layer.id),
        geometry=geometry_of(layer, system),
        digits=sql.Literal(METRE_DIGITS if system.is_metric else DEGREE_DIGITS),
        properties=sql.SQL("json_build_object({})").format(pairs),
        source=source_of(chosen),
        where=chosen.where(*more),
        limit=limit,
    )


def geometry_of(layer: Layer, system: System) -> sql.Composable:
    """Give the layer's geometry in a system."""
    shape: sql.Composable = sql.SQL(layer.geometry)
    if system.srid != 4326:
        shape = sql.SQL("ST_Transform({}, {})").format(shape, sql.Literal(system.srid))
    return sql.SQL("ST_FlipCoordinates({})").format(shape) if system.is_flipped else shape


def source_of(chosen: Selection) -> sql.SQL:
    """Give what the selection reads from."""
    return sql.SQL(chosen.source or chosen.layer.source)


async def _rows(
    conn: AsyncConnection, query: sql.SQL | sql.Composed, values: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Run a query; a value that the database cannot use is the asker's."""
    try:
        return await (await conn.execute(query, values)).fetchall()
    except (errors.DataError, errors.InternalError) as error:
        detail = str(error.diag.message_primary or error)
        raise InvalidInput(f"the database cannot use a value of this question: {detail}") from error
