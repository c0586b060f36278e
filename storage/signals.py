"""NOTIFY channels; a payload is an id only (the limit is 8,000 bytes), the rows are read afterwards."""

from psycopg import AsyncConnection

INCIDENT = "citygrid_incident"
REGISTRY = "citygrid_registry"
OUTBOX = "citygrid_outbox"
SILENCES = "citygrid_silences"
RULES = "citygrid_rules"
CITY_TIME = "citygrid_city_time"
IDENTITIES = "citygrid_identities"
COMMANDS = "citygrid_commands"


async def announce_registry(conn: AsyncConnection) -> None:
    """Tell the ingest workers, at commit, that devices or their components changed."""
    await conn.execute("SELECT pg_notify(%s, 'devices')", (REGISTRY,))


async def announce_silences(conn: AsyncConnection) -> None:
    """Tell the ingest workers, at commit, that a silence was created or ended."""
    await conn.execute("SELECT pg_notify(%s, 'silences')", (SILENCES,))


async def announce_city_time(conn: AsyncConnection) -> None:
    """Tell all who count time, at commit, that limits or the calendar changed."""
    await conn.execute("SELECT pg_notify(%s, 'city_time')", (CITY_TIME,))


async def announce_identities(conn: AsyncConnection) -> None:
    """Tell who keeps the broker's accounts, at commit, that a device's or gateway's identity changed."""
    await conn.execute("SELECT pg_notify(%s, 'identities')", (IDENTITIES,))


async def announce_commands(conn: AsyncConnection) -> None:
    """Tell the commander, at commit, that somebody wants a device to do something."""
    await conn.execute("SELECT pg_notify(%s, 'commands')", (COMMANDS,))
