"""What travels between the steps: a raw message, a bounded batch of them, and the reasons for refusing one."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a message became a dead letter."""

    UNKNOWN_TOPIC = "unknown_topic"
    """The topic is not `citygrid/v1/<district>/<kind>/<label>/telemetry`."""
    UNKNOWN_DEVICE = "unknown_device"
    """No such device is registered."""
    WRONG_TOPIC = "wrong_topic"
    """The device is registered under another district or kind."""
    NOT_IN_SERVICE = "not_in_service"
    """The device was replaced or retired."""
    OVERSIZED = "oversized"
    """The payload is longer than the limit."""
    MALFORMED = "malformed"
    """The payload is not native JSON v1, or names a channel the device's profile does not have."""
    BAD_TIME = "bad_time"
    """`ts` is not a time, or lies before 2015: the device's clock was never set."""
    FUTURE = "future"
    """`ts` is later than the tolerance allows."""
    TOO_OLD = "too_old"
    """`ts` is older than readings are kept."""
    IMPOSSIBLE = "impossible"
    """A channel is outside its plausible range; the other channels of the message are stored."""
    EMPTY = "empty"
    """The message measures nothing."""


@dataclass(slots=True)
class RawMessage:
    """A message as the broker gave it; `packet_id` is None for QoS 0."""

    topic: str
    payload: bytes
    packet_id: int | None
    redelivered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages of one connection to process and acknowledge together; an empty one is a tick of the clock."""

    messages: list[RawMessage]
    connection: int
    """Number of the connection they came over: acknowledgements are void on any other."""
    backlog: int
    """Messages that were received and wait behind this batch."""
