"""What the feature speaks of: an identity that was proven, and who changes something."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from people.grant import Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long a browser stays signed in."""

    idle: timedelta
    """A session that was not used for so long ends."""
    longest: timedelta
    """It ends this long after the sign-in, however much it is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """From where somebody signs in, as far as the server sees it."""

    address: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An account that has proven who it is, and by what."""

    account_id: int
    account: str
    display_name: str
    language: str
    grants: tuple[Grant, ...]
    department_id: int | None
    used_at: datetime | None
    ends_at: datetime | None
    """When what it was proven by ends by itself."""
    session_id: int | None = None
    key_id: int | None = None
    key_name: str = ""
    is_program: bool = False
    """A key or a bearer token, not a person at a browser."""

    @property
    def name(self) -> str:
        """What the audit log calls it: `lin`, or `lin/nightly` for a program with lin's key of that name."""
        return f"{self.account}/{self.key_name}" if self.key_name else self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changes something, and when."""

    now: datetime
    actor: str
