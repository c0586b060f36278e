"""Times as people write them on the command line."""

import re
from datetime import datetime, timedelta

from core.errors import InvalidInput

_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def instant(text: str, now: datetime) -> datetime:
    """Give the instant a text means; raises `InvalidInput` with an example."""
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise InvalidInput(f"{text!r} is no time: write 24h, or 2026-11-22T08:00:00+08:00")
    return parsed
