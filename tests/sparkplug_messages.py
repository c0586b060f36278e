"""Builds Sparkplug B messages, as an edge node would."""

import struct
from typing import NamedTuple

from wire import protobuf

INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT, DOUBLE, BOOLEAN, STRING = range(1, 13)
_NUMBERS = {INT64: 11, UINT64: 11, BOOLEAN: 14}
NOON_MS = 1_795_320_000_000
"""2026-11-22T04:00:00Z, noon in Tangshan."""


class M(NamedTuple):
    """A metric."""

    name: str = ""
    value: float | str | None = None
    type: int = 0
    alias: int | None = None
    ts_ms: int | None = None
    null: bool = False
    historical: bool = False
    unit: str = ""
    quality: int | None = None
    typed_as: int | None = None
    """Data type whose field holds the value when the message leaves the type out."""


def payload(*metrics: M, seq: int | None = None, ts_ms: int | None = NOON_MS) -> bytes:
    """Give a payload's bytes."""
    head = b"" if ts_ms is None else protobuf.number(1, ts_ms)
    body = b"".join(protobuf.field(2, metric(one)) for one in metrics)
    return head + body + (b"" if seq is None else protobuf.number(3, seq))


def metric(one: M) -> bytes:
    """Give a metric's bytes."""
    parts = [protobuf.field(1, one.name.encode())] if one.name else []
    if one.alias is not None:
        parts.append(protobuf.number(2, one.alias))
    if one.ts_ms is not None:
        parts.append(protobuf.number(3, one.ts_ms))
    if one.type:
        parts.append(protobuf.number(4, one.type))
    parts += [protobuf.number(number, 1) for number, is_so in ((5, one.historical), (7, one.null)) if is_so]
    properties = _properties(one)
    if properties:
        parts.append(protobuf.field(9, properties))
    if one.value is not None:
        parts.append(_value(one.value, one.type or one.typed_as or DOUBLE))
    return b"".join(parts)


def _properties(one: M) -> bytes:
    keys: list[bytes] = []
    values: list[bytes] = []
    if one.unit:
        keys.append(protobuf.field(1, b"engUnit"))
        values.append(protobuf.field(2, protobuf.number(1, STRING) + protobuf.field(8, one.unit.encode())))
    if one.quality is not None:
        keys.append(protobuf.field(1, b"Quality"))
        values.append(protobuf.field(2, protobuf.number(1, INT32) + protobuf.number(3, one.quality)))
    return b"".join(keys + values)


def _value(value: float | str, datatype: int) -> bytes:
    if isinstance(value, str):
        return protobuf.field(15, value.encode())
    if datatype == FLOAT:
        return bytes([12 << 3 | 5]) + struct.pack("<f", value)
    if datatype == DOUBLE:
        return bytes([13 << 3 | 1]) + struct.pack("<d", value)
    bits = 64 if datatype in {INT64, UINT64} else 32
    return protobuf.number(_NUMBERS.get(datatype, 10), int(value) & ((1 << bits) - 1))
