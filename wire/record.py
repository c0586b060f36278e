"""What every format's decoder gives: readings and facts in the sender's own naming, before the registry is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One number as the format gave it."""

    name: str
    """The format's name of the quantity, or already a channel of the device's profile."""
    value: float
    unit: str = ""
    """UCUM or SenML unit; empty = the channel's canonical unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """Bytes that only the device's own codec understands (LoRaWAN)."""

    port: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One reading set of one device."""

    address: str
    """The device in the format's own naming: a devEUI, a phone number, a vehicle, our label."""
    ts_us: int | None
    """Microseconds since 1970 UTC; None = the message carries no time: the time of arrival counts."""
    seq: int = -1
    """Tells apart messages of one device and instant; -1 = none given: a checksum of the values does."""
    measured: tuple[Measured, ...] = ()
    uplink: Uplink | None = None
    from_arrival: bool = False
    """True when `ts_us` was counted from the time of arrival ("five seconds ago"), so that it is no identity."""
    origin: str = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that is no number: a detection, a state, an event of the device's life."""

    address: str
    ts_us: int | None
    kind: str
    """What happened, lower_snake_case: `line_crossed`, `vehicle`, `join`."""
    detail: Mapping[str, Any]
    """What the sender said beyond the fields below; JSON."""
    seq: int = -1
    confidence: float | None = None
    """0 to 1."""
    plate: str | None = None
    snapshot_url: str | None = None
    snapshot_sha256: str | None = None
    """Lower-case hex of the picture's bytes, so that a changed picture shows."""
    origin: str = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One item of a message that cannot be read, while its neighbours can."""

    address: str
    """Whose it is, as far as one can tell."""
    detail: str
    """What is wrong, in words."""


Said = Record | Fact | Flaw
