"""Shadows in the journey: the batch's readings through every rule book that runs beside the live one.

In the transaction of the batch; where there is no shadow nothing happens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection

from alerts import engine, fan_in, shadow_store, sightings
from alerts.case import Decided
from alerts.engine import Step
from alerts.shadow import Shadow
from core.facts import LocatedFact
from core.fleet import Fleet
from core.frame import Frame

Done = list[tuple[Shadow, Step, Decided]]


@dataclass(frozen=True, slots=True)
class News:
    """What a batch brought that was not stored before."""

    frames: Sequence[Frame]
    facts: Sequence[LocatedFact]


async def run(
    conn: AsyncConnection, shadows: Sequence[Shadow], news: News, fleet: Fleet, shard: str, now: datetime
) -> Done:
    """Decide and write down what shadows would have raised, and what they remember; `commit` applies it."""
    done: Done = []
    for one in shadows:
        step = engine.step(one.state, news.frames, one.book, fleet, now)
        step = sightings.see(one.state, step, news.facts, one.book, fleet)
        decided = fan_in.decide(one.cases, step, one.book, fleet, now)
        await shadow_store.record(conn, one, decided, fleet, now)
        await shadow_store.keep(conn, one, step, decided, fleet, shard)
        done.append((one, step, decided))
    return done


def commit(done: Done) -> None:
    """Apply what was decided to the shadows' memories: after the database committed, never before."""
    for one, step, decided in done:
        engine.commit(one.state, step)
        fan_in.commit(one.cases, decided)
