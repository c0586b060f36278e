"""A device's life: its states, and every step from one to another as one table. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.errors import Conflict, InvalidInput


class State(StrEnum):
    """Where a device is in its life."""

    REGISTERED = "registered"
    """It has a label, a type and a place where it is to stand."""
    INSTALLED = "installed"
    """It hangs where it is to stand; nothing was heard of it there yet."""
    COMMISSIONED = "commissioned"
    """Its first reading from there was accepted."""
    IN_SERVICE = "in_service"
    """The city relies on it: rules look at what it says."""
    MAINTENANCE = "maintenance"
    """Somebody works on it: its readings are kept and marked, no rule looks."""
    REPLACED = "replaced"
    """It was taken down, and another stands in its place; it may be installed elsewhere."""
    RETIRED = "retired"
    """It is gone for good."""


class Stand(StrEnum):
    """What a step does to the place of a device on its component."""

    KEEPS = "keeps"
    LEAVES = "leaves"
    TAKES = "takes"
    """It is put on a component, which must be named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One allowed step."""

    to: State
    stand: Stand = Stand.KEEPS
    needs_reason: bool = False
    """True where somebody will ask later why."""
    by_itself: bool = False
    """True when ingest takes it too, with the first accepted reading."""


_INSTALLED = Step(to=State.INSTALLED)
_HEARD = Step(to=State.COMMISSIONED, by_itself=True)
_IN_SERVICE = Step(to=State.IN_SERVICE)
_MAINTENANCE = Step(to=State.MAINTENANCE, needs_reason=True)
_REPLACED = Step(to=State.REPLACED, stand=Stand.LEAVES, needs_reason=True)
_RETIRED = Step(to=State.RETIRED, stand=Stand.LEAVES, needs_reason=True)
_AGAIN = Step(to=State.INSTALLED, stand=Stand.TAKES)

STEPS: Mapping[State, tuple[Step, ...]] = {
    State.REGISTERED: (_INSTALLED, _IN_SERVICE, _REPLACED, _RETIRED),
    State.INSTALLED: (_HEARD, _IN_SERVICE, _REPLACED, _RETIRED),
    State.COMMISSIONED: (_IN_SERVICE, _MAINTENANCE, _REPLACED, _RETIRED),
    State.IN_SERVICE: (_MAINTENANCE, _REPLACED, _RETIRED),
    State.MAINTENANCE: (_IN_SERVICE, _REPLACED, _RETIRED),
    State.REPLACED: (_AGAIN, _RETIRED),
    State.RETIRED: (),
}
"""State -> the steps that lead on from it."""

REPORTING = frozenset({State.REGISTERED, State.INSTALLED, State.COMMISSIONED, State.IN_SERVICE, State.MAINTENANCE})
"""States in which readings are accepted: installers must see the first reading arrive."""
AT_ITS_PLACE = REPORTING
"""States in which a device holds its component: no second one of its type may be put there."""


def step(label: str, current: State, wanted: State, *, reason: str = "", component_code: str = "") -> Step:
    """Give the step from `current` to `wanted`.

    Raises: `Conflict` naming what is possible when it is not listed; `InvalidInput` when its reason or component is
    not said, or a component is named for a device that stays where it is.
    """
    found = next((it for it in STEPS[current] if it.to is wanted), None)
    if found is None:
        possible = ", ".join(sorted(it.to for it in STEPS[current])) or "nothing: it is at its end"
        raise Conflict(f"device {label} is {current}: it cannot become {wanted}; possible: {possible}")
    if found.needs_reason and not reason.strip():
        raise InvalidInput(f"reason: say why {label} becomes {wanted}; it is kept in its history")
    if component_code and found.stand is not Stand.TAKES:
        raise InvalidInput(f"component_code: {label} does not change its place by becoming {wanted}")
    return found


def after_first_reading(state: State) -> State | None:
    """Give the state a device comes to with its first accepted reading there; None = it stays."""
    return next((it.to for it in STEPS[state] if it.by_itself), None)
