"""To whom the incidents that are open would go if they opened now: what a change of ownership would do to dispatch.

Reads only. Decides by the same function as an incident's first minute, `alerts.filing` and `alerts.dispatch`.
"""

from collections.abc import Sequence

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts import filing, versions
from alerts.dispatch import Choice
from alerts.filing import Says

SAID = """
SELECT incident_id, rule, coalesce(class_code, '') AS class_code FROM incident
WHERE incident_id = ANY(%(incident_ids)s) AND is_open
"""


async def answerers(conn: AsyncConnection, incident_ids: Sequence[int]) -> dict[int, Choice]:
    """Give to whom each of the incidents that is open would go, by the registry as it stands and the rules in force."""
    if not incident_ids:
        return {}
    version = await versions.in_force(conn)
    rules = {rule.name: rule for rule in version.book().rules} if version else {}
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(SAID, {"incident_ids": list(incident_ids)})
        rows = await cursor.fetchall()
    said: dict[int, Says] = {}
    for row in rows:
        rule = rules.get(row["rule"])
        department = rule.raises.department if rule else None
        said[row["incident_id"]] = Says(
            class_code=rule.raises.class_code if rule else row["class_code"],
            department_zh=department.name_zh if department else None,
        )
    return await filing.answerers(conn, said)
