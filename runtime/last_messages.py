"""Writes down devices' last messages between two batches; whatever goes wrong, the journey goes on without them."""

from datetime import UTC, datetime, timedelta

import psycopg
import structlog

from runtime import patience
from runtime.ingestor import Live
from storage import device_messages
from storage.device_messages import LastMessage

log: structlog.stdlib.BoundLogger = structlog.get_logger()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def write(live: Live, now: datetime, *, busy: bool) -> None:
    """Write what is due in a transaction of its own; a failure is told and forgotten."""
    given = live.said.take((now - _EPOCH) // timedelta(microseconds=1), busy=busy)
    if not given:
        return
    ids = live.directory.fleet.device_id
    rows = [
        LastMessage(
            device_id=int(ids[slot]),
            received_at=_EPOCH + timedelta(microseconds=message.received_us),
            topic=message.topic,
            payload=message.payload,
            bytes=message.size,
            refused=message.refused,
        )
        for slot, message in given.items()
    ]
    try:
        with patience.hung_up(live.conn, patience.FIRST_S):
            async with live.conn.transaction():
                await device_messages.keep(live.conn, rows)
    except (psycopg.Error, OSError) as error:
        log.warning("messages_not_kept", shard=live.shard, reason=str(error).splitlines()[0])
