"""The devices an incident is about, with the readings that made each a member."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

MEMBERS = """
SELECT d.label AS device_label, d.profile, c.code AS component_code, m.joined_ts, m.left_ts,
       ST_X(d.geom) AS lon, ST_Y(d.geom) AS lat, m.evidence
FROM incident_member AS m
JOIN device AS d USING (device_id)
LEFT JOIN component AS c ON c.component_id = d.component_id
WHERE m.incident_id = %(incident_id)s
ORDER BY m.joined_ts, d.label
"""


async def members(conn: AsyncConnection, incident_id: int) -> list[dict[str, Any]]:
    """Give the members of an incident in the order they joined, those that left too."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(MEMBERS, {"incident_id": incident_id})
        return await cursor.fetchall()
