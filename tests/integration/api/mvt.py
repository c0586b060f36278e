"""Reads the properties of a Mapbox vector tile (specification 2.1), enough for tests; no dependency on our code."""

import struct
from collections.abc import Iterator
from typing import Any

Field = tuple[int, Any]


def layers(tile: bytes) -> dict[str, list[dict[str, Any]]]:
    """Give the properties of each feature, by layer."""
    found: dict[str, list[dict[str, Any]]] = {}
    for number, layer in _fields(tile):
        if number == 3:
            name, features = _layer(layer)
            found.setdefault(name, []).extend(features)
    return found


def _layer(layer: bytes) -> tuple[str, list[dict[str, Any]]]:
    fields = list(_fields(layer))
    name = next(value for number, value in fields if number == 1).decode()
    keys = [value.decode() for number, value in fields if number == 3]
    values = [_value(value) for number, value in fields if number == 4]
    features: list[dict[str, Any]] = []
    for number, feature in fields:
        if number == 2:
            tags = next((list(_varints(value)) for key, value in _fields(feature) if key == 2), [])
            features.append({keys[key]: values[value] for key, value in zip(tags[::2], tags[1::2], strict=True)})
    return name, features


def _value(value: bytes) -> Any:
    number, content = next(_fields(value))
    return content.decode() if number == 1 else content


def _fields(data: bytes) -> Iterator[Field]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
        elif kind == 2:
            size, at = _varint(data, at)
            yield number, data[at : at + size]
            at += size
        else:
            size, code = (8, "<d") if kind == 1 else (4, "<f")
            yield number, struct.unpack(code, data[at : at + size])[0]
            at += size


def _varints(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
