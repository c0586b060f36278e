"""How many messages the broker holds for its clients, from what it publishes of itself; not every broker does.

Mosquitto's `$SYS/broker/store/messages/count` counts a message once however many queues hold it, with those that are
on their way. A broker that has no such topic, or does not let us read it, leaves the number unknown.
"""

import asyncio
import uuid
from collections.abc import Callable

import structlog

from core.errors import Unavailable
from ingest.session import connect
from wire.broker import Broker

log: structlog.stdlib.BoundLogger = structlog.get_logger()

TOPIC = "$SYS/broker/store/messages/count"
RETRY_S = 10.0


async def keep(broker: Broker, say: Callable[[float], None]) -> None:
    """Tell the number whenever the broker does, for ever; trouble is no reason to disturb ingest."""
    client_id = f"citygrid-ingest-gauge-{uuid.uuid4().hex[:8]}"
    while True:
        try:
            await _follow(broker, client_id, say)
        except (OSError, Unavailable, TimeoutError) as error:
            log.debug("broker_tells_nothing", reason=str(error))
        say(float("nan"))
        await asyncio.sleep(RETRY_S)


async def _follow(broker: Broker, client_id: str, say: Callable[[float], None]) -> None:
    arrived = asyncio.Event()
    session, _ = await connect(broker, client_id, 10, arrived.set, expiry_s=0)
    alive = asyncio.create_task(session.keep_alive(), name="broker_gauge_keep_alive")
    try:
        await session.subscribe([TOPIC])
        while not session.closed.done():
            await arrived.wait()
            arrived.clear()
            for message in session.take(len(session.inbox)):
                if message.payload.isdigit():
                    say(float(message.payload))
    finally:
        alive.cancel()
        session.close(forget=True)
