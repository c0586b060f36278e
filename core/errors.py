"""Families of errors that every layer raises; the HTTP face of each stands in `api.problems`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any


class PlatformError(Exception):
    """Base of what CityGrid raises on purpose; the message is for the operator: what, which one, what to do."""


class InvalidInput(PlatformError):  # noqa: N818  # reads as a fact where it is raised
    """The caller gave something that can never be right as it stands."""


class TooLarge(InvalidInput):
    """What was sent is larger than is taken."""


class NotFound(PlatformError):  # noqa: N818
    """No such thing."""


class Conflict(PlatformError):  # noqa: N818
    """The thing exists but is in a state that forbids what was asked."""


class Refused(Conflict):
    """A conflict with a reason that a page can explain in the reader's own words."""

    def __init__(self, reason: str, message: str, facts: Mapping[str, Any]) -> None:
        """Take the reason (a word), the sentence for logs and programs, and what the explanation names."""
        super().__init__(message)
        self.reason = reason
        self.facts = facts


class Outdated(PlatformError):  # noqa: N818
    """The caller looked at an older state than the one there is."""


class NotSignedIn(PlatformError):  # noqa: N818
    """Nobody is known to ask."""


class TooManyTries(PlatformError):  # noqa: N818
    """It was tried too often; the same call may be made after `wait`."""

    def __init__(self, message: str, wait: timedelta) -> None:
        super().__init__(message)
        self.wait = wait


class TooOften(TooManyTries):
    """Somebody unknown asks more than is good for the others."""


class Forbidden(PlatformError):  # noqa: N818
    """The thing can be done, by somebody else."""


class NotGranted(Forbidden):
    """Whoever asks holds no role that may."""


class Unavailable(PlatformError):  # noqa: N818
    """A service we need does not answer; the same call may work later."""


class Busy(Unavailable):
    """As much of this is done as may be at once; the same call works when some of it is finished."""


class TookTooLong(Unavailable):
    """The work was ended when its time was over."""
