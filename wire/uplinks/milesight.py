"""Milesight sensors: items of channel id, channel type and a value of fixed length, little-endian, one after another.

Source: the tables in Milesight-IoT/SensorDecoders @009c3dfec0ff (README.md of EM320-TILT, EM400-MUD and EM500-SWL) for
the meaning of the bytes. Only the meaning: that repository's code is GPL-3.0, and none of it is here.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from core.errors import InvalidInput
from wire.record import Measured


class Item(NamedTuple):
    """What follows a channel id and type."""

    length: int
    read: Callable[[bytes], tuple[Measured, ...]]


Items = Mapping[tuple[int, int], Item]
"""(channel id, channel type) -> what follows."""

HISTORY = (0x20, 0xCE)


def _unsigned(value: bytes) -> int:
    return int.from_bytes(value, "little")


def _signed(value: bytes) -> int:
    return int.from_bytes(value, "little", signed=True)


def _battery(value: bytes) -> tuple[Measured, ...]:
    return (Measured(name="battery_pct", value=float(value[0]), unit="%"),)


def _temperature(value: bytes) -> tuple[Measured, ...]:
    """Tenths of a degree; the third byte of an alarm says only that there is one."""
    return (Measured(name="temperature_degc", value=_signed(value[:2]) / 10, unit="degC"),)


def _distance(value: bytes) -> tuple[Measured, ...]:
    """Millimetres from the sensor down; the third byte of an alarm says only that there is one."""
    return (Measured(name="distance_m", value=float(_unsigned(value[:2])), unit="mm"),)


def _position(value: bytes) -> tuple[Measured, ...]:
    if value[0] > 1:
        raise InvalidInput(f"a position is 0 or 1, not {value[0]}")
    return (Measured(name="tipped", value=float(value[0])),)


def _water(value: bytes) -> tuple[Measured, ...]:
    return (Measured(name="water_m", value=float(_unsigned(value)), unit="cm"),)


def _angles(value: bytes) -> tuple[Measured, ...]:
    """Three words: bit 0 is the threshold's flag, the rest the angle of an axis to the horizontal in 0.01 degrees.

    On a cover that lies flat the z axis points up, at 90 degrees: what is missing to that is the cover's tilt.
    """
    z_deg = (_signed(value[4:6]) >> 1) / 100
    if not -90 <= z_deg <= 90:
        raise InvalidInput(f"an axis stands -90 to 90 degrees to the horizontal, not {z_deg}")
    return (Measured(name="tilt_deg", value=90 - z_deg, unit="deg"),)


def _nothing(value: bytes) -> tuple[Measured, ...]:  # noqa: ARG001  # the shape of its neighbours
    return ()


_ABOUT_ITSELF: Items = {
    (0xFF, 0x01): Item(1, _nothing),  # protocol version
    (0xFF, 0x09): Item(2, _nothing),  # hardware version
    (0xFF, 0x0A): Item(2, _nothing),  # firmware version
    (0xFF, 0x0B): Item(1, _nothing),  # switched on
    (0xFF, 0x0F): Item(1, _nothing),  # LoRaWAN class
    (0xFF, 0x16): Item(8, _nothing),  # serial number
    (0xFF, 0xFF): Item(2, _nothing),  # TSL version
}
"""Sent after a join."""
_BATTERY: Items = {(0x01, 0x75): Item(1, _battery)}

EM320_TILT: Items = {**_ABOUT_ITSELF, **_BATTERY, (0x03, 0xD4): Item(6, _angles)}
EM500_SWL: Items = {**_ABOUT_ITSELF, **_BATTERY, (0x03, 0x77): Item(2, _water)}
EM400_MUD: Items = {
    **_ABOUT_ITSELF,
    **_BATTERY,
    (0x03, 0x67): Item(2, _temperature),
    (0x83, 0x67): Item(3, _temperature),
    (0x04, 0x82): Item(2, _distance),
    (0x84, 0x82): Item(3, _distance),
    (0x05, 0x00): Item(1, _position),
    (0x06, 0x88): Item(9, _nothing),  # where it is: the registry knows better
}


def decode(items: Items, data: bytes) -> tuple[Measured, ...]:
    """Give what the items of an uplink measure; where a quantity comes twice, the later one.

    Raises: `InvalidInput` with the position of the byte at fault.
    """
    if not data:
        raise InvalidInput("the uplink has no bytes")
    found: dict[str, Measured] = {}
    position = 0
    while position < len(data):
        start = position + 2
        item = items.get((data[position], data[position + 1])) if start <= len(data) else None
        if item is None:
            raise InvalidInput(f"byte {position}: {_unknown(data[position:start])}")
        value = data[start : start + item.length]
        if len(value) < item.length:
            raise InvalidInput(f"byte {start}: {item.length} bytes wanted, {len(value)} left")
        try:
            found.update((one.name, one) for one in item.read(value))
        except InvalidInput as error:
            raise InvalidInput(f"byte {start}: {error}") from error
        position = start + item.length
    return tuple(found.values())


def _unknown(head: bytes) -> str:
    if tuple(head) == HISTORY:
        return "stored readings are not read: each has its own time"
    if len(head) < 2:
        return "a channel without a type"
    return f"the device has no channel {head[0]:#04x} of type {head[1]:#04x}"
