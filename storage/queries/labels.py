"""What stands on the labels of devices."""

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

LABELS = """
SELECT d.label, d.profile, k.name_zh AS class_zh
FROM device AS d LEFT JOIN component AS c USING (component_id)
LEFT JOIN component_class AS k ON k.catalogue_id = c.catalogue_id AND k.class_code = c.class_code
WHERE (%(labels)s::text[] IS NULL OR d.label = ANY (%(labels)s))
  AND (%(profile)s::text IS NULL OR d.profile = %(profile)s)
  AND (%(district_code)s::text IS NULL OR d.district_code = %(district_code)s)
  AND (%(state)s::text IS NULL OR d.state = %(state)s)
  AND d.label > %(after)s
ORDER BY array_position(%(labels)s::text[], d.label), d.label
LIMIT %(limit)s
"""


async def labels(conn: AsyncConnection, asked: Mapping[str, object]) -> list[dict[str, Any]]:
    """Give the devices asked for by name, in that order, or by filters, in the order of their labels."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LABELS, {**asked})
        return await cursor.fetchall()
