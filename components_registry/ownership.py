"""Who answers for components, in bulk: a unit is named as competent, owner or maintainer by class, area and street.

One transaction of the caller's connection; each component that changes keeps its version, with who and why. What waits
to be cleared is `storage.queries.ownership`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from components_registry.departments import By
from core.errors import Conflict, InvalidInput, NotFound
from storage import signals
from storage.queries.where import where

MOST_CONFLICTS = 50
"""Units listed in a preview; the rest is counted together."""


class Duty(StrEnum):
    """In which way a unit answers for a component."""

    COMPETENT = "competent"
    """Whose task it is (主管)."""
    OWNER = "owner"
    """Whose property it is (权属)."""
    MAINTAINER = "maintainer"
    """Who mends it (养护)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One unit for all components of some classes in some areas, or along some streets."""

    duty: Duty
    department_id: int
    classes: Sequence[str] = ()
    areas: Sequence[str] = ()
    """Codes of districts, streets, communities, unit grids or patrol grids; any of them."""
    streets: Sequence[str] = ()
    """Names of roads, Chinese or English; any of them."""
    within_m: float = 30.0
    """How far from a road's axis."""
    overwrite: bool = False
    """Also where another unit, that is not retired, is named; else only where none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What an assignment does, or would do."""

    matched: int
    unchanged: int
    """Have the unit already."""
    filled: int
    """Had none, or one that is retired."""
    replaced: int
    """Had another one."""
    conflicts: int
    """Have another one and keep it."""
    others: Sequence[Mapping[str, Any]]
    """The other units with their numbers: `department_id`, `name_zh`, `name_en`, `components`, `example`."""

    @property
    def changed(self) -> int:
        """Components that name another unit than before."""
        return self.filled + self.replaced


_FILTERS: Mapping[str, LiteralString] = {
    "classes": "c.class_code = ANY(%(classes)s)",
    "areas": """(c.district_code = ANY(%(areas)s) OR left(u.community_code, 6) = ANY(%(areas)s)
        OR left(u.community_code, 9) = ANY(%(areas)s) OR u.community_code = ANY(%(areas)s) OR u.code = ANY(%(areas)s)
        OR u.patrol_grid_id IN (SELECT g.patrol_grid_id FROM patrol_grid AS g WHERE g.code = ANY(%(areas)s)))""",
    "streets": """EXISTS (SELECT FROM street AS s
        WHERE (s.name_zh = ANY(%(streets)s) OR s.name_en = ANY(%(streets)s))
          AND s.geom && ST_Expand(c.geom, %(degrees)s)
          AND ST_DWithin(s.geom::geography, c.geom::geography, %(within_m)s))""",
}
_DEGREE_M = 60_000.0
"""Fewer metres than a degree has in any direction up to 57 degrees north."""
CHOOSE = """
CREATE TEMPORARY TABLE assigned ON COMMIT DROP AS
SELECT c.component_id, c.code, c.{column} AS held, d.retired_at IS NOT NULL AS held_is_retired
FROM component AS c LEFT JOIN unit_grid AS u USING (unit_grid_id)
LEFT JOIN department AS d ON d.department_id = c.{column}
WHERE {where}
"""
COUNT = """
SELECT count(*), count(*) FILTER (WHERE held = %(department_id)s),
       count(*) FILTER (WHERE held IS NULL OR (held_is_retired AND held <> %(department_id)s)),
       count(*) FILTER (WHERE held <> %(department_id)s AND NOT held_is_retired)
FROM assigned
"""
OTHERS = """
SELECT a.held AS department_id, d.name_zh, d.name_en, count(*) AS components, min(a.code) AS example
FROM assigned AS a JOIN department AS d ON d.department_id = a.held
WHERE a.held <> %(department_id)s AND NOT a.held_is_retired
GROUP BY 1, 2, 3 ORDER BY components DESC, 1 LIMIT %(limit)s
"""
KEEP_CHANGING = """
DELETE FROM assigned
WHERE held = %(department_id)s OR (NOT %(overwrite)s AND held IS NOT NULL AND NOT held_is_retired)
"""
WRITE = """
UPDATE component AS c
SET {column} = %(department_id)s, since = greatest(%(now)s, c.since + interval '1 microsecond'),
    changed_by = %(actor)s, change_reason = %(reason)s
FROM assigned AS a WHERE a.component_id = c.component_id
"""
UNIT = "SELECT name_zh, retired_at FROM department WHERE department_id = %(department_id)s FOR SHARE"
UNKNOWN = """
SELECT 'area ' || asked.code FROM unnest(%(areas)s::text[]) AS asked (code)
WHERE NOT EXISTS (SELECT FROM area AS a WHERE a.area_code = asked.code)
  AND NOT EXISTS (SELECT FROM unit_grid AS u WHERE u.code = asked.code)
  AND NOT EXISTS (SELECT FROM patrol_grid AS g WHERE g.code = asked.code)
UNION ALL
SELECT 'street ' || asked.name FROM unnest(%(streets)s::text[]) AS asked (name)
WHERE NOT EXISTS (SELECT FROM street AS s WHERE asked.name IN (s.name_zh, s.name_en))
UNION ALL
SELECT 'class ' || asked.code FROM unnest(%(classes)s::text[]) AS asked (code)
WHERE NOT EXISTS (SELECT FROM component_class AS k WHERE k.class_code = asked.code)
"""
AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail)
VALUES (%(now)s, %(actor)s, 'ownership.assign', 'department ' || %(department_id)s, %(detail)s)
"""


async def choose(conn: AsyncConnection, wish: Wish) -> Assigned:
    """Find the components of a wish, lay those that will change into the temporary table `assigned`, and count them.

    Raises: `InvalidInput` for a wish without class, area and street, or with an unknown one; `NotFound`; `Conflict`
    when the unit is retired.
    """
    if not (wish.classes or wish.areas or wish.streets):
        raise InvalidInput("name a class, an area or a street: a unit that answers for everything answers for nothing")
    values = _values(wish)
    unknown = await (await conn.execute(UNKNOWN, values)).fetchall()
    if unknown:
        raise InvalidInput(f"there is no {', '.join(name for (name,) in unknown)}")
    unit = await (await conn.execute(UNIT, values)).fetchone()
    if unit is None:
        raise NotFound(f"no unit {wish.department_id}")
    if unit[1] is not None:
        raise Conflict(f"{unit[0]} is retired: it cannot answer for anything")
    given = {name: values[name] or None for name in _FILTERS}
    query = sql.SQL(CHOOSE).format(column=_column(wish.duty), where=where(_FILTERS, given))
    await conn.execute(query, values)
    counts = await (await conn.execute(COUNT, values)).fetchone()
    assert counts is not None
    matched, unchanged, empty, other = counts
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(OTHERS, {**values, "limit": MOST_CONFLICTS})
        others = await cursor.fetchall()
    await conn.execute(KEEP_CHANGING, values)
    return Assigned(
        matched=matched,
        unchanged=unchanged,
        filled=empty,
        replaced=other if wish.overwrite else 0,
        conflicts=0 if wish.overwrite else other,
        others=others,
    )


async def write(conn: AsyncConnection, wish: Wish, counted: Assigned, by: By) -> None:
    """Name the unit in the components that `choose` laid out, in the same transaction."""
    if not by.actor.strip() or not by.reason.strip():
        raise InvalidInput("say who does it and why: it is kept with every component and in the audit log")
    values = {**_values(wish), "now": by.now, "actor": by.actor.strip(), "reason": by.reason.strip()}
    await conn.execute(sql.SQL(WRITE).format(column=_column(wish.duty)), values)
    detail = {
        "duty": wish.duty.value,
        "classes": list(wish.classes),
        "areas": list(wish.areas),
        "streets": list(wish.streets),
        "overwrite": wish.overwrite,
        "filled": counted.filled,
        "replaced": counted.replaced,
        "conflicts": counted.conflicts,
        "reason": by.reason.strip(),
    }
    await conn.execute(AUDIT, {**values, "detail": Jsonb(detail)})
    await signals.announce_registry(conn)


def _column(duty: Duty) -> sql.Identifier:
    return sql.Identifier(f"{duty.value}_dept_id")


def _values(wish: Wish) -> dict[str, Any]:
    return {
        "department_id": wish.department_id,
        "classes": list(wish.classes),
        "areas": list(wish.areas),
        "streets": list(wish.streets),
        "within_m": wish.within_m,
        "degrees": wish.within_m / _DEGREE_M,
        "overwrite": wish.overwrite,
    }
