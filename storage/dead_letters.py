"""Messages that could not be accepted, with the reason; kept for a while so that somebody can mend the cause.

The digest of topic and payload is the key, so a refusal that is delivered again by the broker stays one; `seen` counts
real repeats. Payloads are kept up to a limit. Takes a connection, never commits.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection

PAYLOAD_KEPT_BYTES = 65_536
"""Our choice: enough for any sane message, bounded against abuse."""

UPSERT = """
INSERT INTO dead_letter (digest, topic, reason, detail, payload, truncated, first_seen, last_seen, seen)
VALUES (%(digest)s, %(topic)s, %(reason)s, %(detail)s, %(payload)s, %(truncated)s, %(now)s, %(now)s, 1)
ON CONFLICT (digest) DO UPDATE
SET last_seen = EXCLUDED.last_seen, seen = dead_letter.seen + %(again)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One refused message, or one refused item of a batch message."""

    topic: str
    payload: bytes
    reason: str
    detail: str
    item: int
    """Position in a batch message, from 0."""
    redelivered: bool
    """The broker's DUP flag: it may have been counted already."""


async def record(conn: AsyncConnection, letters: Iterable[DeadLetter], now: datetime) -> None:
    """Store the refusals; one that is delivered again, flagged so by the broker, is not counted again."""
    rows = [
        {
            "digest": _digest(letter),
            "topic": _text(letter.topic)[:512],
            "reason": letter.reason,
            "detail": _text(letter.detail)[:1000],
            "payload": letter.payload[:PAYLOAD_KEPT_BYTES],
            "truncated": len(letter.payload) > PAYLOAD_KEPT_BYTES,
            "now": now,
            "again": 0 if letter.redelivered else 1,
        }
        for letter in letters
    ]
    if rows:
        async with conn.cursor() as cursor:
            await cursor.executemany(UPSERT, rows)


def _text(text: str) -> str:
    """PostgreSQL's text holds no NUL."""
    return text.replace("\x00", "�")


def _digest(letter: DeadLetter) -> bytes:
    digest = hashlib.sha256(letter.topic.encode(errors="surrogatepass"))
    digest.update(b"\x00" + letter.item.to_bytes(4, "big"))
    digest.update(letter.payload)
    return digest.digest()
