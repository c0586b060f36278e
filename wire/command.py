"""What is said to a device and what it answers: JSON on its topics `command` and `answer` (docs/commands.md)."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from core.errors import InvalidInput
from wire import topics

_T = TypeVar("_T")

ANSWERS = f"{topics.ROOT}/+/+/+/{topics.ANSWER}"
"""Filter of what all devices answer."""
ANSWER_LIMIT_BYTES = 4096
"""Our choice: an answer is one sentence."""


class Order(msgspec.Struct, frozen=True):
    """What a device is told; the number comes back in its answer, and says that it came twice."""

    id: int
    command: str
    arguments: Mapping[str, float] = {}
    expires: datetime | None = None


class Answer(msgspec.Struct, frozen=True):
    """What a device made of an order: done, or refused with a reason."""

    id: int
    ok: bool
    reason: str = ""


def topic(district: str, kind: str, label: str) -> str:
    """Give the topic a device hears its commands on; raises `InvalidInput` on a part outside the grammar."""
    return f"{topics.ROOT}/{topics.own(district, kind, label)}/{topics.COMMAND}"


def topic_filter(district: str) -> str:
    """Give the filter of what all devices of a district are told."""
    return f"{topics.ROOT}/{district}/+/+/{topics.COMMAND}"


def answer_topic(command_topic: str) -> str:
    """Give where the answer to what came on `command_topic` belongs."""
    return f"{command_topic.removesuffix(topics.COMMAND)}{topics.ANSWER}"


def label_of(topic: str) -> str:
    """Give the device of a topic of commands or answers."""
    return topic.split("/")[-2]


def encode(message: Order | Answer) -> bytes:
    """Give a message's payload."""
    return msgspec.json.encode(message)


def decode_order(payload: bytes) -> Order:
    """Give an order; raises `InvalidInput`."""
    return _decode(payload, Order)


def decode_answer(payload: bytes) -> Answer:
    """Give an answer; raises `InvalidInput` with what is wrong with it."""
    if len(payload) > ANSWER_LIMIT_BYTES:
        raise InvalidInput(f"an answer of {len(payload)} bytes; at most {ANSWER_LIMIT_BYTES}")
    return _decode(payload, Answer)


def _decode(payload: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"not a message of ours: {error}") from error
