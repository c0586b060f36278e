"""Online, late or silent: from the last reading and the reporting interval the device agreed to."""

from datetime import datetime
from enum import StrEnum

LATE_AFTER_INTERVALS = 1.5
"""Our choice: one report may slip by half an interval."""
SILENT_AFTER_INTERVALS = 3.0
"""Our choice, and usual for heartbeats: three missed reports."""


class Health(StrEnum):
    """How a device stands with its reports."""

    ONLINE = "online"
    LATE = "late"
    SILENT = "silent"
    NEVER = "never"


def health(last_seen: datetime | None, interval_s: float, now: datetime) -> Health:
    """Give the health at `now`; `last_seen` is when the newest reading arrived, None = not yet."""
    if last_seen is None:
        return Health.NEVER
    intervals = (now - last_seen).total_seconds() / interval_s
    if intervals > SILENT_AFTER_INTERVALS:
        return Health.SILENT
    return Health.LATE if intervals > LATE_AFTER_INTERVALS else Health.ONLINE
