"""What a fault is: its name, what it does, what the ingest log must say of it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One line of the catalogue."""

    name: str
    tells: str
    """What happens, in words for the list and the documentation."""
    run: Callable[[Scene], None]
    says: frozenset[str] = frozenset()
    """Events that the ingest log must have after it."""
    lacks: Callable[[], str] = lambda: ""
    """Why it cannot run on this machine; empty when it can."""


def fault(run: Callable[[Scene], None], tells: str, *says: str, lacks: Callable[[], str] = lambda: "") -> Fault:
    """Make a fault named after its function."""
    return Fault(name=run.__name__, tells=tells, run=run, says=frozenset(says), lacks=lacks)
