"""What ChirpStack and The Things Stack have in common: the devEUI, an uplink's bytes, a decoded object. Pure."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import InvalidInput
from wire.record import Measured, Uplink

MOST_NUMBERS = 64
LEVELS = 4
LONGEST_UPLINK_BYTES = 255
"""LoRaWAN's largest payload is 242 bytes (regional parameters, EU868 DR5)."""
SEQ_MODULUS = 2**31
"""Frame counters have 32 bits, our `seq` 31."""

_DEV_EUI = re.compile(r"[0-9a-f]{16}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

QUANTITIES: Mapping[str, tuple[str, str]] = {
    "temperature": ("temperature_degc", "degC"),
    "tilt": ("tilt_deg", "deg"),
    "illuminance": ("daylight_lux", "lx"),
    "battery_level": ("battery_pct", "%"),
    "battery_percentage": ("battery_pct", "%"),
}
"""What a network server's codec calls a quantity -> our channel and its unit. Only names with one meaning stand here:
`battery` is per cent to one maker and volts to the next, `water_level` centimetres or metres."""


def dev_eui(text: str) -> str:
    """Give a devEUI as registrations write it; raises `InvalidInput` when it is none."""
    lower = text.lower()
    if not _DEV_EUI.fullmatch(lower):
        raise InvalidInput(f"devEUI {text[:40]!r} is not 16 hexadecimal digits")
    return lower


def uplink(port: int, data: str) -> Uplink | None:
    """Give the bytes of an uplink from base64, or None when it carried none; raises `InvalidInput` on bad base64."""
    if not data:
        return None
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"the uplink's bytes are not base64: {error}") from error
    if len(content) > LONGEST_UPLINK_BYTES:
        raise InvalidInput(f"an uplink of {len(content)} bytes, at most {LONGEST_UPLINK_BYTES}")
    if not 0 <= port <= 255:
        raise InvalidInput(f"an uplink's port is 0 to 255, not {port}")
    return Uplink(port=port, data=content)


def measured(decoded: Mapping[str, Any]) -> tuple[Measured, ...]:
    """Give the numbers and booleans of a decoded object; `{"air": {"tempC": 2}}` is named `air.temp_c`.

    Text and null measure nothing and are left out. Raises `InvalidInput` when there are too many or they nest too deep.
    """
    found = [_quantity(name, value) for name, value in _numbers(decoded, "", LEVELS)]
    if len(found) > MOST_NUMBERS:
        raise InvalidInput(f"the decoded object holds {len(found)} numbers, at most {MOST_NUMBERS}")
    return tuple(found)


def _quantity(name: str, value: float) -> Measured:
    channel, unit = QUANTITIES.get(name, (name, ""))
    return Measured(name=channel, value=value, unit=unit)


def _numbers(value: Any, name: str, levels: int) -> Iterator[tuple[str, float]]:
    if isinstance(value, bool | int | float):
        try:
            yield name, float(value)
        except OverflowError:
            raise InvalidInput(f"{name[:80]} is beyond any number we can store") from None
        return
    if not isinstance(value, dict | list):
        return
    if levels == 0:
        raise InvalidInput(f"the decoded object nests more than {LEVELS} levels deep")
    parts: Iterator[tuple[Any, Any]] = iter(value.items()) if isinstance(value, dict) else iter(enumerate(value))
    for key, part in parts:
        own = _CAMEL.sub("_", str(key)).lower()
        yield from _numbers(part, f"{name}.{own}" if name else own, levels - 1)
