"""What cannot be right about a device type though its file can be read. Pure."""

import re
from collections.abc import Mapping

from core import units
from devices.profile import Channel, Profile

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_GATEWAY = "gateway"


def findings(profile: Profile, others: Mapping[str, Profile]) -> list[str]:
    """Give every fault of a type beside the other ones, in the order of the file."""
    found: list[str] = []
    if not _NAME.fullmatch(profile.profile):
        found.append(f"profile {profile.profile!r} is not lower-case letters, digits and _")
    if profile.version < 1:
        found.append("version must be at least 1")
    if not _KIND.fullmatch(profile.kind) or profile.kind == _GATEWAY:
        found.append(f"kind {profile.kind!r} cannot be a topic's segment")
    found += [f"kind {it.kind} is that of {it.profile} already" for it in others.values() if it.kind == profile.kind]
    if profile.interval_s <= 0:
        found.append("interval_s must be above 0")
    if profile.moving == bool(profile.classes):
        found.append("it stands on component classes, or it moves: one of them")
    return [*found, *(said for channel in profile.channels for said in _of_channel(channel, others))]


def _of_channel(channel: Channel, others: Mapping[str, Profile]) -> list[str]:
    found: list[str] = []
    if not _NAME.fullmatch(channel.name):
        found.append(f"channel {channel.name!r} is not lower-case letters, digits and _")
    if channel.unit not in units.UNITS:
        found.append(f"channel {channel.name}: nobody knows the unit {channel.unit!r}; it converts to nothing")
    for other in others.values():
        same = next((it for it in other.channels if it.name == channel.name and it.unit != channel.unit), None)
        if same:
            found.append(f"channel {channel.name} is in {channel.unit} here and in {same.unit} for {other.profile}")
    return found
