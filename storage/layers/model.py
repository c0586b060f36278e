"""What a layer is: a name, fields of fixed types, a geometry, a key that orders it, and perhaps a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, LiteralString

Kind = Literal["text", "integer", "number", "boolean", "instant", "date"]
Tiles = Literal["components", "grids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A property of a layer's features; `sql` stands for it in the layer's query."""

    name: str
    kind: Kind
    sql: LiteralString
    zh: str
    en: str


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A table as people outside see it. What is SQL here is written by us; values come in as parameters."""

    name: str
    title_zh: str
    title_en: str
    description: str
    source: LiteralString
    """What follows FROM; may name the parameters now, late_after, silent_after."""
    where: LiteralString = "TRUE"
    """Rows that belong to the layer at all."""
    fields: tuple[Field, ...]
    geometry: LiteralString
    geometry_type: Literal["Geometry", "Point", "Polygon", "MultiPolygon"]
    table: LiteralString
    """Where `geometry` is a column: its extent is the layer's."""
    key: LiteralString
    """Orders the layer; never changes and is never given twice."""
    key_type: type[int] | type[str]
    id: LiteralString
    """What an item is asked for by; a field's or the key's SQL."""
    id_type: type[int] | type[str]
    since: LiteralString | None = None
    """When a feature began; without it the layer has no time."""
    until: LiteralString | None = None
    """When it ended; NULL: it lasts."""
    first: LiteralString | None = None
    """Query for the beginning of the layer's time."""
    tiles: Tiles | None = None
    """Vector tiles that draw the layer."""
    tile_layers: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Give the fields by name."""
        return {field.name: field for field in self.fields}


def text(name: str, sql: LiteralString, zh: str, en: str) -> Field:
    """Give a field of words or codes."""
    return Field(name=name, kind="text", sql=sql, zh=zh, en=en)


def instant(name: str, sql: LiteralString, zh: str, en: str) -> Field:
    """Give a field that is a moment."""
    return Field(name=name, kind="instant", sql=sql, zh=zh, en=en)
