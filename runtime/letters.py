"""Dead letters on the journey: made of what is refused, and carried again when somebody asks for it (ADR-0013).

A letter that is tried again goes the way of every message, carried by whoever holds the lease of its shard, between two
batches of the broker. In the transaction that stores what it says it vanishes; if it is refused again its row says so.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import psycopg
import structlog
from psycopg import AsyncConnection

from core.frame import Frame
from ingest.lanes import Shard
from ingest.message import Batch, Refusal, Retried
from storage import dead_letters
from storage.dead_letters import DeadLetter, Waiting

log: structlog.stdlib.BoundLogger = structlog.get_logger()

EVERY = timedelta(seconds=1)
"""How often to look for letters that wait."""
AT_ONCE = 200
"""Most letters between two batches of the broker, so that those do not wait long (our choice)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def of_refusals(batch: Batch, refusals: Sequence[Refusal]) -> list[DeadLetter]:
    """Give the letters to keep of what was refused."""
    return [
        DeadLetter(
            topic=batch.messages[refusal.message].topic,
            payload=batch.messages[refusal.message].payload,
            reason=refusal.reason,
            detail=refusal.detail,
            item=refusal.item,
            redelivered=batch.messages[refusal.message].redelivered,
        )
        for refusal in refusals
    ]


async def waiting(conn: AsyncConnection, shard: Shard, now: datetime) -> list[Batch]:
    """Give what waits to be tried again, in batches of the same first arrival; none when the database is away."""
    try:
        found = await dead_letters.waiting(
            conn,
            districts=shard.districts,
            takes_foreign=shard.takes_foreign,
            asked_before=now - timedelta(seconds=dead_letters.GRACE_S),
            limit=AT_ONCE,
        )
    except (psycopg.Error, OSError) as error:
        log.warning("letters_not_read", shard=shard.name, reason=str(error).splitlines()[0])
        return []
    return [_batch(list(together)) for _, together in groupby(found, lambda letter: letter.first_seen)]


def _batch(letters: list[Waiting]) -> Batch:
    digests: dict[tuple[str, bytes], list[bytes]] = {}
    for letter in letters:
        digests.setdefault((letter.topic, letter.payload), []).append(letter.digest)
    return Batch(
        messages=[
            Retried(topic=topic, payload=payload, packet_id=None, redelivered=True, digests=tuple(keys))
            for (topic, payload), keys in digests.items()
        ],
        connection=-1,
        backlog=0,
        arrived_us=(letters[0].first_seen - _EPOCH) // timedelta(microseconds=1),
    )


async def settle(
    conn: AsyncConnection, batch: Batch, refused: Sequence[DeadLetter], fresh: Sequence[Frame], now: datetime
) -> None:
    """Remove the letters of a batch that were not refused again; does nothing for what came from the broker."""
    if batch.arrived_us is None:
        return
    again = {letter.digest for letter in refused}
    gave_readings = {int(message) for frame in fresh for message in frame.message}
    accepted: list[bytes] = []
    stored: list[bytes] = []
    for index, message in enumerate(batch.messages):
        if isinstance(message, Retried):
            done = [digest for digest in message.digests if digest not in again]
            accepted += done
            stored += done if index in gave_readings else []
    if accepted:
        settled = await dead_letters.settle(conn, accepted, stored, now)
        log.info("letters_settled", settled=settled, refused=len(again))
