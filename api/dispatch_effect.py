"""What a change of ownership does to dispatch: which open incidents would go elsewhere, and how many find their way.

Joins two features that do not know each other: the registry of components (who is named) and alerts (who is sent). Both
sides of a comparison are decided by the function that dispatches, `alerts.dispatch.choose`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from alerts.answering import answerers
from alerts.dispatch import Answers, Asked, Choice, choose
from components_registry import ownership
from components_registry.departments import By
from components_registry.ownership import Assigned, Wish
from storage.queries import departments
from storage.queries import ownership as queries

MOST_INCIDENTS = 500
"""Looked at in one preview: the oldest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many components' incidents find their department without a dispatcher."""

    components: int
    by_itself: int
    by_reason: Mapping[str, int]
    """maintainer, owner, competent, class, or unclear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """An open incident that would go elsewhere."""

    incident: Mapping[str, Any]
    before: Choice
    after: Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an assignment does to dispatch."""

    looked_at: int
    """Open incidents about the components that change."""
    moved: Sequence[Moved]
    before: Share
    after: Share
    names: Mapping[int, Mapping[str, str]]
    """Names of the departments spoken of: `name_zh`, `name_en`."""


async def share(conn: AsyncConnection) -> Share:
    """Count for how many components dispatch needs nobody."""
    counted: Counter[str] = Counter()
    by_itself = 0
    for row in await queries.answers(conn):
        answers = Answers(maintainer=row["maintainer"], owner=row["owner"], competent=row["competent"])
        choice = choose(Asked(components=[answers], of_class=row["of_class"]))
        counted["unclear" if choice.is_unclear else choice.reason] += row["components"]
        by_itself += 0 if choice.is_unclear else row["components"]
    return Share(components=counted.total(), by_itself=by_itself, by_reason=dict(counted.most_common()))


async def assign(conn: AsyncConnection, wish: Wish, by: By, *, dry_run: bool) -> tuple[Assigned, Effect]:
    """Name a unit in many components, and tell what that does to dispatch; a dry run does all of it and keeps nothing.

    Incidents that were dispatched stay where they are: the effect says where they would go if they opened now.
    """
    async with conn.transaction(force_rollback=dry_run):
        counted = await ownership.choose(conn, wish)
        numbers = await queries.affected_incidents(conn, limit=MOST_INCIDENTS)
        share_before, before = await share(conn), await answerers(conn, numbers)
        await ownership.write(conn, wish, counted, by)
        share_after, after = await share(conn), await answerers(conn, numbers)
        moved = [number for number in numbers if before[number].department_id != after[number].department_id]
        told = {row["incident_id"]: row for row in await queries.incidents_told(conn, moved)}
        names = {row["department_id"]: row for row in await departments.find(conn, retired=True)}
    effect = Effect(
        looked_at=len(numbers),
        moved=[Moved(incident=told[number], before=before[number], after=after[number]) for number in moved],
        before=share_before,
        after=share_after,
        names=names,
    )
    return counted, effect
