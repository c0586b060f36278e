"""Topic grammar: `citygrid/v1/<district>/<kind>/<label>/<payload>`. Build and parse; values never stand in topics.

The last part says what the payload is. Our own JSON readings come on three lanes, which the broker queues apart:
`telemetry`, `alarm` (carried first) and `backlog` (what a device stored while it could not send; carried last).
"""

import re
from typing import NamedTuple

from core.errors import InvalidInput

ROOT = "citygrid/v1"
TELEMETRY, ALARM, BACKLOG = "telemetry", "alarm", "backlog"
NATIVE = (TELEMETRY, ALARM, BACKLOG)
"""Last parts of the topics that carry native JSON."""
GATEWAY = "gateway"
COMMAND, ANSWER = "command", "answer"
"""Last parts of what is said to a device, and of what it answers."""

_DISTRICT = re.compile(r"[0-9]{6}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Address(NamedTuple):
    """What a topic of readings says: whose message this is."""

    district: str
    kind: str
    label: str


def telemetry(district: str, kind: str, label: str) -> str:
    """Give the topic a device publishes its readings to; raises `InvalidInput` on a part outside the grammar."""
    return f"{ROOT}/{own(district, kind, label)}/{TELEMETRY}"


def own(district: str, kind: str, label: str) -> str:
    """Give what all topics of a device or gateway have in their middle; raises `InvalidInput` as `telemetry` does."""
    if not _DISTRICT.fullmatch(district):
        raise InvalidInput(f"a district is six digits, not {district!r}")
    if not _KIND.fullmatch(kind):
        raise InvalidInput(f"a kind is lower-case letters, digits and _, not {kind!r}")
    if not _LABEL.fullmatch(label):
        raise InvalidInput(f"a label is 1 to 64 of A-Z a-z 0-9 _ -, not {label!r}")
    return f"{district}/{kind}/{label}"


def on_lane(telemetry_topic: str, lane: str) -> str:
    """Give the topic of another lane (`ALARM`, `BACKLOG`) of the device that has this telemetry topic."""
    return f"{telemetry_topic.removesuffix(TELEMETRY)}{lane}"


def native_filter(lane: str, district: str = "+") -> str:
    """Give the filter for a lane's topics, of one district or of all."""
    return f"{ROOT}/{district}/+/+/{lane}"


def parse(topic: str) -> Address | None:
    """Give the parts of a topic that carries native JSON, or None when it is not one."""
    parts = topic.split("/")
    if len(parts) != 6 or parts[0] != "citygrid" or parts[1] != "v1" or parts[5] not in NATIVE:
        return None
    return Address(parts[2], parts[3], parts[4])


def is_said_to_a_device(topic: str) -> bool:
    """Tell whether a topic carries a command of ours, or the answer to one."""
    return is_ours(topic) and topic.endswith((f"/{COMMAND}", f"/{ANSWER}"))


def is_ours(topic: str) -> bool:
    """Tell whether a topic is in our own tree, where it names the device by its label."""
    return topic.startswith(f"{ROOT}/")


def as_telemetry(topic: str) -> str:
    """Give the telemetry topic of whoever publishes on `topic`, which is in our own tree."""
    return f"{topic[: topic.rfind('/')]}/{TELEMETRY}"
