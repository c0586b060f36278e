"""Points in time as senders write them, as microseconds since 1970 UTC. Pure."""

from datetime import UTC, datetime, timedelta

from core.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc_us(text: str, field: str, *, bare_is_utc: bool = False) -> int:
    """Give the instant of an ISO 8601 text; digits beyond microseconds are cut off.

    `bare_is_utc`: a time without an offset is UTC; otherwise it is refused. Raises `InvalidInput` naming `field`.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{field} {text[:40]!r} is no RFC 3339 time") from None
    if parsed.tzinfo is None:
        if not bare_is_utc:
            raise InvalidInput(f"{field} {text[:40]!r} has no offset: write Z or +08:00")
        parsed = parsed.replace(tzinfo=UTC)
    return (parsed - _EPOCH) // _MICROSECOND
