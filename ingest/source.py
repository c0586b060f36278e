"""Step 1 of the journey: MQTT to bounded batches. Next: `ingest.pipeline`. Acknowledges only when told to.

The broker keeps a persistent session under a fixed client id, so what was not acknowledged comes again after any
failure. A lost connection is opened again with back-off; messages of the old connection that nobody has taken yet are
forgotten here, because the broker sends them again.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog

from core.errors import Unavailable
from ingest.message import Batch
from ingest.session import Session, connect
from wire.broker import Broker
from wire.topics import TELEMETRY_FILTER

log = structlog.get_logger()

FIRST_RETRY_S = 0.1
LONGEST_RETRY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How batches are cut."""

    messages: int
    """Most messages in a batch."""
    wait_s: float
    """Longest wait for a batch to fill, from its first message."""
    tick_s: float = 0.5
    """Longest time without a batch: an empty one comes then, so that rules see time pass."""

    @property
    def in_flight(self) -> int:
        """Unacknowledged messages we let the broker send: this batch, the next, and as much on the way."""
        return min(4 * self.messages, 65_535)


class Source:
    """Telemetry from the broker."""

    def __init__(self, broker: Broker, client_id: str, limits: Limits, pattern: str = TELEMETRY_FILTER) -> None:
        self._broker = broker
        self._client_id = client_id
        self._limits = limits
        self._pattern = pattern
        self._session: Session | None = None
        self._connection = 0
        self._arrived = asyncio.Event()

    async def keep_connected(self) -> None:
        """Hold a connection for ever; run it as a task beside `batches`."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                session, resumed = await connect(
                    self._broker, self._client_id, self._limits.in_flight, self._arrived.set
                )
            except (OSError, Unavailable, TimeoutError) as error:
                log.warning("broker_unreachable", reason=str(error) or "no answer", retry_s=retry_s)
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
                continue
            try:
                await self._serve(session, resumed=resumed)
                retry_s = FIRST_RETRY_S
            except Unavailable as error:
                log.warning("broker_refused", reason=str(error), retry_s=retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
            finally:
                self._session = None
                session.close()
            await asyncio.sleep(retry_s)

    async def _serve(self, session: Session, *, resumed: bool) -> None:
        self._connection += 1
        self._session = session
        keep_alive = asyncio.create_task(session.keep_alive(), name="mqtt_keep_alive")
        try:
            await session.subscribe(self._pattern)
            log.info("broker_connected", session_resumed=resumed, in_flight=self._limits.in_flight)
            reason = await session.closed
            log.warning("broker_lost", reason=reason)
        finally:
            keep_alive.cancel()

    async def batches(self) -> AsyncIterator[Batch]:
        """Give batches for ever; an empty one after `tick_s` without messages."""
        while True:
            yield await self._next_batch()

    async def _next_batch(self) -> Batch:
        session = self._session
        if session is None or not session.inbox:
            await self._wait_for_messages(self._limits.tick_s)
            session = self._session
        if session is None:
            return Batch(messages=[], connection=0, backlog=0)
        if 0 < len(session.inbox) < self._limits.messages:
            await asyncio.sleep(self._limits.wait_s)
        messages = session.take(self._limits.messages)
        return Batch(messages=messages, connection=self._connection, backlog=len(session.inbox))

    async def _wait_for_messages(self, longest_s: float) -> None:
        self._arrived.clear()
        try:
            async with asyncio.timeout(longest_s):
                await self._arrived.wait()
        except TimeoutError:
            pass

    def acknowledge(self, batch: Batch) -> None:
        """Acknowledge a batch; nothing is sent when its connection is gone: the broker will send it again."""
        if self._session is None or batch.connection != self._connection:
            return
        self._session.acknowledge([message.packet_id for message in batch.messages if message.packet_id is not None])

    def close(self) -> None:
        """Leave the broker; it keeps our session."""
        if self._session is not None:
            self._session.close()
