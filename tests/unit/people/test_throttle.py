"""How long somebody must wait after failed sign-ins."""

from datetime import UTC, datetime, timedelta

import pytest

from people.throttle import OF_ACCOUNT, Allowance, Failures, after_failure, remaining

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TWO_FREE = Allowance(free=2, first=timedelta(seconds=1), longest=timedelta(seconds=60))


def failed(times: int, allowance: Allowance = TWO_FREE) -> Failures:
    failures: Failures | None = None
    for _ in range(times):
        failures = after_failure(failures, allowance, NOW)
    assert failures is not None
    return failures


@pytest.mark.parametrize(("times", "wait_s"), [(1, 0), (2, 0), (3, 1), (4, 2), (5, 4), (8, 32), (9, 60), (500, 60)])
def test_the_wait_doubles_after_the_free_ones_and_is_capped(times: int, wait_s: int) -> None:
    assert remaining(failed(times), NOW) == timedelta(seconds=wait_s)


def test_waiting_helps() -> None:
    assert remaining(failed(5), NOW + timedelta(seconds=4)) == timedelta(0)


def test_failures_are_forgotten_after_a_day_of_peace() -> None:
    after = after_failure(failed(50), TWO_FREE, NOW + timedelta(days=1))

    assert (after.count, remaining(after, after.failed_at)) == (1, timedelta(0))


def test_who_never_failed_waits_for_nothing() -> None:
    assert remaining(None, NOW) == timedelta(0)


def test_guessing_day_and_night_gives_about_a_hundred_tries_a_day() -> None:
    now, failures, tries = NOW, None, 0
    while now < NOW + timedelta(days=1):
        failures = after_failure(failures, OF_ACCOUNT, now)
        tries += 1
        now += max(remaining(failures, now), timedelta(milliseconds=100))

    assert 90 <= tries <= 115
