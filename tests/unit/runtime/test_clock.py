"""The clock that does not jump."""

from datetime import UTC, datetime, timedelta

import pytest

from runtime.clock import SteadyClock, is_believed

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


class Machine:
    """A machine whose clocks are told what to say."""

    def __init__(self) -> None:
        self.wall, self.seconds = NOON, 1000.0

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)


def test_the_clock_goes_on_evenly_when_the_wall_jumps() -> None:
    machine = Machine()
    clock = SteadyClock(lambda: machine.wall, lambda: machine.seconds)

    machine.pass_time(10)
    machine.wall -= HOUR

    assert (clock.now(), clock.gap()) == (NOON + 10 * SECOND, -HOUR)


def test_a_wall_that_is_followed_is_right_from_then_on() -> None:
    machine = Machine()
    clock = SteadyClock(lambda: machine.wall, lambda: machine.seconds)

    machine.wall += HOUR
    clock.follow()
    machine.pass_time(5)

    assert (clock.now(), clock.gap()) == (NOON + HOUR + 5 * SECOND, timedelta(0))


@pytest.mark.parametrize(
    ("gap", "witness_gap", "believed"),
    [(-HOUR, 0 * SECOND, False), (HOUR, HOUR + SECOND, True), (HOUR, 3 * SECOND, False), (-HOUR, -HOUR, True)],
)
def test_a_jump_is_believed_when_the_witness_made_it_too(
    gap: timedelta, witness_gap: timedelta, believed: bool
) -> None:
    assert is_believed(gap, witness_gap) is believed
