"""Topic grammar: `citygrid/v1/<district>/<kind>/<label>/telemetry`. Build and parse; values never stand in topics."""

import re
from typing import NamedTuple

from core.errors import InvalidInput

ROOT = "citygrid/v1"
TELEMETRY_FILTER = f"{ROOT}/+/+/+/telemetry"
GATEWAY = "gateway"

_DISTRICT = re.compile(r"[0-9]{6}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Address(NamedTuple):
    """What a telemetry topic says: whose message this is."""

    district: str
    kind: str
    label: str


def telemetry(district: str, kind: str, label: str) -> str:
    """Give the topic a device publishes its readings to; raises `InvalidInput` on a part outside the grammar."""
    if not _DISTRICT.fullmatch(district):
        raise InvalidInput(f"a district is six digits, not {district!r}")
    if not _KIND.fullmatch(kind):
        raise InvalidInput(f"a kind is lower-case letters, digits and _, not {kind!r}")
    if not _LABEL.fullmatch(label):
        raise InvalidInput(f"a label is 1 to 64 of A-Z a-z 0-9 _ -, not {label!r}")
    return f"{ROOT}/{district}/{kind}/{label}/telemetry"


def parse(topic: str) -> Address | None:
    """Give the parts of a telemetry topic, or None when it is not one."""
    parts = topic.split("/")
    if len(parts) != 6 or parts[0] != "citygrid" or parts[1] != "v1" or parts[5] != "telemetry":
        return None
    return Address(parts[2], parts[3], parts[4])
