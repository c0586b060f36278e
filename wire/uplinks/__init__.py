"""The table of uplink codecs: what turns the bytes of one make of LoRaWAN device into channels. One file a maker.

A codec reads the whole payload or refuses it with the position of the byte at fault; it never guesses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.errors import InvalidInput
from wire.record import Measured, Uplink
from wire.uplinks import cayenne, milesight


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How to read the bytes of a type of device."""

    decode: Callable[[int, bytes], tuple[Measured, ...]]
    """(port, bytes) -> what was measured; empty = understood, but nothing measured; raises `InvalidInput`."""
    gives: frozenset[str]
    """The channels of our profiles it may give."""


CODECS: Mapping[str, Codec] = {
    "milesight_em320_tilt": Codec(
        decode=lambda _, data: milesight.decode(milesight.EM320_TILT, data),
        gives=frozenset({"battery_pct", "tilt_deg"}),
    ),
    "milesight_em500_swl": Codec(
        decode=lambda _, data: milesight.decode(milesight.EM500_SWL, data),
        gives=frozenset({"battery_pct", "water_m"}),
    ),
    "milesight_em400_mud": Codec(
        decode=lambda _, data: milesight.decode(milesight.EM400_MUD, data),
        gives=frozenset({"battery_pct", "temperature_degc"}),
    ),
    "cayenne_lpp": Codec(decode=lambda _, data: cayenne.decode(data), gives=frozenset(cayenne.CHANNELS.values())),
}
"""Name of a device's codec -> how to read its bytes. None of these makers tells its messages apart by port."""


def decode(name: str, uplink: Uplink) -> tuple[Measured, ...]:
    """Give what an uplink's bytes measure; raises `InvalidInput` for an unknown codec or bytes it cannot read."""
    codec = CODECS.get(name)
    if codec is None:
        raise InvalidInput(
            f"there is no uplink codec {name!r}" if name else "the device has no codec registered for its bytes"
        )
    return codec.decode(uplink.port, uplink.data)
