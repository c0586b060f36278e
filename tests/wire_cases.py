"""Golden cases of the wire formats on disk: reading the folders, decoding them, showing the outcome as JSON."""

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.errors import InvalidInput
from ingest import sparkplug
from wire import formats
from wire.edge_node import EdgeNode
from wire.record import Flaw, Record, Said

ROOT = Path(__file__).parent / "golden" / "wire"
RECEIVED = "2026-11-22T04:00:00Z"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a case, and what must come of it."""

    format: str
    topic: str
    payload: bytes
    received_us: int
    expected: Any


@dataclass(slots=True)
class Memory:
    """What formats with a memory keep from one message of a case to the next."""

    edge_nodes: dict[str, EdgeNode] = field(default_factory=dict[str, EdgeNode])


def folders() -> list[Path]:
    """Give the folders of all cases."""
    return sorted({path.parent for path in ROOT.glob("*/*/*expected.json")})


def messages(folder: Path) -> Iterator[Message]:
    """Give the messages of a case, in order."""
    for path in sorted(folder.glob("*expected.json")):
        prefix = path.name.removesuffix("expected.json")
        received = folder / f"{prefix}received_us.txt"
        yield Message(
            format=folder.parent.name,
            topic=(folder / f"{prefix}topic.txt").read_text().strip(),
            payload=_payload(folder, prefix),
            received_us=microseconds(received.read_text().strip() if received.exists() else RECEIVED),
            expected=json.loads(path.read_text()),
        )


def _payload(folder: Path, prefix: str) -> bytes:
    (path,) = folder.glob(f"{prefix}payload.*")
    if path.suffix != ".hex":
        return path.read_bytes()
    return bytes.fromhex("".join(line.partition("#")[0] for line in path.read_text().splitlines()))


def decoded(message: Message, remembered: Memory) -> Any:
    """Give what a message comes to, in the form of `expected.json`."""
    known = formats.of_topic(message.topic)
    assert known is not None, f"no format's filter matches {message.topic}"
    assert known.name == message.format, f"{message.topic} is routed to {known.name}"
    try:
        if known.name == "sparkplug":
            return _by_births(message, remembered)
        return [shown(item) for item in known.decode(message.topic, message.payload, message.received_us)]
    except InvalidInput as error:
        return _refused(str(error), message.expected)


def _by_births(message: Message, remembered: Memory) -> list[dict[str, Any]]:
    """Give what a Sparkplug message says, and `{"rebirth": node}` for a node that must be asked for its births."""
    draft = sparkplug.Draft(remembered.edge_nodes)
    said = draft.receive(message.topic, message.payload, message.received_us)
    sparkplug.commit(remembered.edge_nodes, draft)
    return [*(shown(item) for item in said), *({"rebirth": node} for node in draft.asked)]


def _refused(words: str, expected: Any) -> Any:
    """Give the expectation itself when its words stand in the refusal; else the whole refusal, to be read."""
    if isinstance(expected, dict) and expected.keys() == {"refused"} and expected["refused"] in words:
        return expected
    return {"refused": words}


def microseconds(ts: str) -> int:
    """Give microseconds since 1970 UTC of RFC 3339 text, or of the number itself."""
    if ts.isdigit():
        return int(ts)
    return (datetime.fromisoformat(ts) - EPOCH) // timedelta(microseconds=1)


def shown(item: Said) -> dict[str, Any]:
    """Give a record, fact or flaw as JSON: times RFC 3339, bytes hex, numbers to 12 digits, defaults left out."""
    if isinstance(item, Flaw):
        return {"address": item.address, "flaw": item.detail}
    body: dict[str, Any] = {"address": item.address, "ts": None}
    if item.ts_us is not None:
        body["ts"] = (EPOCH + timedelta(microseconds=item.ts_us)).isoformat().replace("+00:00", "Z")
    for part in dataclasses.fields(item):
        value = getattr(item, part.name)
        if part.name not in body and part.name != "ts_us" and value != part.default:
            body[part.name] = value
    if isinstance(item, Record):
        if item.measured:
            body["measured"] = [[one.name, _number(one.value), one.unit] for one in item.measured]
        if item.uplink is not None:
            body["uplink"] = {"port": item.uplink.port, "data": item.uplink.data.hex()}
    else:
        body["detail"] = json.loads(json.dumps(dict(item.detail)))
    return body


def _number(value: float) -> float | str:
    return float(f"{value:.12g}") if math.isfinite(value) else str(value)
