"""The four phases of a rule on a device, and how one reading moves many devices between them at once. Pure.

    rest --fires--> pending --for elapsed--> firing --clears--> clearing --keep_firing_for elapsed--> rest

Times are the readings' own. Unknown (a channel was not measured) moves nothing.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

REST, PENDING, FIRING, CLEARING = 0, 1, 2, 3
NAMES = ("rest", "pending", "firing", "clearing")

Phases = NDArray[np.int8]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Judged(NamedTuple):
    """What one reading of each of n devices says about a rule. Where it both fires and clears, firing counts.

    `not_fires` and `not_clears` are the known opposites, so that neither being true means unknown.
    """

    ts_us: Times
    fires: Mask
    not_fires: Mask
    clears: Mask
    not_clears: Mask


class Seen(NamedTuple):
    """The same of many rules, and what each rule asks for."""

    ts_us: Times
    fires: Mask
    not_fires: Mask
    clears: Mask
    not_clears: Mask
    may_start: Mask
    """Where the rule's schedule lets it begin to fire; elsewhere it stays pending."""
    for_us: Times
    keep_us: Times

    def take(self, rows: NDArray[np.intp]) -> "Seen":
        """Give some of the rows."""
        return Seen._make(column[rows] for column in self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Where the devices stand afterwards, and which of them fired or recovered just now."""

    phase: Phases
    since_us: Times
    fired: Mask
    recovered: Mask


def advance(phase: Phases, since_us: Times, seen: Seen) -> Moved:
    """Give the next phases. `since_us` is when the phase began, 0 at rest."""
    clears = seen.clears & ~seen.fires
    resting, pending = phase == REST, phase == PENDING
    firing, clearing = phase == FIRING, phase == CLEARING
    lasted_us = seen.ts_us - since_us

    starts = resting & seen.fires
    held = pending & seen.fires & (lasted_us >= seen.for_us)
    fired = (held | (starts & (seen.for_us == 0))) & seen.may_start
    begins_clearing = firing & clears
    cleared = clearing & clears & (lasted_us >= seen.keep_us)
    recovered = cleared | (begins_clearing & (seen.keep_us == 0))
    relapsed = clearing & (seen.fires | seen.not_clears) & ~clears

    after = phase.copy()
    after[starts] = PENDING
    after[pending & seen.not_fires] = REST
    after[begins_clearing] = CLEARING
    after[fired | relapsed] = FIRING
    after[recovered] = REST
    since = np.where(after == phase, since_us, seen.ts_us)
    since[after == REST] = 0
    return Moved(phase=after, since_us=since, fired=fired, recovered=recovered)
