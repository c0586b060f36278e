"""The hub of the live stream: one source, many subscribers, each with a bounded queue.

A subscriber whose queue is full is told to resume and let go: it keeps what was queued, in order, so that what it has
seen is a gapless beginning and its last event id is a correct place to resume from. Nobody waits for a slow reader.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from storage.scope import Extent

QUEUE_FRAMES = 1024
"""A burst of a thousand incidents at once; frames are shared, so a queue holds references only."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event, encoded once for everybody; `event_id` is its resume point, None = it has none."""

    text: bytes
    event_id: int | None = None
    part: Callable[[Extent], bytes] | None = None
    """What of it they see who see a part of the city; None = all of it."""

    def within(self, extent: Extent | None) -> bytes:
        """Give what of it is seen there; empty = nothing."""
        return self.text if extent is None or self.part is None else self.part(extent)


def encode(
    event: str, data: bytes, event_id: int | None = None, part: Callable[[Extent], bytes] | None = None
) -> Frame:
    """Give the frame of one event; `data` is JSON on one line."""
    key = b"" if event_id is None else b"id: %d\n" % event_id
    return Frame(b"%sevent: %s\ndata: %s\n\n" % (key, event.encode(), data), event_id, part)


class Subscriber:
    """One reader's queue."""

    def __init__(self, size: int) -> None:
        self._queue: asyncio.Queue[Frame | None] = asyncio.Queue(size + 1)  # one place more, for the end
        self._size = size
        self.dropped = False

    def offer(self, frame: Frame) -> bool:
        """Queue a frame; False, and the end of this subscription, when the queue is full."""
        if self._queue.qsize() >= self._size:
            self.dropped = True
            self.end()
            return False
        self._queue.put_nowait(frame)
        return True

    def end(self) -> None:
        """Queue the end."""
        if not self._queue.full():
            self._queue.put_nowait(None)

    async def next(self, wait_s: float) -> Frame | None:
        """Give the next frame; None at the end. Raises `TimeoutError` when there is none within `wait_s`."""
        async with asyncio.timeout(wait_s):
            return await self._queue.get()


class Hub:
    """Passes frames on to whoever listens now."""

    def __init__(self, queue_frames: int = QUEUE_FRAMES) -> None:
        self._queue_frames = queue_frames
        self._subscribers: set[Subscriber] = set()
        self.last_event_id: int | None = None
        """Newest incident event passed on; None until the database was reached once."""
        self.listening = False
        """Whether the database tells us of new events at once."""
        self.wanted = asyncio.Event()
        """Set while anybody listens."""
        self.dropped = 0

    @property
    def subscribers(self) -> int:
        """How many listen."""
        return len(self._subscribers)

    @contextmanager
    def subscribe(self) -> Generator[Subscriber]:
        """Listen from now on, until the block is left."""
        subscriber = Subscriber(self._queue_frames)
        self._subscribers.add(subscriber)
        self.wanted.set()
        try:
            yield subscriber
        finally:
            self._forget(subscriber)

    def publish(self, frame: Frame) -> None:
        """Pass a frame on to everybody; who cannot take it is let go."""
        if frame.event_id is not None:
            self.last_event_id = frame.event_id
        for subscriber in tuple(self._subscribers):
            if not subscriber.offer(frame):
                self.dropped += 1
                self._forget(subscriber)

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        for subscriber in tuple(self._subscribers):
            subscriber.end()

    def _forget(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        if not self._subscribers:
            self.wanted.clear()
