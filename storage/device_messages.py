"""The last message of each device as it came (`ingest.last_messages`). Takes a connection, never commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

# An older one than the stored does nothing: a process that was given up for dead may still write.
UPSERT = """
INSERT INTO device_message AS m (device_id, received_at, topic, payload, bytes, refused)
SELECT device_id, received_at, topic, payload, bytes, refused
FROM unnest(%(device_id)b::int[], %(received_at)b::timestamptz[], %(topic)s::text[], %(payload)b::bytea[],
            %(bytes)b::int[], %(refused)s::text[])
     AS given (device_id, received_at, topic, payload, bytes, refused)
ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE
SET received_at = EXCLUDED.received_at, topic = EXCLUDED.topic, payload = EXCLUDED.payload, bytes = EXCLUDED.bytes,
    refused = EXCLUDED.refused
WHERE m.received_at <= EXCLUDED.received_at
"""
LAST = """
SELECT m.received_at, m.topic, m.payload, m.bytes, m.refused, d.format, COALESCE(d.address, d.label) AS address,
       s.received_at > m.received_at AS is_followed
FROM device_message AS m JOIN device AS d USING (device_id) LEFT JOIN device_state AS s USING (device_id)
WHERE d.label = %(label)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastMessage:
    """A device's message as it came."""

    device_id: int
    received_at: datetime
    topic: str
    payload: bytes
    bytes: int
    """Length as it came."""
    refused: str | None


async def keep(conn: AsyncConnection, messages: Sequence[LastMessage]) -> None:
    """Write down the last message of some devices, each once."""
    columns: dict[str, list[Any]] = {
        name: [getattr(message, name) for message in messages] for name in ("device_id", "received_at", "bytes")
    }
    columns["payload"] = [message.payload for message in messages]
    columns["topic"] = [_text(message.topic)[:512] for message in messages]
    columns["refused"] = [message.refused and _text(message.refused)[:500] for message in messages]
    await conn.execute(UPSERT, columns)


async def last(conn: AsyncConnection, label: str) -> dict[str, Any] | None:
    """Give a device's last message, what it speaks, and whether it was heard since."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LAST, {"label": label})
        return await cursor.fetchone()


def _text(text: str) -> str:
    """Give what PostgreSQL's text can hold."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
