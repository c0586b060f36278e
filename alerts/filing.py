"""The first minute of an incident: its class and limit, who holds it, who answers for it; and whether it files itself.

On the caller's connection, after the incident was opened in the same transaction; never commits. A rule that files by
itself takes it from reported to dispatched at once, each step in the history; unclear ownership stops at filed, for the
district's dispatcher.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts import dispatch, levels, move_store, moves
from alerts.dispatch import Answers, Asked, Choice
from alerts.due import Limit, Stage
from alerts.incident import Action, Role
from alerts.levels import Held, Place
from alerts.limits import EVENT
from alerts.move_store import Move
from alerts.moves import Clocks, Given, Running

# Who answers: for the component it is laid on, or for those of its members. Streets and districts: of the grids it
# touches. A main street is one within about 15 m. A unit that is retired answers for nothing; a name that a unit had
# before still means it.
FACTS = """
WITH answering AS (
    SELECT n.name_zh, n.department_id FROM department_name AS n JOIN department AS d USING (department_id)
    WHERE d.retired_at IS NULL
)
SELECT i.incident_id, i.rule, i.severity, coalesce(i.class_code, c.class_code, '') AS class_code, i.district_code,
       g.team, own.department_id AS of_rule, competent.department_id AS of_class,
       touched.streets, touched.districts, answers.departments,
       EXISTS (SELECT FROM street AS s WHERE s.kind = 'main' AND ST_DWithin(s.geom, i.geom, 0.00015)) AS on_main_street
FROM incident AS i
LEFT JOIN component AS c ON c.component_id = i.component_id
LEFT JOIN component_class AS k ON k.catalogue_id = c.catalogue_id AND k.class_code = c.class_code
LEFT JOIN answering AS competent ON competent.name_zh = k.department_zh
LEFT JOIN patrol_grid AS g ON g.patrol_grid_id = i.patrol_grid_id
LEFT JOIN unnest(%(incident_ids)s::bigint[], %(department_zh)s::text[]) AS said (incident_id, name_zh)
    ON said.incident_id = i.incident_id
LEFT JOIN answering AS own ON own.name_zh = said.name_zh
LEFT JOIN unit_grid AS u ON u.unit_grid_id = i.unit_grid_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT left(t.code, 9)) FILTER (WHERE left(t.code, 9) <> left(u.code, 9)), '{}')
               AS streets,
           coalesce(array_agg(DISTINCT left(t.code, 6)), '{}') AS districts
    FROM unit_grid AS t
    WHERE ST_Dimension(i.geom) > 0 AND t.state = 'valid' AND ST_Intersects(t.geom, i.geom)
) AS others
CROSS JOIN LATERAL (
    SELECT array_remove(left(u.code, 9) || others.streets, NULL) AS streets,
           array_remove(i.district_code || others.districts, NULL) AS districts
) AS touched
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT d.component_id) FILTER (WHERE d.component_id IS NOT NULL) AS ids
    FROM incident_member AS m JOIN device AS d USING (device_id) WHERE m.incident_id = i.incident_id
) AS members
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'maintainer', m.department_id, 'owner', o.department_id, 'competent', p.department_id
    )), '[]') AS departments
    FROM component AS a
    LEFT JOIN department AS m ON m.department_id = a.maintainer_dept_id AND m.retired_at IS NULL
    LEFT JOIN department AS o ON o.department_id = a.owner_dept_id AND o.retired_at IS NULL
    LEFT JOIN department AS p ON p.department_id = a.competent_dept_id AND p.retired_at IS NULL
    WHERE a.component_id = ANY (
        CASE WHEN i.component_id = ANY (members.ids) OR i.component_id IS NULL THEN coalesce(members.ids, '{}')
        ELSE ARRAY[i.component_id] END
    )
) AS answers
WHERE i.incident_id = ANY(%(incident_ids)s)
ORDER BY i.incident_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """What the rule, or the person who reports, says of an incident."""

    class_code: str = ""
    condition: str = ""
    otherwise: Limit | None = None
    """The limit where the city's table has none."""
    department_zh: str | None = None
    by_itself: bool = False


async def begin(conn: AsyncConnection, opened: Mapping[int, Says], now: datetime, by: Clocks) -> int:
    """Set up incidents that have just been opened, file those that file themselves, and give the number of events."""
    facts = await _facts(conn, opened)
    choices = {number: _choice(row, opened[number]) for number, row in facts.items()}
    first = {number: _set_up(facts[number], says, choices[number], now, by) for number, says in opened.items()}
    await move_store.set_up(conn, first)
    return await _file(conn, {n: facts[n] for n, says in opened.items() if says.by_itself}, choices, now, by)


async def answerers(conn: AsyncConnection, said: Mapping[int, Says]) -> dict[int, Choice]:
    """Give to whom incidents would go if they opened now, as the registry stands."""
    return {number: _choice(row, said[number]) for number, row in (await _facts(conn, said)).items()}


async def _facts(conn: AsyncConnection, said: Mapping[int, Says]) -> dict[int, dict[str, Any]]:
    names = [says.department_zh for says in said.values()]
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(FACTS, {"incident_ids": list(said), "department_zh": names})
        return {row["incident_id"]: row for row in await cursor.fetchall()}


async def _file(
    conn: AsyncConnection, facts: Mapping[int, dict[str, Any]], choices: Mapping[int, Choice], now: datetime, by: Clocks
) -> int:
    events = 0
    clear = {number: row for number, row in facts.items() if not choices[number].is_unclear}
    for action, rows in ((Action.FILE, facts), (Action.DISPATCH, clear)):
        if not rows:
            continue
        standings = await move_store.standings(conn, list(rows))
        planned = [
            Move(
                before=standings[number],
                action=action,
                role=Role.SYSTEM,
                given=Given(
                    actor=f"rule {row['rule']}",
                    reason=choices[number].reason,
                    department_id=choices[number].department_id if action is Action.DISPATCH else None,
                ),
                more={"department_reason": choices[number].reason},
                detail={"team": choices[number].team},
                tell=False,
            )
            for number, row in rows.items()
        ]
        events += len(await move_store.write(conn, planned, now, by))
    return events


def _set_up(row: Mapping[str, Any], says: Says, choice: Choice, now: datetime, by: Clocks) -> dict[str, Any]:
    class_code = says.class_code or row["class_code"]
    known = by.city.limits.find(class_code, says.condition)
    stages = known.stages if known else (Stage("dispose", says.otherwise),) if says.otherwise else ()
    held = _held(row, class_code, by, owner_is_unclear=choice.is_unclear)
    return {
        "class_code": class_code or None,
        "filing_condition": (known.condition if known else says.condition) or None,
        "level": held.level.value,
        "holder_code": held.holder_code,
        "level_reason": held.reason,
        "department_id": choice.department_id,
        "department_reason": choice.reason,
        **moves.clock_columns(Running(stages=stages)),
        **moves.desk_columns(moves.FIRST, now, by),
    }


def _held(row: Mapping[str, Any], class_code: str, by: Clocks, *, owner_is_unclear: bool) -> Held:
    place = Place(
        streets=tuple(row["streets"]),
        district_code=row["district_code"],
        districts=tuple(row["districts"]),
        on_main_street=row["on_main_street"],
        owner_is_unclear=owner_is_unclear,
    )
    return levels.start(class_code, row["severity"], place, by.city.levels)


def _choice(row: Mapping[str, Any], says: Says) -> Choice:
    """Give to whom it goes; who owns the camera does not answer for what it saw, nor a cover's owner for the flood."""
    is_event = says.class_code.startswith(EVENT) and row["of_rule"] is not None
    components = [] if is_event else [Answers(**departments) for departments in row["departments"]]
    asked = Asked(components=components, of_rule=row["of_rule"], of_class=row["of_class"], team=row["team"])
    return dispatch.choose(asked)
