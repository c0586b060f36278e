"""Cayenne Low Power Payload: items of a channel, a type and a value of fixed length, big-endian, one after another.

Temperature, illuminance and position have channels in our profiles. The first of each in a payload gets that name; a
second one, and every other type, is named after its type and channel: `temperature_2`, `analog_input_1`.
Source: "Cayenne Low Power Payload", myDevicesIoT/CayenneLPP README: types, lengths, resolutions.
"""

from collections.abc import Mapping
from typing import NamedTuple

from core.errors import InvalidInput
from wire.record import Measured


class Part(NamedTuple):
    """One number of an item."""

    name: str
    length: int
    scale: float
    unit: str = ""
    signed: bool = True


TYPES: Mapping[int, tuple[Part, ...]] = {
    0: (Part("digital_input", 1, 1, signed=False),),
    1: (Part("digital_output", 1, 1, signed=False),),
    2: (Part("analog_input", 2, 0.01),),
    3: (Part("analog_output", 2, 0.01),),
    101: (Part("illuminance", 2, 1, "lx", signed=False),),
    102: (Part("presence", 1, 1, signed=False),),
    103: (Part("temperature", 2, 0.1, "degC"),),
    104: (Part("humidity", 1, 0.5, "%", signed=False),),
    113: (Part("acceleration_x", 2, 0.001), Part("acceleration_y", 2, 0.001), Part("acceleration_z", 2, 0.001)),
    115: (Part("pressure", 2, 0.1, "hPa", signed=False),),
    134: (Part("rotation_x", 2, 0.01), Part("rotation_y", 2, 0.01), Part("rotation_z", 2, 0.01)),
    136: (Part("latitude", 3, 0.0001, "deg"), Part("longitude", 3, 0.0001, "deg"), Part("altitude", 3, 0.01, "m")),
}
"""Type -> its numbers, in order: IPSO object id less 3200."""
CHANNELS: Mapping[str, str] = {
    "temperature": "temperature_degc",
    "illuminance": "daylight_lux",
    "latitude": "lat_deg",
    "longitude": "lon_deg",
}
"""Type -> channel of our profiles."""


def decode(data: bytes) -> tuple[Measured, ...]:
    """Give what the items of an uplink measure; raises `InvalidInput` with the position of the byte at fault."""
    if not data:
        raise InvalidInput("the uplink has no bytes")
    found: dict[str, Measured] = {}
    position = 0
    while position < len(data):
        if position + 2 > len(data):
            raise InvalidInput(f"byte {position}: a channel without a type")
        channel, parts = data[position], TYPES.get(data[position + 1])
        if parts is None:
            raise InvalidInput(f"byte {position + 1}: Cayenne LPP has no type {data[position + 1]}")
        position += 2
        for part in parts:
            value = data[position : position + part.length]
            if len(value) < part.length:
                raise InvalidInput(f"byte {position}: {part.length} bytes wanted, {len(value)} left")
            one = _measured(part, channel, value, found)
            found[one.name] = one
            position += part.length
    return tuple(found.values())


def _measured(part: Part, channel: int, value: bytes, found: Mapping[str, Measured]) -> Measured:
    number = int.from_bytes(value, "big", signed=part.signed) * part.scale
    wanted = CHANNELS.get(part.name)
    name = wanted if wanted is not None and wanted not in found else f"{part.name}_{channel}"
    return Measured(name=name, value=round(number, 6), unit=part.unit)
