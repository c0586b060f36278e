"""CloudEvents 1.0 over MQTT, structured JSON, on our own topics `.../<label>/cloudevents`. Pure.

The topic names the device; `source` and `id` together tell events apart, so one sent twice is stored once. What `type`
says decides what becomes of `data`:

* `org.citygrid.reading.v1`: readings, `{"tilt_deg": 3.2, ...}`, channel to number or boolean, in canonical units;
* `org.citygrid.event.v1`: a fact, as `wire.native_events` has it; its `ts` may be left out, `time` counts then;
* anything else: a fact whose kind is the type in snake case (`com.example.bin-full` gives `com_example_bin_full`), with
  `data` and the other attributes as its detail.

One event a message: batches are for HTTP only. Binary mode needs MQTT 5 user properties and is not read.
Source: CloudEvents 1.0.2, its JSON format and its MQTT protocol binding.
"""

import base64
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from core.errors import InvalidInput
from wire import native_events
from wire.instant import utc_us
from wire.json_payload import bounded, clean, read
from wire.record import Fact, Measured, Record, Said

NAME = "cloudevents"
FILTERS = ("citygrid/v1/+/+/+/cloudevents",)
READING = "org.citygrid.reading.v1"
FACT = "org.citygrid.event.v1"

_ATTRIBUTE = re.compile(r"[a-z0-9]+")
_JSON_TYPE = re.compile(r"[^;]*[/+]json\s*(;.*)?", re.IGNORECASE)
_OWN = frozenset({"specversion", "id", "source", "type", "time", "data", "data_base64"})
_KIND_LIMIT = 80
_event = msgspec.json.Decoder(dict[str, Any])
_any = msgspec.json.Decoder()


def decode(topic: str, payload: bytes, received_us: int) -> list[Said]:
    """Give the reading set or the fact of an event; raises `InvalidInput` naming the attribute at fault."""
    del received_us
    label = topic.split("/")[4]
    event = {name: value for name, value in read(_event, payload, "CloudEvent").items() if value is not None}
    _require(event)
    identity = hashlib.blake2b(f"{event['source']}\n{event['id']}".encode(), digest_size=4).digest()
    seq = int.from_bytes(identity, "big") & 0x7FFF_FFFF
    ts_us = utc_us(_text(event, "time"), "time") if "time" in event else None
    data = _data(event)
    if event["type"] == READING:
        return [Record(address=label, ts_us=ts_us, seq=seq, measured=_measured(data))]
    if event["type"] == FACT:
        return [replace(_native_fact(label, event, data), seq=seq)]
    return [Fact(address=label, ts_us=ts_us, kind=_kind(event["type"]), seq=seq, detail=_detail(event, data))]


def _require(event: Mapping[str, Any]) -> None:
    """Refuse what the specification does not allow (3.1; JSON format, 2 and 3)."""
    for name in ("specversion", "id", "source", "type"):
        if not _text(event, name):
            raise InvalidInput(f"{name} is required and not empty")
    if event["specversion"] != "1.0":
        raise InvalidInput(f"specversion {event['specversion']!r}, not 1.0")
    for name, value in event.items():
        if name in {"data", "data_base64"}:
            continue
        if not _ATTRIBUTE.fullmatch(name):
            raise InvalidInput(f"attribute {name[:40]!r} is not lower-case letters and digits")
        if not isinstance(value, str | bool | int):
            raise InvalidInput(f"attribute {name} is neither text, boolean nor integer")
    if "data" in event and "data_base64" in event:
        raise InvalidInput("data and data_base64 together: one of them")


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name, "")
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is text")
    return clean(value, name, 2048)


def _data(event: Mapping[str, Any]) -> Any:
    """Give the data; what came as base64 of JSON is read, other bytes stay base64."""
    if "data_base64" not in event:
        return event.get("data")
    encoded = event["data_base64"]
    if not isinstance(encoded, str):
        raise InvalidInput("data_base64 is text")
    try:
        content = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise InvalidInput("data_base64 is not base64") from None
    content_type = event.get("datacontenttype", "")
    if isinstance(content_type, str) and _JSON_TYPE.fullmatch(content_type):
        return read(_any, content, "JSON in data_base64")
    return {"base64": encoded}


def _measured(data: Any) -> tuple[Measured, ...]:
    try:
        values = msgspec.convert(data, dict[str, float | bool | None])
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidInput(f"data of {READING} is channel to number: {error}") from None
    measured = tuple(Measured(name=name, value=float(value)) for name, value in values.items() if value is not None)
    if not all(math.isfinite(it.value) for it in measured):
        raise InvalidInput(f"data of {READING} holds what is no finite number")
    return measured


def _native_fact(label: str, event: Mapping[str, Any], data: Any) -> Fact:
    if not isinstance(data, dict):
        raise InvalidInput(f"data of {FACT} is an object")
    time = {"ts": event["time"]} if "time" in event else {}
    try:
        item = msgspec.convert({**time, **data}, native_events.Item)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidInput(f"data of {FACT}: {error}") from None
    return native_events.fact(label, item)


def _kind(event_type: str) -> str:
    """Give a type as a fact's kind: lower_snake_case, its end when it is long."""
    return re.sub(r"[^a-z0-9]+", "_", event_type.lower()).strip("_")[-_KIND_LIMIT:].lstrip("_") or "event"


def _detail(event: Mapping[str, Any], data: Any) -> Mapping[str, Any]:
    """Give the data under `data`, beside it the attributes that are nobody's column."""
    attributes = {name: value for name, value in event.items() if name not in _OWN}
    identity = {"id": event["id"], "source": event["source"], "type": event["type"]}
    return bounded({**attributes, **identity, **({} if data is None else {"data": data})})
