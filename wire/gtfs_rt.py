"""GTFS-Realtime 2.0 vehicle positions: where buses are, as transit agencies publish it. Topic `gtfs-rt/<feed>`.

A vehicle is named by its `vehicle.id`, or by its label when it has no id. Its time is its own, else the feed's; `seq`
is 0, so what a feed repeats is recognised as repeated and an old position changes nothing. Trip updates and alerts are
passed over. An entity at fault is a flaw; its neighbours stay.

Source: gtfs-realtime.proto of google/transit, version 2.0; field numbers as there.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import InvalidInput
from wire import protobuf
from wire.protobuf import Value
from wire.record import Flaw, Measured, Record, Said

TOPIC = "gtfs-rt/{feed}"
FILTER = "gtfs-rt/+"

_HEADER, _ENTITY = 1, 2  # FeedMessage
_HEADER_TIMESTAMP = 3  # FeedHeader
_ENTITY_ID, _DELETED, _VEHICLE = 1, 2, 4  # FeedEntity
_POSITION, _TIMESTAMP, _DESCRIPTOR, _OCCUPANCY_PERCENTAGE = 2, 5, 8, 10  # VehiclePosition
_VEHICLE_ID, _VEHICLE_LABEL = 1, 2  # VehicleDescriptor
_LATITUDE, _LONGITUDE, _BEARING, _SPEED = 1, 2, 3, 5  # Position

_LATEST_S = 2**40
"""Larger timestamps are milliseconds sent by mistake, or nonsense; either way no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A FeedMessage, its entities still closed."""

    header: bytes
    entities: tuple[bytes, ...]


def decode(topic: str, payload: bytes, received_us: int) -> list[Said]:
    """Give a record for each vehicle of a FeedMessage, a flaw for each that cannot be read."""
    del topic, received_us
    feed = open_feed(payload)
    timestamp_s = _whole(_fields(feed.header).get(_HEADER_TIMESTAMP, 0))
    said = [_vehicle(entity, timestamp_s) for entity in feed.entities]
    return [one for one in said if one is not None]


def open_feed(payload: bytes) -> Feed:
    """Give the header and the entities of a FeedMessage; raises `InvalidInput` when the bytes are none."""
    header: bytes | None = None
    entities: list[bytes] = []
    for number, _, value in protobuf.fields(payload):
        if number == _HEADER:
            header = protobuf.message(value)
        elif number == _ENTITY:
            entities.append(protobuf.message(value))
    if header is None:
        raise InvalidInput("a FeedMessage has a header; this is something else")
    return Feed(header=header, entities=tuple(entities))


def vehicles_one_by_one(payload: bytes) -> Iterator[bytes]:
    """Give a FeedMessage for each entity with a vehicle, bytes as they came; raises `InvalidInput` as `open_feed`.

    A feed of thousands is longer than a message may be, and what is refused is kept message by message.
    """
    feed = open_feed(payload)
    header = protobuf.field(_HEADER, feed.header)
    for entity in feed.entities:
        if _may_be_vehicle(entity):
            yield header + protobuf.field(_ENTITY, entity)


def _may_be_vehicle(entity: bytes) -> bool:
    try:
        return _VEHICLE in _fields(entity)
    except InvalidInput:
        return True  # the decoder will say what is wrong with it


def _vehicle(entity: bytes, header_s: int) -> Said | None:
    address = "a vehicle without a name"
    try:
        parts = _fields(entity)
        if _VEHICLE not in parts or parts.get(_DELETED):
            return None
        address = f"entity {protobuf.text(parts.get(_ENTITY_ID, b''))}"
        vehicle = _fields(protobuf.message(parts[_VEHICLE]))
        address = _name(vehicle)
        position = _fields(protobuf.message(vehicle.get(_POSITION, b"")))
        measured = _measured(position, vehicle.get(_OCCUPANCY_PERCENTAGE))
        timestamp_s = _whole(vehicle.get(_TIMESTAMP, 0)) or header_s
    except InvalidInput as error:
        return Flaw(address=address, detail=str(error))
    return Record(address=address, ts_us=timestamp_s * 1_000_000 or None, seq=0, measured=measured)


def _name(vehicle: dict[int, Value]) -> str:
    descriptor = _fields(protobuf.message(vehicle.get(_DESCRIPTOR, b"")))
    name = protobuf.text(descriptor.get(_VEHICLE_ID, b"")) or protobuf.text(descriptor.get(_VEHICLE_LABEL, b""))
    if not name.strip():
        raise InvalidInput("the vehicle has neither id nor label")
    return name.strip()


def _measured(position: dict[int, Value], occupancy: Value | None) -> tuple[Measured, ...]:
    if _LATITUDE not in position or _LONGITUDE not in position:
        raise InvalidInput("no position, or one without latitude and longitude")
    lat_deg, lon_deg = protobuf.floating(position[_LATITUDE]), protobuf.floating(position[_LONGITUDE])
    if not (abs(lat_deg) <= 90 and abs(lon_deg) <= 180):  # also when one is no number
        exchanged = ": exchanged?" if 90 < abs(lat_deg) <= 180 and abs(lon_deg) <= 90 else ""
        raise InvalidInput(f"latitude {lat_deg:g}, longitude {lon_deg:g} is nowhere{exchanged}")
    if lat_deg == lon_deg == 0:
        raise InvalidInput("0, 0 is what a receiver without a fix says")
    found = [
        Measured(name="lon_deg", value=lon_deg, unit="deg"),
        Measured(name="lat_deg", value=lat_deg, unit="deg"),
    ]
    for number, name, unit in ((_SPEED, "speed_kmh", "m/s"), (_BEARING, "bearing_deg", "deg")):
        if number in position:
            found.append(_finite(name, protobuf.floating(position[number]), unit))
    if occupancy is not None:
        found.append(Measured(name="occupancy_pct", value=float(protobuf.unsigned(occupancy)), unit="%"))
    return tuple(found)


def _finite(name: str, value: float, unit: str) -> Measured:
    if not math.isfinite(value):
        raise InvalidInput(f"{name} is no number")
    return Measured(name=name, value=value, unit=unit)


def _fields(data: bytes) -> dict[int, Value]:
    """Give the last value of each field, as protobuf wants it for fields that do not repeat."""
    return {number: value for number, _, value in protobuf.fields(data)}


def _whole(value: Value) -> int:
    seconds = protobuf.unsigned(value)
    if seconds >= _LATEST_S:
        raise InvalidInput(f"timestamp {seconds} is not in seconds since 1970")
    return seconds
