"""Step 1 of the journey: MQTT to bounded batches. Next: `ingest.pipeline`. Acknowledges only when told to.

A shard's lanes are sessions of their own (`ingest.lanes`), each with a fixed client id, so the broker keeps for each
what was not acknowledged and delivers it again after any failure. A lost connection is opened again with back-off;
messages of the old connection that nobody has taken yet are forgotten here, because the broker sends them again.
A batch comes from one connection, and is acknowledged on that connection or not at all.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from core.errors import Unavailable
from ingest.lanes import Lane, Queue, Turns
from ingest.message import Batch
from ingest.session import Session, connect
from wire.broker import Broker

log: structlog.stdlib.BoundLogger = structlog.get_logger()

FIRST_RETRY_S = 0.1
LONGEST_RETRY_S = 5.0
BUFFER_LIMIT_BYTES: Mapping[Lane, int] = {Lane.ALARM: 8 << 20, Lane.LIVE: 64 << 20, Lane.BACKLOG: 16 << 20}
"""Payload bytes a lane may hold that nobody has taken; above it its socket is not read and the broker queues on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How batches are cut."""

    messages: int
    """Most messages in a batch."""
    wait_s: float
    """Longest wait for a batch to fill, from its first message."""
    tick_s: float = 0.5
    """Longest time without a batch: an empty one comes then, so that rules see time pass."""

    def in_flight(self, lane: Lane) -> int:
        """Unacknowledged messages we let the broker send on a lane.

        Live: this batch, the next, and as much on the way. The others: two batches; they are small, or not urgent.
        """
        return min((4 if lane is Lane.LIVE else 2) * self.messages, 65_535)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a source behaves beside reading."""

    may_connect: Callable[[], bool] = lambda: True
    """Asked before every connection: a process that may have lost its shard leaves the new carrier's sessions alone."""
    drains: bool = False
    """Takes what is queued and lets nothing more in: the shard is being given up for good."""


class Line:
    """One lane's connection, kept up; owns the session."""

    def __init__(self, broker: Broker, queue: Queue, limits: Limits, arrived: Callable[[], None], mode: "Mode") -> None:
        self.queue = queue
        self.session: Session | None = None
        self.connection = 0
        """Number of the connection, unlike that of any other line; 0 = none yet."""
        self.is_subscribed = False
        self._leaves = False
        self._broker = broker
        self._in_flight = limits.in_flight(queue.lane)
        self._arrived = arrived
        self._mode = mode

    @property
    def waiting(self) -> int:
        """Messages received that nobody has taken."""
        return len(self.session.inbox) if self.session is not None else 0

    def close(self, *, forget: bool) -> None:
        """Leave the broker; not to be connected again."""
        self._leaves = True
        if self.session is not None:
            self.session.close(forget=forget)

    async def keep_connected(self, numbers: Callable[[], int]) -> None:
        """Hold a connection for ever."""
        retry_s = FIRST_RETRY_S
        bound = log.bind(lane=self.queue.lane.value)
        while True:
            if not self._mode.may_connect():
                await asyncio.sleep(FIRST_RETRY_S)
                continue
            try:
                session, resumed = await connect(
                    self._broker,
                    self.queue.client_id,
                    self._in_flight,
                    self._arrived,
                    buffer_limit_bytes=BUFFER_LIMIT_BYTES[self.queue.lane],
                )
            except (OSError, Unavailable, TimeoutError) as error:
                bound.warning("broker_unreachable", reason=str(error) or "no answer", retry_s=retry_s)
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
                continue
            try:
                self.connection = numbers()
                self.session = session
                reason = await self._serve(session, resumed=resumed)
                if not self._leaves:
                    bound.warning("broker_lost", reason=reason)
                retry_s = FIRST_RETRY_S
            except Unavailable as error:
                bound.warning("broker_refused", reason=str(error), retry_s=retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
            finally:
                self.session, self.is_subscribed = None, False
                session.close()
            await asyncio.sleep(retry_s)

    async def _serve(self, session: Session, *, resumed: bool) -> str:
        """Subscribe and keep the session alive until it ends; give the reason."""
        keep_alive = asyncio.create_task(session.keep_alive(), name="mqtt_keep_alive")
        try:
            if self._mode.drains:
                await session.unsubscribe(self.queue.filters)
            else:
                await session.subscribe(self.queue.filters)
            self.is_subscribed = True
            log.info("broker_connected", lane=self.queue.lane.value, session_resumed=resumed, in_flight=self._in_flight)
            return await session.closed
        finally:
            keep_alive.cancel()


class Source:
    """A shard's messages from the broker, the urgent ones first.

    Memory: each lane holds at most its in-flight window of messages and `BUFFER_LIMIT_BYTES` of payload.
    """

    def __init__(self, broker: Broker, queues: Sequence[Queue], limits: Limits, mode: Mode | None = None) -> None:
        self._limits = limits
        self._event = asyncio.Event()
        self._lines = {queue.lane: Line(broker, queue, limits, self._event.set, mode or Mode()) for queue in queues}
        self._idle_since: float | None = None
        self._turns = Turns()
        self._connections = 0

    async def keep_connected(self) -> None:
        """Hold a connection a lane for ever; run it as a task beside `batches`."""
        async with asyncio.TaskGroup() as lines:
            for lane, line in self._lines.items():
                lines.create_task(line.keep_connected(self._next_connection), name=f"broker_{lane}")

    @property
    def is_connected(self) -> bool:
        """Whether every lane has its connection and its subscriptions."""
        return all(line.is_subscribed for line in self._lines.values())

    def waiting(self) -> dict[Lane, int]:
        """Give the messages received and not taken, by lane."""
        return {lane: line.waiting for lane, line in self._lines.items()}

    def lane_of(self, batch: Batch) -> Lane | None:
        """Give the lane a batch came over; None when it is a tick or its connection is gone."""
        return next((lane for lane, line in self._lines.items() if 0 < line.connection == batch.connection), None)

    async def batches(self) -> AsyncIterator[Batch]:
        """Give batches for ever; an empty one after `tick_s` without messages."""
        while True:
            yield await self._next_batch()

    async def _next_batch(self) -> Batch:
        if not any(self.waiting().values()):
            await self._wait_for_messages(self._limits.tick_s)
        if 0 < sum(self.waiting().values()) < self._limits.messages:
            await asyncio.sleep(self._limits.wait_s)
        waiting = [lane for lane, count in self.waiting().items() if count]
        if not waiting:
            self._note_idle()
            return Batch(messages=[], connection=0, backlog=0)
        self._idle_since = None
        line = self._lines[self._turns.next(waiting)]
        assert line.session is not None  # it has messages waiting
        messages = line.session.take(self._limits.messages)
        return Batch(messages=messages, connection=line.connection, backlog=sum(self.waiting().values()))

    async def _wait_for_messages(self, longest_s: float) -> None:
        self._event.clear()
        try:
            async with asyncio.timeout(longest_s):
                await self._event.wait()
        except TimeoutError:
            pass

    def acknowledge(self, batch: Batch) -> None:
        """Acknowledge a batch; nothing is sent when its connection is gone: the broker will send it again."""
        for line in self._lines.values():
            if line.session is not None and line.connection == batch.connection:
                line.session.acknowledge([m.packet_id for m in batch.messages if m.packet_id is not None])

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> bool:
        """Send a message of our own (a request to a device); False when there is no connection to send it over.

        Whether it arrived is not followed up: send only what will be sent again while it is needed.
        """
        session = next((line.session for line in self._lines.values() if line.session is not None), None)
        if session is None:
            return False
        session.publish(topic, payload, qos)
        return True

    @property
    def idle_s(self) -> float:
        """For how long all lanes were connected and nothing came."""
        return time.monotonic() - self._idle_since if self._idle_since is not None else 0.0

    def _note_idle(self) -> None:
        if not self.is_connected:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = time.monotonic()

    def close(self, *, forget: bool = False) -> None:
        """Leave the broker; it keeps our sessions and what comes meanwhile, or it is to forget them."""
        for line in self._lines.values():
            line.close(forget=forget)

    def _next_connection(self) -> int:
        self._connections += 1
        return self._connections


async def reserve(broker: Broker, queues: Sequence[Queue], limits: Limits) -> None:
    """Have the broker queue for lanes that nobody reads yet; raises `Unavailable` or `OSError`."""
    for queue in queues:
        session, _ = await connect(broker, queue.client_id, limits.in_flight(queue.lane), lambda: None)
        try:
            await session.subscribe(queue.filters)
        finally:
            session.close()
