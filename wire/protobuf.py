"""Protocol buffers on the wire: a message's fields, one after the other. Pure; schemas stand with the formats.

Why our own reader and not the generated classes: ADR-0013. Source: protobuf.dev, Encoding.
"""

import struct

from core.errors import InvalidInput

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: 8, FIXED32: 4}
_VARINT_LIMIT_BYTES = 10

Value = int | bytes
"""A varint as unsigned 64 bits; anything else as its bytes."""


def fields(data: bytes) -> list[tuple[int, int, Value]]:
    """Give (field number, wire type, value) in order; raises `InvalidInput` where the bytes are no message.

    Written out in one loop, numbers of one byte first: 3.5 times as fast as a generator that calls for each (ADR-0008).
    """
    found: list[tuple[int, int, Value]] = []
    at, end = 0, len(data)
    try:
        while at < end:
            key, at = (data[at], at + 1) if data[at] < 0x80 else _varint(data, at)
            number, wire_type = key >> 3, key & 7
            if number == 0:
                raise InvalidInput("field number 0")
            if wire_type == VARINT:
                value, at = (data[at], at + 1) if data[at] < 0x80 else _varint(data, at)
                found.append((number, wire_type, value))
                continue
            if wire_type == BYTES:
                size, at = (data[at], at + 1) if data[at] < 0x80 else _varint(data, at)
            elif wire_type in _SIZES:
                size = _SIZES[wire_type]
            else:
                raise InvalidInput(f"field {number} has wire type {wire_type}")
            if at + size > end:
                raise InvalidInput(f"field {number} is cut off")
            found.append((number, wire_type, data[at : at + size]))
            at += size
    except IndexError:
        raise InvalidInput("a number is cut off") from None
    return found


def field(number: int, value: bytes) -> bytes:
    """Give a field of bytes, as `fields` reads it."""
    return _unsigned(number << 3 | BYTES) + _unsigned(len(value)) + value


def number(field_number: int, value: int) -> bytes:
    """Give a field of an unsigned number, as `fields` reads it."""
    return _unsigned(field_number << 3 | VARINT) + _unsigned(value)


def floating(value: Value) -> float:
    """Give the number in the four bytes of a `float`."""
    if not isinstance(value, bytes) or len(value) != 4:
        raise InvalidInput("no float")
    (number,) = struct.unpack("<f", value)
    return number


def text(value: Value) -> str:
    """Give the text of a `string`."""
    if not isinstance(value, bytes):
        raise InvalidInput("no text")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidInput("text that is not UTF-8") from None


def message(value: Value) -> bytes:
    """Give the bytes of a message inside."""
    if not isinstance(value, bytes):
        raise InvalidInput("no message")
    return value


def unsigned(value: Value) -> int:
    """Give the number of a `uint64`, `uint32`, `bool` or `enum`."""
    if not isinstance(value, int):
        raise InvalidInput("no whole number")
    return value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 7 * _VARINT_LIMIT_BYTES, 7):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise InvalidInput("a number is longer than 64 bits")


def _unsigned(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
