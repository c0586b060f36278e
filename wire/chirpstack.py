"""ChirpStack v4: the JSON events of its MQTT integration, `application/<id>/device/<devEUI>/event/<event>`.

Protobuf's JSON leaves out what is zero, false or empty: no `fCnt` is 0, no `batteryLevel` an empty battery.

* `up`: a decoded `object` gives the readings; without one the bytes go to the device's own codec.
* `status`: the battery, unless the device said it cannot tell or stands on mains.
* `join`, `location`, `log`, `integration`, and an `ack` that says no: facts.
* `txack`, and an `ack` that says yes: nothing.

Time is `time`, when the network server received it. `seq` is the frame counter: it starts anew after a join, so only
together with the time does it tell messages apart.
Source: chirpstack-docs @9d9b5bb4207a, src/chirpstack/integrations/events.md; api/proto/integration/integration.proto.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from core.errors import InvalidInput
from wire import lorawan
from wire.instant import utc_us
from wire.json_payload import bounded, read
from wire.record import Fact, Measured, Record, Said

NAME = "chirpstack"
FILTERS = ("application/+/device/+/event/+",)


class _DeviceInfo(msgspec.Struct, frozen=True, rename="camel"):
    dev_eui: str


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    """What all events have."""

    device_info: _DeviceInfo
    time: str = ""


class _Up(_Event, frozen=True, rename="camel"):
    f_cnt: int = 0
    f_port: int = 0
    data: str = ""
    object: dict[str, Any] | None = None


class _Status(_Event, frozen=True, rename="camel"):
    battery_level: float = 0.0
    battery_level_unavailable: bool = False
    external_power_source: bool = False


class _Join(_Event, frozen=True, rename="camel"):
    dev_addr: str = ""


class _Location(_Event, frozen=True, rename="camel"):
    location: dict[str, Any] = {}


class _Log(_Event, frozen=True, rename="camel"):
    level: str = "INFO"
    code: str = "UNKNOWN"
    description: str = ""
    context: dict[str, str] = {}


class _Integration(_Event, frozen=True, rename="camel"):
    integration_name: str = ""
    event_type: str = ""
    object: dict[str, Any] = {}


class _Ack(_Event, frozen=True, rename="camel"):
    acknowledged: bool = False
    queue_item_id: str = ""
    f_cnt_down: int = 0


def decode(topic: str, payload: bytes, received_us: int) -> list[Said]:  # noqa: ARG001  # every message has its time
    """Give what an event says; raises `InvalidInput`."""
    parts = topic.split("/")
    event = parts[-1]
    known = _EVENTS.get(event)
    if known is None:
        raise InvalidInput(f"ChirpStack has no event {event!r}; known: {', '.join(_EVENTS)}")
    decoder, say = known
    content = read(decoder, payload, f"ChirpStack {event} event as JSON")
    address = lorawan.dev_eui(content.device_info.dev_eui)
    if address != parts[3].lower():
        raise InvalidInput(f"the topic says device {parts[3][:40]}, the message {address}")
    ts_us = utc_us(content.time, "time") if content.time else None
    return say(address, ts_us, content)


def _up(address: str, ts_us: int | None, event: _Up) -> list[Said]:
    if not 0 <= event.f_cnt < 2**32:
        raise InvalidInput(f"fCnt is 0 to 2^32 - 1, not {event.f_cnt}")
    measured = lorawan.measured(event.object or {})
    uplink = None if measured else lorawan.uplink(event.f_port, event.data)
    if not measured and uplink is None:
        return []
    seq = event.f_cnt % lorawan.SEQ_MODULUS
    return [Record(address=address, ts_us=ts_us, seq=seq, measured=measured, uplink=uplink)]


def _status(address: str, ts_us: int | None, event: _Status) -> list[Said]:
    if event.battery_level_unavailable or event.external_power_source:
        return []
    battery = Measured(name="battery_pct", value=event.battery_level, unit="%")
    return [Record(address=address, ts_us=ts_us, measured=(battery,))]


def _fact(kind: str, address: str, ts_us: int | None, detail: Mapping[str, Any]) -> list[Said]:
    return [Fact(address=address, ts_us=ts_us, kind=kind, detail=bounded(detail))]


def _join(address: str, ts_us: int | None, event: _Join) -> list[Said]:
    return _fact("join", address, ts_us, {"dev_addr": event.dev_addr})


def _location(address: str, ts_us: int | None, event: _Location) -> list[Said]:
    zero = {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0}
    return _fact("location", address, ts_us, zero | event.location)


def _log(address: str, ts_us: int | None, event: _Log) -> list[Said]:
    detail = {"level": event.level, "code": event.code, "description": event.description, "context": event.context}
    return _fact("log", address, ts_us, detail)


def _integration(address: str, ts_us: int | None, event: _Integration) -> list[Said]:
    detail = {"integration": event.integration_name, "event_type": event.event_type, "object": event.object}
    return _fact("integration", address, ts_us, detail)


def _ack(address: str, ts_us: int | None, event: _Ack) -> list[Said]:
    if event.acknowledged:
        return []
    return _fact(
        "downlink_nack", address, ts_us, {"queue_item_id": event.queue_item_id, "f_cnt_down": event.f_cnt_down}
    )


def _nothing(address: str, ts_us: int | None, event: _Event) -> list[Said]:  # noqa: ARG001  # the shape of its neighbours
    return []


_Say = Callable[[str, int | None, Any], list[Said]]
_EVENTS: Mapping[str, tuple[msgspec.json.Decoder[Any], _Say]] = {
    "up": (msgspec.json.Decoder(_Up), _up),
    "status": (msgspec.json.Decoder(_Status), _status),
    "join": (msgspec.json.Decoder(_Join), _join),
    "location": (msgspec.json.Decoder(_Location), _location),
    "log": (msgspec.json.Decoder(_Log), _log),
    "integration": (msgspec.json.Decoder(_Integration), _integration),
    "ack": (msgspec.json.Decoder(_Ack), _ack),
    "txack": (msgspec.json.Decoder(_Event), _nothing),
}
