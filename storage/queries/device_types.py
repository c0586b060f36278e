"""What the database knows of device types: how many devices each has, and which version appended a channel."""

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

COUNTS = "SELECT profile, count(*) FROM device WHERE state NOT IN ('replaced', 'retired') GROUP BY profile"
SINCE = "SELECT channel, since_version FROM profile_channel WHERE profile = %(profile)s"


async def device_counts(conn: AsyncConnection) -> dict[str, int]:
    """Give the number of devices in use by type."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(COUNTS)
        return dict(await cursor.fetchall())


async def channel_versions(conn: AsyncConnection, profile: str) -> dict[str, int]:
    """Give the version of the type that appended each channel."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(SINCE, {"profile": profile})
        return dict(await cursor.fetchall())
