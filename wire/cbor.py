"""CBOR (RFC 8949) from strangers: plain data, bounded in depth, no tags that build objects. Pure.

Only the two tags that write a number another way are let through: decimal fractions (4) and big floats (5). Everything
else a tag can ask for (shared and cyclic values, regular expressions, dates, sets, endless integers) is refused.
"""

import io
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import cbor2

from core.errors import InvalidInput

MAX_DEPTH = 8
"""Our choice: a pack of records is two deep."""
_BUILT_IN_TAGS = (0, 1, 2, 3, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43_000, 55_799)
_NOT_CBOR = (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError)


def loads(payload: bytes) -> Any:
    """Give the one value; raises `InvalidInput` on what is not CBOR, or goes beyond the bounds."""
    stream = io.BytesIO(payload)
    try:
        value = cbor2.CBORDecoder(
            stream,
            tag_hook=_refuse,
            semantic_decoders=_TAGS,
            max_depth=MAX_DEPTH,
            allow_duplicate_keys=False,
            read_size=1,
        ).decode()
    except _NOT_CBOR as error:
        raise InvalidInput(f"not CBOR we take: {_root(error)}") from None
    if stream.tell() != len(payload):
        raise InvalidInput(f"not CBOR: more follows after {stream.tell()} of {len(payload)} bytes")
    return value


def _refuse(*_: object) -> NoReturn:
    raise ValueError("a tag that is no number")


def _decimal_fraction(pair: Any, _immutable: bool) -> float:
    """Tag 4: mantissa x 10^exponent."""
    exponent, mantissa = _two_integers(pair)
    return float(f"{mantissa}e{exponent}")


def _big_float(pair: Any, _immutable: bool) -> float:
    """Tag 5: mantissa x 2^exponent."""
    exponent, mantissa = _two_integers(pair)
    return math.ldexp(mantissa, exponent)


def _two_integers(pair: Any) -> tuple[int, int]:
    match pair:
        case (int(exponent), int(mantissa)):
            return exponent, mantissa
        case _:
            raise ValueError("a fraction is [exponent, mantissa], both integers")


_TAGS: Mapping[int, Any] = {**dict.fromkeys(_BUILT_IN_TAGS, _refuse), 4: _decimal_fraction, 5: _big_float}


def _root(error: BaseException) -> str:
    """Give the words of the error at the bottom: the decoder wraps what our own functions say."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)
