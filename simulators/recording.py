"""The recording format: newline-delimited JSON, one message a line after one line about the recording. Pure.

`{"recording": 1, "started": "2026-11-22T04:00:00Z", "filter": "citygrid/v1/+/+/+/telemetry"}` and then
`{"offset_s": 1.204, "topic": "...", "text": "..."}`, or `"base64"` in place of `"text"` when the payload is not UTF-8.
Text is exact: what is not ASCII stands as itself or as a JSON escape, the bytes come back the same.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from core.errors import InvalidInput

VERSION = 1


class Header(msgspec.Struct, frozen=True):
    """The first line of a recording."""

    recording: int
    started: datetime
    filter: str


class _Line(msgspec.Struct, frozen=True):
    offset_s: float
    topic: str
    text: str | None = None
    base64: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message of a recording; `offset_s` counts from its start."""

    offset_s: float
    topic: str
    payload: bytes


def header_line(header: Header) -> bytes:
    """Give the first line, with its end."""
    return msgspec.json.encode(header) + b"\n"


def line(message: Recorded) -> bytes:
    """Give a message's line, with its end."""
    row: dict[str, float | str] = {"offset_s": round(message.offset_s, 6), "topic": message.topic}
    try:
        row["text"] = message.payload.decode()
    except UnicodeDecodeError:
        row["base64"] = base64.b64encode(message.payload).decode()
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def read_header(first: bytes, source: str) -> Header:
    """Give what the first line says; raises `InvalidInput` when this is no recording of ours."""
    try:
        header = msgspec.json.decode(first, type=Header)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"{source} is no recording: its first line does not say so ({error})") from error
    if header.recording != VERSION:
        raise InvalidInput(f"{source} is a recording of version {header.recording}; this program reads {VERSION}")
    return header


def read(lines: Iterable[bytes], source: str) -> Iterator[Recorded]:
    """Give the messages after the header; raises `InvalidInput` naming the line.

    A last line that was cut off, as a killed recorder leaves it, ends the recording.
    """
    broken: InvalidInput | None = None
    for number, raw in enumerate(lines, start=2):
        if broken is not None:
            raise broken
        try:
            row = msgspec.json.decode(raw, type=_Line)
            payload = row.text.encode() if row.text is not None else base64.b64decode(row.base64 or "", validate=True)
        except (msgspec.DecodeError, ValueError) as error:
            broken = InvalidInput(f"{source} line {number}: {error}")
            continue
        yield Recorded(row.offset_s, row.topic, payload)
