"""How long somebody must wait after failed sign-ins: doubling, capped, forgotten after a day. Never for ever."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many failures are free, and how the wait grows after them (our choice)."""

    free: int
    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=15)
    forgotten_after: timedelta = timedelta(days=1)


OF_ACCOUNT = Allowance(free=4)
"""Of one name from places it never signed in from, and of one name from each place it did: who fails on purpose
elsewhere makes nobody wait at his own desk. About a hundred guesses a day (NIST SP 800-63B asks for less in a row)."""
OF_ADDRESS = Allowance(free=20)
"""An office has one address: twenty people may mistype once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """What is remembered of an account's or an address's failed sign-ins."""

    count: int
    failed_at: datetime
    wait_until: datetime


def after_failure(before: Failures | None, allowance: Allowance, now: datetime) -> Failures:
    """Give what to remember after one more failure."""
    forgotten = before is None or now - before.failed_at >= allowance.forgotten_after
    count = 1 if before is None or forgotten else before.count + 1
    return Failures(count=count, failed_at=now, wait_until=now + _wait(count, allowance))


def remaining(failures: Failures | None, now: datetime) -> timedelta:
    """Give how long a sign-in must still wait; zero = it may be tried."""
    if failures is None:
        return timedelta(0)
    return max(timedelta(0), failures.wait_until - now)


def _wait(count: int, allowance: Allowance) -> timedelta:
    beyond = count - allowance.free
    if beyond <= 0:
        return timedelta(0)
    doublings = min(beyond - 1, 30)  # more would not fit into a timedelta
    return min(allowance.first * 2**doublings, allowance.longest)
