"""The table of payload formats. A new format is one file with a `decode`, and one line here.

A decoder is pure: topic and payload to records and facts, or `InvalidInput` in words. It knows no registry, no state.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from wire import chirpstack, cloudevents, gtfs_rt, jt808, native_events, onvif, senml, sparkplug, things_stack
from wire.record import Said

Decode = Callable[[str, bytes, int], list[Said]]
"""(topic, payload, time of arrival in microseconds since 1970 UTC) -> what it says; empty = nothing to store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A payload format and the topics it comes on."""

    name: str
    filters: tuple[str, ...]
    """MQTT topic filters."""
    decode: Decode


FORMATS: tuple[Format, ...] = (
    Format(name="gtfs_rt", filters=(gtfs_rt.FILTER,), decode=gtfs_rt.decode),
    Format(name="jt808", filters=(jt808.FILTER,), decode=jt808.decode),
    Format(name="senml", filters=senml.FILTERS, decode=senml.decode),
    Format(name=chirpstack.NAME, filters=chirpstack.FILTERS, decode=chirpstack.decode),
    Format(name=cloudevents.NAME, filters=cloudevents.FILTERS, decode=cloudevents.decode),
    Format(name=native_events.NAME, filters=native_events.FILTERS, decode=native_events.decode),
    Format(name=onvif.NAME, filters=onvif.FILTERS, decode=onvif.decode),
    Format(name=sparkplug.NAME, filters=sparkplug.FILTERS, decode=sparkplug.decode),
    Format(name=things_stack.NAME, filters=things_stack.FILTERS, decode=things_stack.decode),
)


def of_topic(topic: str) -> Format | None:
    """Give the format of a topic, or None when no filter matches."""
    found = _ROUTES.fullmatch(topic)
    return _BY_NAME[found.lastgroup] if found is not None and found.lastgroup is not None else None


def _pattern(topic_filter: str) -> str:
    """Give a topic filter as a regular expression: MQTT 5, 4.7.1 (`+` one level, `#` the level above and the rest)."""
    levels = topic_filter.removesuffix("/#").split("/")
    rest = "(?:/.*)?" if topic_filter.endswith("/#") else ""
    return "/".join("[^/]*" if level == "+" else re.escape(level) for level in levels) + rest


_BY_NAME = {known.name: known for known in FORMATS}
_ROUTES = re.compile(
    "|".join(f"(?P<{known.name}>{'|'.join(map(_pattern, known.filters))})" for known in FORMATS), re.DOTALL
)
