"""Our own payload, version 1: JSON, one reading set or a list of them, UTF-8.

`{"ts": "2026-11-22T04:00:00.123Z", "seq": 17, "origin": "simulated", "values": {"tilt_deg": 3.2}}`

* `ts`: RFC 3339 with an offset, or whole milliseconds since 1970 UTC.
* `seq`: optional, 0 to 2^31 - 1; tells apart messages of one device with the same `ts`.
* `origin`: `live` (default), `simulated`, `replayed`.
* `values`: channel -> number or boolean; null or absent = not measured.
* `device`: the device's label; only in what a gateway sends for the devices behind it.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from core.errors import InvalidInput
from core.origin import Origin

ORIGINS: dict[str, int] = {origin.name.lower(): int(origin) for origin in Origin}


_encoder = msgspec.json.Encoder()


def encode(ts_ms: int, seq: int, origin: str, values: Mapping[str, float]) -> bytes:
    """Give the payload of one reading set; `origin` is left out when it is `live`."""
    body: dict[str, Any] = {"ts": ts_ms, "seq": seq}
    if origin != "live":
        body["origin"] = origin
    body["values"] = values
    return _encoder.encode(body)


Seq = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
OriginName = Literal["live", "simulated", "replayed"]
NO_SEQ = -1
"""What `seq` reads when the message has none."""


class Envelope(msgspec.Struct, frozen=True):
    """One reading set before its channels are known; used for gateways, whose items differ in profile."""

    ts: str | int
    values: msgspec.Raw
    device: str = ""
    seq: Seq = NO_SEQ
    origin: OriginName = "live"


def item_type(profile: str, channels: Sequence[str]) -> type[msgspec.Struct]:
    """Give the struct of a profile's messages, so that decoding checks every channel in compiled code.

    Unknown channels are refused; the struct's `values` has the channels as fields, in order; absent = NaN, null = None.
    """
    values = msgspec.defstruct(
        f"{profile}_values",
        [(channel, float | bool | None, math.nan) for channel in channels],
        forbid_unknown_fields=True,
        frozen=True,
        gc=False,
    )
    return msgspec.defstruct(
        f"{profile}_message",
        [
            ("ts", str | int),
            ("values", values),
            ("seq", Seq, NO_SEQ),
            ("origin", OriginName, "live"),
            ("device", str | UnsetType, UNSET),
        ],
        frozen=True,
        gc=False,
    )


def timestamp_us(ts: str | int) -> int:
    """Give microseconds since 1970 UTC; raises `InvalidInput` on text that is not RFC 3339 with an offset."""
    if isinstance(ts, int):
        return ts * 1000
    try:
        parsed = datetime.fromisoformat(ts)
    except ValueError:
        raise InvalidInput(f"ts {ts!r} is not RFC 3339") from None
    if parsed.tzinfo is None:
        raise InvalidInput(f"ts {ts!r} has no offset: write Z or +08:00")
    try:
        whole = parsed.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"ts {ts!r} is not in the years 1 to 9999") from None
    return int(whole.replace(microsecond=0).timestamp()) * 1_000_000 + whole.microsecond
