"""The table of uplink codecs: what turns the bytes of one make of LoRaWAN device into channels. One file a maker.

A codec reads the whole payload or refuses it with the position of the byte at fault; it never guesses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.errors import InvalidInput
from wire.record import Measured, Uplink


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How to read the bytes of a type of device."""

    decode: Callable[[int, bytes], tuple[Measured, ...]]
    """(port, bytes) -> what was measured; empty = understood, but nothing measured; raises `InvalidInput`."""
    gives: frozenset[str]
    """Every name it may give: channels of our profiles."""


CODECS: Mapping[str, Codec] = {}


def decode(name: str, uplink: Uplink) -> tuple[Measured, ...]:
    """Give what an uplink's bytes measure; raises `InvalidInput` for an unknown codec or bytes it cannot read."""
    codec = CODECS.get(name)
    if codec is None:
        raise InvalidInput(
            f"there is no uplink codec {name!r}" if name else "the device has no codec registered for its bytes"
        )
    return codec.decode(uplink.port, uplink.data)
