"""What travels between the steps: a raw message, a bounded batch of them, and the reasons for refusing one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec


class Reason(StrEnum):
    """Why a message became a dead letter."""

    UNKNOWN_TOPIC = "unknown_topic"
    """The topic belongs to no format we read."""
    UNKNOWN_DEVICE = "unknown_device"
    """No such device is registered."""
    WRONG_TOPIC = "wrong_topic"
    """The device is registered under another district or kind."""
    NOT_IN_SERVICE = "not_in_service"
    """The device was replaced or retired."""
    OVERSIZED = "oversized"
    """The payload is longer than the limit."""
    MALFORMED = "malformed"
    """The payload is not what its topic's format says; native JSON that names a channel the profile does not have."""
    BAD_TIME = "bad_time"
    """`ts` is not a time, or lies before 1970 or after 2100."""
    FUTURE = "future"
    """`ts` is later than the tolerance allows."""
    TOO_OLD = "too_old"
    """`ts` is older than readings are kept."""
    IMPOSSIBLE = "impossible"
    """A channel is outside its plausible range; the other channels of the message are stored."""
    EMPTY = "empty"
    """The message measures nothing."""
    UNKNOWN_QUANTITY = "unknown_quantity"
    """Nothing in the message is a channel of the device's profile, or a unit cannot become the channel's."""


class Stranger(NamedTuple):
    """Who a message speaks for, when nobody registered it."""

    format: str
    address: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One message, or one item of it, that cannot be accepted."""

    message: int
    """Index in the batch."""
    item: int
    reason: Reason
    detail: str
    slot: int = -1
    """The device that lost its item by it; -1 = no device we know, or only a channel was refused."""
    stranger: Stranger | None = None
    """Whom an `unknown_device` speaks for."""


class RawMessage(msgspec.Struct):
    """A message as the broker gave it; `packet_id` is None for QoS 0. Compiled: one is made for every message."""

    topic: str
    payload: bytes
    packet_id: int | None
    redelivered: bool


class Retried(RawMessage):
    """A dead letter's message, tried again."""

    digests: tuple[bytes, ...]
    """Keys of the letters: the message itself, or items of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages of one connection to process and acknowledge together; an empty one is a tick of the clock."""

    messages: list[RawMessage]
    connection: int
    """Number of the connection they came over: acknowledgements are void on any other."""
    backlog: int
    """Messages that were received and wait behind this batch."""
    arrived_us: int | None = None
    """Of dead letters tried again: when they came first, microseconds since 1970 UTC; None = now."""

    @property
    def redelivered(self) -> frozenset[int]:
        """Indices of the messages that the broker, or a retry, may have brought before."""
        return frozenset(index for index, message in enumerate(self.messages) if message.redelivered)
