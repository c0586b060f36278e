"""A device that sends and is not registered, as one batch of messages heard it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """Who knocked, how often, and the last it said."""

    format: str
    address: str
    """What its format calls it."""
    district_code: str
    """Of the topic, as the next two; empty where the topic names none."""
    kind: str
    gateway: str
    topic: str
    payload: bytes
    seen: int
