"""Step 2 of the journey: topic and payload to rows of numbers, or a refusal. Next: `ingest.validate`.

The only per-message Python of the hot path; everything after it works on columns.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from core.errors import InvalidInput
from ingest.directory import Directory, ProfileCodec
from ingest.message import RawMessage, Reason
from wire import native_v1, topics

EARLIEST_US = 1_420_070_400_000_000
"""2015-01-01: earlier times come from clocks that were never set (1970, 2000-01-01). Our choice."""
LATEST_US = 4_102_444_800_000_000
"""2100-01-01: keeps every later calculation inside 64 bits."""
SEQ_LIMIT = 2**31

_gateway_decoder = msgspec.json.Decoder(native_v1.Envelope | list[native_v1.Envelope])
_NOT_JSON_V1 = (msgspec.DecodeError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One message, or one item of it, that cannot be accepted."""

    message: int
    """Index in the batch."""
    item: int
    reason: Reason
    detail: str


@dataclass(slots=True)
class Rows:
    """Columns of one profile under construction."""

    slot: list[int] = field(default_factory=list[int])
    ts_us: list[int] = field(default_factory=list[int])
    seq: list[int] = field(default_factory=list[int])
    origin: list[int] = field(default_factory=list[int])
    values: list[tuple[float | None, ...]] = field(default_factory=list[tuple[float | None, ...]])
    message: list[int] = field(default_factory=list[int])
    item: list[int] = field(default_factory=list[int])


def decode(
    messages: Sequence[RawMessage], directory: Directory, payload_limit_bytes: int
) -> tuple[list[Rows], list[Refusal]]:
    """Give one `Rows` for each profile of the directory, in its order, and what was refused."""
    tables = [Rows() for _ in directory.codecs]
    refusals: list[Refusal] = []
    by_topic, profile_of = directory.by_topic, directory.fleet.profile.tolist()
    for index, message in enumerate(messages):
        if len(message.payload) > payload_limit_bytes:
            detail = f"{len(message.payload)} bytes, the limit is {payload_limit_bytes}"
            refusals.append(Refusal(index, 0, Reason.OVERSIZED, detail))
            continue
        slot = by_topic.get(message.topic)
        if slot is None:
            _decode_other(index, message, directory, tables, refusals)
            continue
        profile = profile_of[slot]
        try:
            decoded = directory.codecs[profile].decoder.decode(message.payload)
        except _NOT_JSON_V1 as error:
            refusals.append(Refusal(index, 0, Reason.MALFORMED, str(error)))
            continue
        items = decoded if isinstance(decoded, list) else (decoded,)
        for number, item in enumerate(items):
            values = msgspec.structs.astuple(item.values)
            _append(tables[profile], refusals, _Item(index, number, slot, item.ts, item.seq, item.origin, values))
    return tables, refusals


@dataclass(frozen=True, slots=True)
class _Item:
    message: int
    number: int
    slot: int
    ts: str | int
    seq: int
    origin: str
    values: tuple[float | None, ...]


def _append(rows: Rows, refusals: list[Refusal], item: _Item) -> None:
    ts_us = item.ts * 1000 if isinstance(item.ts, int) else _text_time(item.ts)
    if not EARLIEST_US <= ts_us < LATEST_US:
        refusals.append(Refusal(item.message, item.number, Reason.BAD_TIME, f"ts is {item.ts!r}"))
        return
    origin = native_v1.ORIGINS.get(item.origin)
    if origin is None or item.seq >= SEQ_LIMIT or item.seq < -1:
        wrong = f"origin {item.origin!r}" if origin is None else f"seq {item.seq}"
        refusals.append(Refusal(item.message, item.number, Reason.MALFORMED, f"{wrong} is not allowed"))
        return
    rows.slot.append(item.slot)
    rows.ts_us.append(ts_us)
    rows.seq.append(item.seq if item.seq >= 0 else _checksum(item.values))
    rows.origin.append(origin)
    rows.values.append(item.values)
    rows.message.append(item.message)
    rows.item.append(item.number)


def _text_time(ts: str) -> int:
    try:
        return native_v1.timestamp_us(ts)
    except (InvalidInput, OverflowError):
        return -1


def _checksum(values: tuple[float | None, ...]) -> int:
    """Tell apart messages without `seq`: the same values give the same number, 31 bits."""
    return zlib.crc32(repr(values).encode()) & 0x7FFF_FFFF


def _decode_other(
    index: int, message: RawMessage, directory: Directory, tables: list[Rows], refusals: list[Refusal]
) -> None:
    """Handle a gateway's message, or say why the topic is nobody's."""
    address = topics.parse(message.topic)
    if address is None:
        refusals.append(Refusal(index, 0, Reason.UNKNOWN_TOPIC, "not a telemetry topic"))
    elif address.kind == topics.GATEWAY:
        _decode_gateway(index, message, address.district, directory, tables, refusals)
    elif address.label in directory.by_label:
        refusals.append(Refusal(index, 0, Reason.WRONG_TOPIC, f"{address.label} is registered elsewhere"))
    else:
        refusals.append(Refusal(index, 0, Reason.UNKNOWN_DEVICE, f"{address.label} is not registered"))


def _decode_gateway(  # the same five as its caller, and the district
    index: int,
    message: RawMessage,
    district: str,
    directory: Directory,
    tables: list[Rows],
    refusals: list[Refusal],
) -> None:
    try:
        decoded = _gateway_decoder.decode(message.payload)
    except _NOT_JSON_V1 as error:
        refusals.append(Refusal(index, 0, Reason.MALFORMED, str(error)))
        return
    for number, item in enumerate(decoded if isinstance(decoded, list) else (decoded,)):
        slot = directory.by_label.get(item.device)
        if slot is None:
            detail = f"{item.device or 'an item without `device`'} is not registered"
            refusals.append(Refusal(index, number, Reason.UNKNOWN_DEVICE, detail))
            continue
        if directory.fleet.district_code[slot] != district:
            refusals.append(Refusal(index, number, Reason.WRONG_TOPIC, f"{item.device} is registered elsewhere"))
            continue
        profile = int(directory.fleet.profile[slot])
        for values in _gateway_values(index, number, item, directory.codecs[profile], refusals):
            _append(tables[profile], refusals, _Item(index, number, slot, item.ts, item.seq, item.origin, values))


def _gateway_values(
    index: int, number: int, item: native_v1.Envelope, codec: ProfileCodec, refusals: list[Refusal]
) -> Iterator[tuple[float | None, ...]]:
    try:
        yield msgspec.structs.astuple(codec.values_decoder.decode(item.values))
    except _NOT_JSON_V1 as error:
        refusals.append(Refusal(index, number, Reason.MALFORMED, str(error)))
