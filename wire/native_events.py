"""Our own facts, version 1: JSON, one or a list of them, on `citygrid/v1/<district>/<kind>/<label>/event`.

`{"ts": "2026-11-22T04:00:00Z", "seq": 3, "kind": "overflowing_bin", "confidence": 0.91, "plate": "冀B12345",
"snapshot_url": "https://...", "snapshot_sha256": "<64 hex digits>", "detail": {"box": [0.1, 0.2, 0.3, 0.4]}}`

* `ts` (needed): RFC 3339 with an offset, or whole milliseconds since 1970 UTC.
* `kind` (needed): what happened, lower_snake_case.
* Optional: `seq`, `confidence` (0 to 1), `plate`, `snapshot_url` (http or https), `snapshot_sha256`, `origin`, `detail`
  (JSON).
* Any other member is refused: a misspelt `confidence` would be a detection nobody doubts.

Pictures travel as URL and hash, never inside the message.
"""

from typing import Annotated, Any, Literal

import msgspec

from wire.instant import utc_us
from wire.json_payload import bounded, read
from wire.record import Fact, Said

NAME = "native_events"
FILTERS = ("citygrid/v1/+/+/+/event",)
MOST_ITEMS = 1000

_Plain = r"^[^\x00-\x1f\x7f]*$"
Kind = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
Plate = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=_Plain)]
Url = Annotated[str, msgspec.Meta(max_length=2048, pattern=r"^https?://[^\x00-\x20\x7f]+$")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fact."""

    ts: str | int
    kind: Kind
    seq: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] | None = None
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    plate: Plate | None = None
    snapshot_url: Url | None = None
    snapshot_sha256: Sha256 | None = None
    detail: dict[str, Any] = {}
    origin: Literal["live", "simulated", "replayed"] = "live"


_decoder = msgspec.json.Decoder(Item | Annotated[list[Item], msgspec.Meta(max_length=MOST_ITEMS)])


def decode(topic: str, payload: bytes, received_us: int) -> list[Said]:  # noqa: ARG001  # every fact has its time
    """Give the facts of a message; raises `InvalidInput` naming the member at fault."""
    content = read(_decoder, payload, "fact in native JSON")
    label = topic.split("/")[4]
    return [fact(label, item) for item in (content if isinstance(content, list) else [content])]


def fact(label: str, item: Item) -> Fact:
    """Give the fact an item says of the device `label`; raises `InvalidInput` naming the member at fault."""
    return Fact(
        address=label,
        ts_us=item.ts * 1000 if isinstance(item.ts, int) else utc_us(item.ts, "ts"),
        seq=-1 if item.seq is None else item.seq,
        kind=item.kind,
        confidence=item.confidence,
        plate=item.plate,
        snapshot_url=item.snapshot_url,
        snapshot_sha256=item.snapshot_sha256,
        detail=bounded(item.detail),
        origin=item.origin,
    )
