"""Rewrites `ts` and `origin` in native JSON payloads and leaves every other byte as it was. Pure.

What is not a native payload (another format, broken JSON) goes through untouched.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from json import JSONDecodeError, JSONDecoder

ORIGIN = "replayed"

_decoder = JSONDecoder()
_SPACE = " \t\r\n"

Retime = Callable[[int], int]
"""Milliseconds since 1970 as they were -> as they shall be."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """Put `text` in place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str


def replayed(payload: bytes, retime: Retime) -> bytes:
    """Give the payload with its times put through `retime` and its origin set to replayed."""
    try:
        text = payload.decode()
        edits = _edits(text, retime)
    except (UnicodeDecodeError, JSONDecodeError, IndexError, ValueError, RecursionError):
        return payload
    for edit in reversed(edits):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text.encode()


def _edits(text: str, retime: Retime) -> list[_Edit]:
    at = _skip(text, 0)
    if text[at] == "{":
        edits, end = _object(text, at, retime)
    else:
        edits, end = _array(text, at, retime)
    if _skip(text, end) != len(text):
        raise ValueError("something follows the JSON value")
    return edits


def _array(text: str, at: int, retime: Retime) -> tuple[list[_Edit], int]:
    if text[at] != "[":
        raise ValueError("neither an object nor a list")
    edits: list[_Edit] = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        some, at = _object(text, at, retime)
        edits += some
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return edits, at + 1


def _object(text: str, at: int, retime: Retime) -> tuple[list[_Edit], int]:
    """Give the edits of one reading set and where it ends."""
    if text[at] != "{":
        raise ValueError("a reading set is an object")
    opening = at + 1
    edits: list[_Edit] = []
    keys: set[str] = set()
    at = _skip(text, opening)
    while text[at] != "}":
        key, at = _decoder.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        value, at = _decoder.raw_decode(text, start)
        keys.add(key)
        if key == "ts":
            edits.append(_Edit(start, at, _time(value, retime)))
        elif key == "origin":
            edits.append(_Edit(start, at, json.dumps(ORIGIN)))
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    if "ts" not in keys or "values" not in keys:
        raise ValueError("not a native reading set")
    if "origin" not in keys:
        edits.insert(0, _Edit(opening, opening, f'"origin":"{ORIGIN}",'))
    return edits, at + 1


def _time(value: object, retime: Retime) -> str:
    """Give the new time in the form of the old one: milliseconds, or text in UTC."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(retime(value))
    if not isinstance(value, str):
        raise ValueError("ts is neither a number nor text")  # noqa: TRY004  # caught with the other refusals
    was = datetime.fromisoformat(value)
    if was.tzinfo is None:
        raise ValueError("ts has no offset")
    now_ms = retime(round(was.timestamp() * 1000))
    seconds, ms = divmod(now_ms, 1000)
    return f'"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"'


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
