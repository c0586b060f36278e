"""Messages that could not be accepted, with the reason; kept for a while so that somebody can mend the cause.

The digest of topic, item and payload is the key, so a refusal that is delivered again by the broker stays one; `seen`
counts real repeats. Bounded: a payload up to `PAYLOAD_KEPT_BYTES`, and of each day and reason no more than `ROWS_KEPT`
letters and `BYTES_KEPT` of payload; beyond that the oldest go, and are counted. Trying again: ADR-0013.
Takes a connection, never commits.
"""

import hashlib
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.rows import class_row

from storage import locks
from storage.queries.where import where

PAYLOAD_KEPT_BYTES = 65_536
"""Our choice: enough for any sane message, bounded against abuse."""
ROWS_KEPT = 10_000
BYTES_KEPT = 32 * 1024 * 1024
"""Of a day and reason; our choice: some hundred examples would show the cause, ten thousand can be tried again."""
FULL_SHARE = 100
"""Of a batch, once a day and reason is full: a flood of refusals must not cost more than the readings beside it."""
SLACK = 1.1
"""How far the table may grow over the bounds before the oldest go, so that not every batch sorts."""
GRACE_S = 1.0
"""A letter waits at least so long: who mended the registry first and asked then is served with the mended one."""

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(%(key)s)"
UPSERT = """
INSERT INTO dead_letter (digest, topic, reason, detail, payload, truncated, first_seen, last_seen, seen)
SELECT digest, topic, reason, detail, payload, truncated, %(now)s, %(now)s, seen
FROM unnest(%(digest)s::bytea[], %(topic)s::text[], %(reason)s::text[], %(detail)s::text[], %(payload)s::bytea[],
            %(truncated)s::boolean[], %(seen)s::bigint[])
     AS given (digest, topic, reason, detail, payload, truncated, seen)
ON CONFLICT (digest) DO UPDATE
SET reason = EXCLUDED.reason, detail = EXCLUDED.detail, last_seen = EXCLUDED.last_seen,
    seen = dead_letter.seen + EXCLUDED.seen * %(counts)s,
    tried_at = CASE WHEN dead_letter.waiting_since IS NULL THEN dead_letter.tried_at ELSE EXCLUDED.last_seen END,
    waiting_since = NULL
"""
FULL = """
SELECT reason FROM dead_letter_tally WHERE day = %(day)s AND (kept >= %(rows)s OR kept_bytes >= %(bytes)s)
"""
DROP_OLDEST = """
WITH overfull AS (
    SELECT day, reason, kept - %(rows)s AS rows_over, kept_bytes - %(bytes)s AS bytes_over
    FROM dead_letter_tally
    WHERE day = ANY(%(days)s) AND reason = ANY(%(reasons)s)
      AND (kept > %(rows)s * %(slack)s OR kept_bytes > %(bytes)s * %(slack)s)
), ranked AS (
    SELECT digest, rows_over, bytes_over, row_number() OVER oldest_first AS place,
           sum(octet_length(payload)) OVER oldest_first - octet_length(payload) AS bytes_before
    FROM overfull JOIN dead_letter USING (day, reason)
    WINDOW oldest_first AS (PARTITION BY day, reason ORDER BY first_seen, digest ROWS UNBOUNDED PRECEDING)
)
DELETE FROM dead_letter WHERE digest IN (
    SELECT digest FROM ranked WHERE place <= rows_over OR bytes_before < bytes_over
)
RETURNING day, reason
"""
COUNT_DROPPED = """
UPDATE dead_letter_tally SET dropped = dropped + %(count)s WHERE day = %(day)s AND reason = %(reason)s
"""
ASK = """
UPDATE dead_letter SET waiting_since = %(now)s WHERE digest IN (
    SELECT digest FROM dead_letter WHERE {chosen} AND NOT truncated ORDER BY first_seen, digest LIMIT %(limit)s
)
RETURNING digest
"""
TRUNCATED = "SELECT count(*) FROM dead_letter WHERE {chosen} AND truncated"
CHOSEN: Mapping[str, LiteralString] = {
    "digests": "digest = ANY(%(digests)s)",
    "reason": "reason = %(reason)s",
    "topic": "topic LIKE %(topic)s",
    "since": "last_seen >= %(since)s",
}
WAITING = """
SELECT digest, topic, payload, first_seen FROM dead_letter
WHERE waiting_since <= %(asked_before)s AND (
    %(districts)s::text[] IS NULL AND %(takes_foreign)s
    OR topic NOT LIKE 'citygrid/v1/%%' AND %(takes_foreign)s
    OR topic LIKE 'citygrid/v1/%%'
       AND (%(districts)s::text[] IS NULL OR split_part(topic, '/', 3) = ANY(%(districts)s))
)
ORDER BY first_seen, digest LIMIT %(limit)s
"""
# An `impossible` letter is one channel of a message whose others may be stored; then the reading is there already and
# is not changed, so the letter is not settled.
SETTLE = """
DELETE FROM dead_letter
WHERE digest = ANY(%(digests)s) AND (reason <> 'impossible' OR digest = ANY(%(stored)s))
"""
REST = """
UPDATE dead_letter SET waiting_since = NULL, tried_at = %(now)s, detail = %(detail)s WHERE digest = ANY(%(digests)s)
"""
ALREADY_STORED = "would be accepted now, but the reading is stored without this channel, and is not changed"
OUTCOME = """
SELECT reason, waiting_since IS NOT NULL AS waits, count(*) FROM dead_letter
WHERE digest = ANY(%(digests)s) GROUP BY 1, 2
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
    """It may have been counted already: the broker's DUP flag, a batch that is retried, a letter tried again."""

    @property
    def digest(self) -> bytes:
        """The letter's key."""
        digest = hashlib.sha256(self.topic.encode(errors="surrogatepass"))
        digest.update(b"\x00" + self.item.to_bytes(4, "big"))
        digest.update(self.payload)
        return digest.digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A letter that somebody asked to try again."""

    digest: bytes
    topic: str
    payload: bytes
    first_seen: datetime
    """When it was refused first; it is tried as of then, so that a message without a time is the same reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of asking."""

    digests: list[bytes]
    """Letters that wait now."""
    truncated: int
    """Letters that cannot be tried again: their payload is not whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of letters so far; those that are neither refused nor waiting were accepted."""

    refused: Mapping[str, int]
    """By reason."""
    waiting: int


async def record(conn: AsyncConnection, letters: Sequence[DeadLetter], now: datetime) -> int:
    """Store the refusals and give how many were dropped for them; redelivered ones are not counted again."""
    if not letters:
        return 0
    await conn.execute(ONE_AT_A_TIME, {"key": locks.DEAD_LETTERS})
    cursor = await conn.execute(FULL, {"day": now.date(), "rows": ROWS_KEPT, "bytes": BYTES_KEPT})
    kept = _thinned(letters, {row[0] for row in await cursor.fetchall()})
    for redelivered in (False, True):
        counted = _counted([letter for letter in kept if letter.redelivered == redelivered])
        if counted:
            await conn.execute(UPSERT, {**_columns(counted), "now": now, "counts": 0 if redelivered else 1})
    thinned = Counter(letter.reason for letter in letters) - Counter(letter.reason for letter in kept)
    return await _drop_oldest(conn, {letter.reason for letter in kept}, thinned, now)


def _thinned(letters: Sequence[DeadLetter], full: Container[str]) -> list[DeadLetter]:
    """Leave out what is too much of the reasons that are full; never what is there already and was tried again."""
    seen: Counter[str] = Counter()
    kept: list[DeadLetter] = []
    for letter in letters:
        if letter.reason in full and not letter.redelivered:
            seen[letter.reason] += 1
            if seen[letter.reason] > FULL_SHARE:
                continue
        kept.append(letter)
    return kept


def _counted(letters: Sequence[DeadLetter]) -> dict[bytes, tuple[DeadLetter, int]]:
    """Give by digest the last letter of each and how often it is there."""
    found: dict[bytes, tuple[DeadLetter, int]] = {}
    for letter in letters:
        digest = letter.digest
        before = found[digest][1] if digest in found and not letter.redelivered else 0
        found[digest] = (letter, before + 1)
    return found


def _columns(counted: Mapping[bytes, tuple[DeadLetter, int]]) -> dict[str, list[Any]]:
    letters = [letter for letter, _ in counted.values()]
    return {
        "digest": list(counted),
        "topic": [_text(letter.topic)[:512] for letter in letters],
        "reason": [letter.reason for letter in letters],
        "detail": [_text(letter.detail)[:1000] for letter in letters],
        "payload": [letter.payload[:PAYLOAD_KEPT_BYTES] for letter in letters],
        "truncated": [len(letter.payload) > PAYLOAD_KEPT_BYTES or len(letter.topic) > 512 for letter in letters],
        "seen": [seen for _, seen in counted.values()],
    }


async def _drop_oldest(conn: AsyncConnection, reasons: set[str], thinned: Counter[str], now: datetime) -> int:
    bounds = {"rows": ROWS_KEPT, "bytes": BYTES_KEPT, "slack": SLACK, "days": [now.date()], "reasons": sorted(reasons)}
    cursor = await conn.execute(DROP_OLDEST, bounds)
    dropped: Counter[tuple[date, str]] = Counter([(row[0], row[1]) for row in await cursor.fetchall()])
    dropped.update({(now.date(), reason): count for reason, count in thinned.items()})
    for (day, reason), count in dropped.items():
        await conn.execute(COUNT_DROPPED, {"count": count, "day": day, "reason": reason})
    return dropped.total()


async def ask(conn: AsyncConnection, given: Mapping[str, object], *, limit: int, now: datetime) -> Asked:
    """Let letters wait to be tried again, the oldest first; see `CHOSEN` for `given`."""
    chosen = where(CHOSEN, given)
    await conn.execute(ONE_AT_A_TIME, {"key": locks.DEAD_LETTERS})
    cursor = await conn.execute(sql.SQL(ASK).format(chosen=chosen), {**given, "now": now, "limit": limit})
    digests = [row[0] for row in await cursor.fetchall()]
    cursor = await conn.execute(sql.SQL(TRUNCATED).format(chosen=chosen), dict(given))
    row = await cursor.fetchone()
    return Asked(digests=digests, truncated=row[0] if row else 0)


async def waiting(
    conn: AsyncConnection,
    *,
    districts: Sequence[str] | None,
    takes_foreign: bool,
    asked_before: datetime,
    limit: int,
) -> list[Waiting]:
    """Give the letters of a shard that wait, those refused first first; `districts` None = all."""
    async with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        await cursor.execute(
            WAITING,
            {
                "districts": None if districts is None else list(districts),
                "takes_foreign": takes_foreign,
                "asked_before": asked_before,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def settle(conn: AsyncConnection, accepted: Sequence[bytes], stored: Sequence[bytes], now: datetime) -> int:
    """Remove letters that were tried and not refused again, and give how many went.

    `accepted`: digests of those letters; `stored`: of these, the ones whose message gave a reading that was not there.
    """
    cursor = await conn.execute(SETTLE, {"digests": list(accepted), "stored": list(stored)})
    settled = cursor.rowcount
    if settled < len(accepted):
        await rest(conn, accepted, now, ALREADY_STORED)
    return settled


async def rest(conn: AsyncConnection, digests: Sequence[bytes], now: datetime, detail: str) -> None:
    """Let letters wait no longer, and say why they stay."""
    await conn.execute(REST, {"digests": list(digests), "now": now, "detail": detail[:1000]})


async def outcome(conn: AsyncConnection, digests: Sequence[bytes]) -> Outcome:
    """Say what became of letters that were asked for."""
    cursor = await conn.execute(OUTCOME, {"digests": list(digests)})
    rows = await cursor.fetchall()
    return Outcome(
        refused={reason: count for reason, waits, count in rows if not waits},
        waiting=sum(count for _, waits, count in rows if waits),
    )


def _text(text: str) -> str:
    """Give what PostgreSQL's text can hold: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
