"""The Things Stack v3: the JSON of its MQTT server, `v3/<application>[@<tenant>]/devices/<id>/<what>`.

Empty fields are left out: an absent `f_cnt` is 0. `frequency` is text, as are all 64-bit numbers. One member says what
the message is: `uplink_message`, `join_accept`, `location_solved`, `service_data`, `downlink_...`.

* An uplink with `decoded_payload` gives the readings; without one the bytes go to the device's own codec.
* A join, a location, service data, and a downlink that failed or was refused are facts; other downlinks are nothing.

Time is the network server's `uplink_message.received_at`, else the application server's `received_at`. `settings.time`
and `rx_metadata[].time` are the gateways' clocks, which are wrong where a gateway has neither GPS nor NTP.
The device is its `dev_eui`: device ids are unique in one application only.
Source: The Things Stack documentation, "Data Formats" and "MQTT Server" (v3.34).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.errors import InvalidInput
from wire import lorawan
from wire.instant import utc_us
from wire.json_payload import bounded, read
from wire.record import Fact, Record, Said

NAME = "things_stack"
FILTERS = ("v3/+/devices/+/#",)


class _Ids(msgspec.Struct, frozen=True):
    device_id: str = ""
    dev_eui: str = ""
    dev_addr: str = ""


class _Uplink(msgspec.Struct, frozen=True):
    f_port: int = 0
    f_cnt: int = 0
    frm_payload: str = ""
    decoded_payload: dict[str, Any] | None = None
    received_at: str = ""


class _Message(msgspec.Struct, frozen=True):
    end_device_ids: _Ids
    received_at: str = ""
    simulated: bool = False
    uplink_message: _Uplink | None = None
    join_accept: dict[str, Any] | None = None
    location_solved: dict[str, Any] | None = None
    service_data: dict[str, Any] | None = None
    downlink_nack: dict[str, Any] | None = None
    downlink_failed: dict[str, Any] | None = None


_FACTS: Mapping[str, str] = {
    "join_accept": "join",
    "location_solved": "location",
    "service_data": "service_data",
    "downlink_nack": "downlink_nack",
    "downlink_failed": "downlink_failed",
}
"""Member of the message -> kind of the fact."""
_NOTHING = ("down/push", "down/replace", "down/queued", "down/sent", "down/ack", "down/invalidated", "up/normalized")
"""Ends of topics with nothing to store: what we ask for ourselves, its progress, and an uplink told a second time."""
_KEYS = ("session_key_id", "app_s_key", "nwk_s_enc_key", "f_nwk_s_int_key", "s_nwk_s_int_key")
"""Session keys of a join: secrets, never kept."""

_decoder = msgspec.json.Decoder(_Message)


def decode(topic: str, payload: bytes, received_us: int) -> list[Said]:  # noqa: ARG001  # every message has its time
    """Give what a message says; raises `InvalidInput`."""
    _, _, _, device_id, *rest = topic.split("/")
    if "/".join(rest) in _NOTHING:
        return []
    message = read(_decoder, payload, "message of The Things Stack v3 as JSON")
    ids = message.end_device_ids
    if ids.device_id != device_id:
        raise InvalidInput(f"the topic says device {device_id[:40]!r}, the message {ids.device_id[:40]!r}")
    if not ids.dev_eui:
        raise InvalidInput(f"device {device_id[:40]!r} has no dev_eui: give it one in The Things Stack")
    address = lorawan.dev_eui(ids.dev_eui)
    if message.uplink_message is not None:
        return _up(address, message, message.uplink_message)
    for member, kind in _FACTS.items():
        content: dict[str, Any] | None = getattr(message, member)
        if content is not None:
            return [_fact(kind, address, message, content)]
    raise InvalidInput(f"none of uplink_message, {', '.join(_FACTS)} is in the message")


def _up(address: str, message: _Message, uplink: _Uplink) -> list[Said]:
    if not 0 <= uplink.f_cnt < 2**32:
        raise InvalidInput(f"f_cnt is 0 to 2^32 - 1, not {uplink.f_cnt}")
    measured = lorawan.measured(uplink.decoded_payload or {})
    content = None if measured else lorawan.uplink(uplink.f_port, uplink.frm_payload)
    if not measured and content is None:
        return []
    record = Record(
        address=address,
        ts_us=_time(uplink.received_at or message.received_at),
        seq=uplink.f_cnt % lorawan.SEQ_MODULUS,
        measured=measured,
        uplink=content,
        origin=_origin(message),
    )
    return [record]


def _fact(kind: str, address: str, message: _Message, content: dict[str, Any]) -> Fact:
    detail = {name: value for name, value in content.items() if name not in _KEYS}
    if kind == "join" and message.end_device_ids.dev_addr:
        detail["dev_addr"] = message.end_device_ids.dev_addr
    return Fact(
        address=address,
        ts_us=_time(message.received_at),
        kind=kind,
        detail=bounded(detail),
        origin=_origin(message),
    )


def _time(text: str) -> int | None:
    return utc_us(text, "received_at") if text else None


def _origin(message: _Message) -> str:
    return "simulated" if message.simulated else "live"
