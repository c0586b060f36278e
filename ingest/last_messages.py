"""The last message of each device as it came, at most one a minute, written down apart from the journey. Pure.

It shows an engineer what a device really sends. What is kept is bounded whatever comes: `MOST` messages at once, every
`IDLE_US`, or `BUSY_US` while messages wait behind the batch. Nothing is lost by losing it (ADR-0032).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.message import Batch
from ingest.pipeline import Passed

EVERY_US = 60_000_000
"""A device's message is kept at most so often; our choice: what people look at may be a minute old."""
IDLE_US, BUSY_US = 1_000_000, 10_000_000
MOST = 500
"""Messages written at once; our choice: a few milliseconds of the database."""
KEPT_BYTES = 4096
"""Of a payload; our choice: a message of one device is a tenth of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it came."""

    topic: str
    payload: bytes
    """Cut at `KEPT_BYTES`."""
    size: int
    received_us: int
    refused: str | None
    """Why it, or this device's item in it, was refused."""


@dataclass(slots=True)
class LastMessages:
    """What waits to be written, and when each device's was noted last. State of one shard's carrier."""

    _noted_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _waiting: dict[int, Message] = field(default_factory=dict[int, Message])
    """By slot of the device."""
    _written_us: int = 0
    _now_us: int = 0

    def note(self, batch: Batch, passed: Passed, now_us: int, devices: int) -> None:
        """Take the messages of a batch whose devices' last one is old enough, as many as there is room for.

        A dead letter that is tried again is not what its device sent last. `devices`: how many slots there are.
        """
        room = MOST - len(self._waiting)
        if room <= 0 or batch.arrived_us is not None:
            return
        if devices > len(self._noted_us):
            self._noted_us = np.concatenate([self._noted_us, np.zeros(devices - len(self._noted_us), np.int64)])
        if now_us < self._now_us:  # our clock was set back
            self._noted_us[:] = 0
        self._now_us = now_us
        due: dict[int, int] = {}
        for frame in passed.frames:
            rows = np.flatnonzero(now_us - self._noted_us[frame.slot] >= EVERY_US)
            due |= zip(frame.slot[rows].tolist(), frame.message[rows].tolist(), strict=True)
        due |= {fact.slot: fact.message for fact in passed.facts if self._is_due(fact.slot, now_us)}
        reasons = {it.slot: it for it in passed.refusals if it.slot >= 0 and self._is_due(it.slot, now_us)}
        due |= {slot: it.message for slot, it in reasons.items()}
        for slot, index in list(due.items())[:room]:
            message, refusal = batch.messages[index], reasons.get(slot)
            self._waiting[slot] = Message(
                topic=message.topic,
                payload=message.payload[:KEPT_BYTES],
                size=len(message.payload),
                received_us=now_us,
                refused=f"{refusal.reason}: {refusal.detail}" if refusal else None,
            )
            self._noted_us[slot] = now_us

    def take(self, now_us: int, *, busy: bool) -> dict[int, Message]:
        """Give what should be written now, by slot, and forget it: what cannot be written is not worth a second try."""
        if not self._waiting or abs(now_us - self._written_us) < (BUSY_US if busy else IDLE_US):
            return {}
        given, self._waiting, self._written_us = self._waiting, {}, now_us
        return given

    def _is_due(self, slot: int, now_us: int) -> bool:
        return now_us - int(self._noted_us[slot]) >= EVERY_US
