"""What may be told to a device, and what becomes of it. Pure.

An order waits, is sent, and ends: done, refused (by the device), expired, or cancelled. It is sent again while no
answer comes, so a device may hear it twice and knows it by its number.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from core.errors import InvalidInput
from devices.profile import Command, Profile

TRIES = 3
AGAIN_AFTER = timedelta(seconds=30)
"""Our choice: a lamp on narrow-band radio answers within 10 s; one that sleeps finds the first at the broker."""
LEAST_LIFE, USUAL_LIFE, LONGEST_LIFE = timedelta(seconds=5), timedelta(minutes=10), timedelta(days=7)
"""How long an order counts. The broker keeps sessions of absent devices for a week."""
MOST_OPEN = 20
"""Orders one device may have waiting: bounds what its session at the broker holds."""
SET_INTERVAL = "set_interval"


class State(StrEnum):
    """What became of an order."""

    WAITING = "waiting"
    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OPEN = (State.WAITING, State.SENT)
ANSWERABLE = (*OPEN, State.EXPIRED)
"""An answer that comes late is still what happened."""


def check(profile: Profile, name: str, arguments: Mapping[str, float]) -> None:
    """Raise `InvalidInput` unless devices of this type know the command with just these arguments."""
    known = {command.name: command for command in profile.commands}
    if name not in known:
        possible = ", ".join(known) or "none"
        raise InvalidInput(f"{profile.name_en} ({profile.profile}) knows no command {name!r}; it knows: {possible}")
    _check_arguments(known[name], arguments)


def _check_arguments(command: Command, arguments: Mapping[str, float]) -> None:
    wanted = {argument.name: argument for argument in command.argument}
    if set(arguments) != set(wanted):
        needs = ", ".join(f"{it.name} ({it.min:g} to {it.max:g} {it.unit})" for it in wanted.values()) or "no arguments"
        given = ", ".join(sorted(arguments)) or "none"
        raise InvalidInput(f"{command.name} takes {needs}; given: {given}")
    for name, value in arguments.items():
        least, most = wanted[name].min, wanted[name].max
        if not least <= value <= most:
            raise InvalidInput(f"{name}: {value:g} is not between {least:g} and {most:g} {wanted[name].unit}")


def check_life(life: timedelta) -> None:
    """Raise `InvalidInput` unless an order may count this long."""
    if not LEAST_LIFE <= life <= LONGEST_LIFE:
        raise InvalidInput(
            f"an order counts from {LEAST_LIFE.total_seconds():g} s to {LONGEST_LIFE.days} days,"
            f" not {life.total_seconds():g} s"
        )
