"""Reading a JSON payload into a struct, and keeping what a sender says beyond it within bounds. Pure."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from core.errors import InvalidInput

DETAIL_LIMIT_BYTES = 16_384
"""Most a fact's detail may hold as JSON; our choice: a detection with its box is a tenth of it, a picture is none."""
DETAIL_LEVELS = 16

T = TypeVar("T")


def read(decoder: msgspec.json.Decoder[T], payload: bytes, what: str) -> T:
    """Give the payload's struct; raises `InvalidInput` naming `what` it should be and the byte or field at fault."""
    if not payload:
        raise InvalidInput(f"no {what}: the payload is empty")
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"no {what}: {error}") from error
    except RecursionError as error:
        raise InvalidInput(f"no {what}: nested too deep") from error


def bounded(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the detail itself when a database can hold it; raises `InvalidInput` when it is too large, too deep, or NUL.

    PostgreSQL's jsonb takes no U+0000, and one such message must not cost the batch it comes with.
    """
    _require_shallow(detail, DETAIL_LEVELS)
    text = msgspec.json.encode(detail)
    if len(text) > DETAIL_LIMIT_BYTES:
        raise InvalidInput(f"its details are {len(text)} bytes of JSON, at most {DETAIL_LIMIT_BYTES}")
    if b"\\u0000" in text:
        raise InvalidInput("its details hold the character U+0000")
    return detail


def clean(text: str, field: str, limit: int = 256) -> str:
    """Give the text itself; raises `InvalidInput` naming `field` when it is too long or holds control characters."""
    if len(text) > limit:
        raise InvalidInput(f"{field} is {len(text)} characters long, at most {limit}")
    if any(letter < " " or letter == "\x7f" for letter in text):
        raise InvalidInput(f"{field} holds a control character")
    return text


def _require_shallow(value: Any, levels: int) -> None:
    if levels < 0:
        raise InvalidInput(f"its details are nested more than {DETAIL_LEVELS} levels deep")
    if isinstance(value, Mapping):
        for part in value.values():
            _require_shallow(part, levels - 1)
    elif isinstance(value, list | tuple):
        for part in value:
            _require_shallow(part, levels - 1)
