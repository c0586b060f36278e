"""Quality flags that travel with a reading; bits of one integer column."""

from collections.abc import Mapping
from enum import IntFlag


class Quality(IntFlag):
    """What is doubtful about a reading that was nevertheless stored."""

    GOOD = 0
    LATE = 1
    """Older than the newest reading of its device: stored, not evaluated by rules."""
    OUT_OF_RANGE = 2
    """A channel was outside its plausible range; that channel was stored as not measured (NULL)."""
    CLOCK_AHEAD = 4
    """Dated in the future, within the tolerance; kept with its own time."""
    ARRIVAL_TIME = 8
    """The message carried no time of its own; the time of arrival stands in."""
    SENTINEL = 16
    """A channel held a value that means "no sensor"; that channel was stored as not measured (NULL)."""
    SUSPECT_JUMP = 32
    """A channel changed faster than is believable since the device's last believable reading; stored as it came."""
    COUNTER_RESET = 64
    """A counter fell: it began anew or wrapped; stored as it came."""
    OUT_OF_ORDER = 128
    """A later reading of its device had come in an earlier message."""
    CLOCK_UNSET = 256
    """The device's clock was never set: the time of arrival stands in."""
    NOT_IN_SERVICE = 512
    """The device was being installed or worked on: stored, not evaluated by rules."""


COUNTED: Mapping[str, Quality] = {
    "late": Quality.LATE,
    "out_of_order": Quality.OUT_OF_ORDER,
    "out_of_range": Quality.OUT_OF_RANGE,
    "sentinel": Quality.SENTINEL,
    "suspect_jump": Quality.SUSPECT_JUMP,
    "counter_reset": Quality.COUNTER_RESET,
    "clock": Quality.CLOCK_AHEAD | Quality.CLOCK_UNSET,
}
"""The doubts that are counted by device and day, and the flags that make each."""
REPEATED = "repeated"
"""Counted beside them: readings that were stored already."""
REFUSED = "refused"
"""Counted beside them: messages, or items of one, that became dead letters."""
