"""Makes SQL of a CQL2 tree: names are looked up in the layer, every value is a parameter.

Nothing of the input becomes text of a statement.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, LiteralString, cast

import shapely
from psycopg import sql
from shapely.errors import ShapelyError

from core.errors import InvalidInput
from storage.layers import temporal
from storage.layers.model import Field, Layer

COMPARISONS: Mapping[str, LiteralString] = {"=": "=", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
SPATIAL: Mapping[str, LiteralString] = {
    "s_intersects": "ST_Intersects", "s_disjoint": "ST_Disjoint", "s_equals": "ST_Equals", "s_touches": "ST_Touches",
    "s_within": "ST_Within", "s_overlaps": "ST_Overlaps", "s_crosses": "ST_Crosses", "s_contains": "ST_Contains",
}  # fmt: skip
GEOMETRY = "geometry"
CASTS: Mapping[str, LiteralString] = {
    "text": "text", "integer": "bigint", "number": "float8", "boolean": "bool", "instant": "timestamptz",
    "date": "date",
}  # fmt: skip
MOST_POSITIONS = 2000


class Conditions:
    """The conditions of one request, and the parameters they need."""

    def __init__(self, layer: Layer, *, srid: int = 4326, is_flipped: bool = False) -> None:
        self._layer = layer
        self._srid = srid
        self._is_flipped = is_flipped
        self.values: dict[str, object] = {}

    def of(self, node: Any) -> sql.Composable:
        """Give the condition of a tree; raises `InvalidInput` for what a layer has not or that cannot be compared."""
        if isinstance(node, bool):
            return sql.SQL("TRUE") if node else sql.SQL("FALSE")
        if isinstance(node, dict) and "property" in node:
            field = self._field(node)
            if field.kind != "boolean":
                raise InvalidInput(f"filter: {field.name!r} alone is no condition")
            return sql.SQL(field.sql)
        op, args = _operation(node)
        if op in {"and", "or"}:
            joined = sql.SQL(" AND " if op == "and" else " OR ").join([self.of(part) for part in args])
            return sql.SQL("({})").format(joined)
        make = self._maker(op)
        if make is None:
            raise InvalidInput(f"filter: {op!r} is not supported")
        return make(op, args)

    def equals(self, field: Field, value: str) -> sql.Composable:
        """Give the condition that a field is what a query parameter says."""
        if field.kind == "integer":
            given: object = _whole(field, value)
        elif field.kind == "boolean":
            if value not in {"true", "false"}:
                raise InvalidInput(f"{field.name}: true or false, not {value!r}")
            given = value == "true"
        else:
            given = float(value) if field.kind == "number" and _is_number(value) else value
        return sql.SQL("{} = {}").format(sql.SQL(field.sql), self._value(given, field))

    def near(self, boxes: Sequence[tuple[float, float, float, float]], srid: int) -> sql.Composable:
        """Give the condition that the geometry touches one of the boxes (west, south, east, north)."""
        parts = [
            sql.SQL("ST_Intersects({}, {})").format(
                sql.SQL(self._layer.geometry), self._placed(shapely.box(*box).wkb, srid)
            )
            for box in boxes
        ]
        return sql.SQL("({})").format(sql.SQL(" OR ").join(parts))

    def during(self, begin: datetime | None, end: datetime | None) -> sql.Composable:
        """Give the condition that a feature's time meets [begin, end]; always true for a layer without time."""
        if self._layer.since is None:
            return sql.SQL("TRUE")
        parts: list[sql.Composable] = [sql.SQL("TRUE")]
        if end is not None:
            parts.append(sql.SQL("{} <= {}").format(sql.SQL(self._layer.since), self._parameter(end)))
        if begin is not None and self._layer.until is not None:
            until = sql.SQL(self._layer.until)
            parts.append(sql.SQL("({0} IS NULL OR {0} >= {1})").format(until, self._parameter(begin)))
        return sql.SQL("({})").format(sql.SQL(" AND ").join(parts))

    def _maker(self, op: str) -> Callable[[str, list[Any]], sql.Composable] | None:
        if op in COMPARISONS:
            return self._compare
        if op in SPATIAL:
            return self._spatial
        if op in temporal.OPERATORS:
            return self._temporal
        others = {"not": self._not, "like": self._like, "between": self._between, "in": self._in, "isnull": self._null}
        return others.get(op)

    def _not(self, op: str, args: list[Any]) -> sql.Composable:
        _count(op, args, 1)
        return sql.SQL("(NOT {})").format(self.of(args[0]))

    def _compare(self, op: str, args: list[Any]) -> sql.Composable:
        _count(op, args, 2)
        field = self._kind_of(args)
        left, right = (self._operand(arg, field) for arg in args)
        return sql.SQL("({} {} {})").format(left, sql.SQL(COMPARISONS[op]), right)

    def _like(self, op: str, args: list[Any]) -> sql.Composable:
        _count(op, args, 2)
        field = self._kind_of(args)
        if field.kind != "text":
            raise InvalidInput(f"filter: {field.name!r} is no text: like does not fit")
        pattern = args[1]["args"][0] if _is_casei(args[1]) else args[1]
        if not isinstance(pattern, str) or len(pattern) - len(pattern.rstrip("\\")) & 1:
            raise InvalidInput("filter: like takes a pattern in quotes; % stands for any text, _ for any character")
        return sql.SQL("({} LIKE {})").format(*(self._operand(arg, field) for arg in args))

    def _between(self, op: str, args: list[Any]) -> sql.Composable:
        _count(op, args, 3)
        field = self._kind_of(args)
        return sql.SQL("({} BETWEEN {} AND {})").format(*(self._operand(arg, field) for arg in args))

    def _in(self, op: str, args: list[Any]) -> sql.Composable:
        _count(op, args, 2)
        listed = args[1]
        if not isinstance(listed, list) or not listed:
            raise InvalidInput("filter: in takes a list of values")
        field = self._kind_of([args[0]])
        given = sql.SQL(", ").join([self._operand(arg, field) for arg in listed])
        return sql.SQL("({} IN ({}))").format(self._operand(args[0], field), given)

    def _null(self, op: str, args: list[Any]) -> sql.Composable:
        _count(op, args, 1)
        if _property(args[0]) == GEOMETRY:
            return sql.SQL("({} IS NULL)").format(sql.SQL(self._layer.geometry))
        return sql.SQL("({} IS NULL)").format(sql.SQL(self._field(args[0]).sql))

    def _kind_of(self, args: list[Any]) -> Field:
        """Give the field that says what the others of a comparison are."""
        for arg in args:
            inner = arg["args"][0] if _is_casei(arg) else arg
            if _property(inner) is not None:
                return self._field(inner)
        raise InvalidInput("filter: a comparison names at least one property")

    def _operand(self, arg: Any, field: Field) -> sql.Composable:
        if _is_casei(arg):
            if field.kind != "text":
                raise InvalidInput(f"filter: {field.name!r} is no text: casei does not fit")
            return sql.SQL("lower({})").format(self._operand(arg["args"][0], field))
        if _property(arg) is not None:
            other = self._field(arg)
            if other.kind != field.kind:
                raise InvalidInput(f"filter: {field.name!r} and {other.name!r} are of different kinds")
            return sql.SQL(other.sql)
        return self._value(arg, field)

    def _field(self, node: Any) -> Field:
        name = _property(node)
        field = self._layer.by_name.get(name or "")
        if field is None:
            known = ", ".join([GEOMETRY, *self._layer.by_name])
            raise InvalidInput(f"filter: {name if name is not None else node!r} is not a property; there are: {known}")
        return field

    def _value(self, given: Any, field: Field) -> sql.Composable:
        """Give the parameter of a literal, as the field's kind needs it."""
        value: object = given
        if isinstance(given, dict) and (given.keys() & {"timestamp", "date"}):
            value = next(iter(cast("dict[str, str]", given).values()))
        fits = {
            "text": isinstance(value, str) and not isinstance(given, dict),
            "boolean": isinstance(value, bool),
            "integer": isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53,
            "number": isinstance(value, int | float) and not isinstance(value, bool),
            "instant": isinstance(value, str),
            "date": isinstance(value, str),
        }
        if not fits[field.kind]:
            raise InvalidInput(f"{field.name}: {given!r} is no value of kind {field.kind}")
        if field.kind == "instant":
            value = temporal.moment(str(value))
        if field.kind == "date":
            value = _day(str(value))
        if field.kind == "integer" and isinstance(value, float):
            return sql.SQL("{}::float8").format(self._parameter(value))
        return sql.SQL("{}::{}").format(self._parameter(value), sql.SQL(CASTS[field.kind]))

    def _spatial(self, op: str, args: list[Any]) -> sql.Composable:
        _count(op, args, 2)
        return sql.SQL("{}({}, {})").format(sql.SQL(SPATIAL[op]), *(self._shape(arg) for arg in args))

    def _shape(self, node: Any) -> sql.Composable:
        if _property(node) is not None:
            if _property(node) != GEOMETRY:
                raise InvalidInput(f"filter: {_property(node)!r} is no geometry; that is called {GEOMETRY!r}")
            return sql.SQL(self._layer.geometry)
        return self._placed(_wkb(node, is_flipped=self._is_flipped), self._srid)

    def _placed(self, wkb: bytes, srid: int) -> sql.Composable:
        shape = sql.SQL("ST_GeomFromWKB({}, {})").format(self._parameter(wkb), sql.Literal(srid))
        return shape if srid == 4326 else sql.SQL("ST_Transform({}, 4326)").format(shape)

    def _temporal(self, op: str, args: list[Any]) -> sql.Composable:
        _count(op, args, 2)
        left, right = (self._interval(arg) for arg in args)
        return temporal.condition(op, left, right)

    def _interval(self, node: Any) -> temporal.Interval:
        if isinstance(node, dict) and "interval" in node:
            ends = node["interval"]
            if not isinstance(ends, list) or len(ends) != 2:
                raise InvalidInput("filter: an interval has a beginning and an end")
            return self._end(ends[0], "-infinity"), self._end(ends[1], "infinity")
        end = self._end(node, "")
        return end, end

    def _end(self, node: Any, open_end: LiteralString) -> sql.Composable:
        if _property(node) is not None:
            field = self._field(node)
            if field.kind not in {"instant", "date"}:
                raise InvalidInput(f"filter: {field.name!r} is no time")
            return sql.SQL("{}::timestamptz").format(sql.SQL(field.sql))
        if node == ".." and open_end:
            return sql.SQL("{}::timestamptz").format(sql.Literal(open_end))
        text = next(iter(node.values())) if isinstance(node, dict) and node else node
        if not isinstance(text, str):
            raise InvalidInput(f"filter: {node!r} is no time")
        return sql.SQL("{}::timestamptz").format(self._parameter(temporal.moment(text)))

    def _parameter(self, value: object) -> sql.Composable:
        if isinstance(value, str) and "\0" in value:
            raise InvalidInput("filter: no text holds a NUL character")
        name = f"v{len(self.values)}"
        self.values[name] = value
        return sql.Placeholder(name)


def _operation(node: Any) -> tuple[str, list[Any]]:
    if not isinstance(node, dict) or not isinstance(node.get("op"), str) or not isinstance(node.get("args"), list):
        raise InvalidInput(f"filter: {json.dumps(node, ensure_ascii=False)[:80]} is no condition")
    return node["op"].lower(), node["args"]


def _property(node: Any) -> str | None:
    found = node.get("property") if isinstance(node, dict) else None
    return found if isinstance(found, str) else None


def _is_casei(node: Any) -> bool:
    return isinstance(node, dict) and node.get("op") == "casei" and len(node.get("args") or ()) == 1


def _count(op: str, args: list[Any], wanted: int) -> None:
    if len(args) != wanted:
        raise InvalidInput(f"filter: {op} takes {wanted} arguments")


def _wkb(node: Any, *, is_flipped: bool) -> bytes:
    """Give a literal geometry; a box may be given by its corners."""
    try:
        if isinstance(node, dict) and "bbox" in node:
            sides = [float(side) for side in node["bbox"]]
            sides = [sides[0], sides[1], sides[3], sides[4]] if len(sides) == 6 else sides
            west, south, east, north = sides
            shape = shapely.box(west, south, east, north)
        else:
            shape = shapely.from_geojson(json.dumps(node))
    except (ShapelyError, TypeError, ValueError, KeyError) as error:
        raise InvalidInput(f"filter: {json.dumps(node)[:80]} is no geometry") from error
    if shape.is_empty or not shape.is_valid or shapely.get_num_coordinates(shape) > MOST_POSITIONS:
        raise InvalidInput(f"filter: a geometry is empty, crosses itself or has over {MOST_POSITIONS} positions")
    if is_flipped:
        shape = shapely.transform(shape, lambda xy: xy[:, ::-1])
    return shapely.to_wkb(shape, output_dimension=2)


def _day(value: str) -> date | datetime:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return temporal.moment(value).astimezone(UTC).date()


def _whole(field: Field, value: str) -> int:
    if not value.lstrip("-").isdecimal() or len(value) > 18:
        raise InvalidInput(f"{field.name}: {value!r} is no whole number")
    return int(value)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
