"""The JT/T 808 server: terminals of buses and trucks connect over TCP, what they report is published to the broker.

A location is answered with success only after the broker keeps it, so a terminal that follows the standard keeps what
might be lost. No state outlives a connection: the authentication code follows from the phone number and a secret, and a
terminal authenticates anew on each connection. Decoding is ingest's; see `wire.jt808`.

Bounded: connections, idle time, one frame at a time of a connection, of a message in parts at most two unfinished.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from core.errors import InvalidInput, Unavailable
from runtime.bridges.metrics import BridgeMetrics
from wire import jt808, jt808_frames
from wire.jt808_frames import Frame, MessageId, Parts, Result, Splitter

log: structlog.stdlib.BoundLogger = structlog.get_logger()

READ_BYTES = 16_384
PHONES_LIMIT = 1000
"""Terminals on one connection: a forwarding platform has many. Our choice."""

Publish = Callable[[str, Iterable[bytes]], Awaitable[int]]
_LOCATIONS = (MessageId.LOCATION, MessageId.LOCATIONS)
_ALIVE = (MessageId.HEARTBEAT, MessageId.LOGOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is borne."""

    connections: int
    idle_s: float = 600.0
    """Twice the longest usual reporting interval of a parked vehicle (300 s)."""
    write_s: float = 10.0
    """A terminal that does not take our answers within this time is hung up on."""


class Server:
    """Answers terminals; `serve` is the callback of `asyncio.start_server`."""

    def __init__(self, publish: Publish, secret: bytes, limits: Limits, metrics: BridgeMetrics) -> None:
        self._publish = publish
        self._secret = secret
        self._limits = limits
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one terminal until it leaves, falls silent, or the server closes."""
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= self._limits.connections:
            self._metrics.turned_away.inc()
            writer.close()
            return
        self._tasks.add(task)
        self._metrics.connections.set(len(self._tasks))
        try:
            await self._converse(_Conversation(self._publish, self._secret, self._metrics), reader, writer)
        except (TimeoutError, OSError) as error:
            log.debug("terminal_left", reason=str(error) or "silent")
        except asyncio.CancelledError:
            log.debug("terminal_hung_up_on")  # by `close`; the task ends here, and nobody else waits for it
        finally:
            self._tasks.discard(task)
            self._metrics.connections.set(len(self._tasks))
            writer.close()

    async def _converse(
        self, terminal: "_Conversation", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            async with asyncio.timeout(self._limits.idle_s):
                data = await reader.read(READ_BYTES)
            if not data:
                return
            for escaped in terminal.frames(data):
                answers = await terminal.answer(escaped)
                if answers:
                    writer.write(b"".join(answers))
                    async with asyncio.timeout(self._limits.write_s):
                        await writer.drain()

    async def close(self) -> None:
        """Hang up on everybody; what was not acknowledged to a terminal it sends again."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Conversation:
    """What one connection has said so far."""

    def __init__(self, publish: Publish, secret: bytes, metrics: BridgeMetrics) -> None:
        self._publish = publish
        self._secret = secret
        self._metrics = metrics
        self._splitter = Splitter()
        self._parts = Parts()
        self._phones: set[str] = set()
        self._serial = 0
        self._before_authentication: dict[int, Callable[[Frame], list[bytes]]] = {
            MessageId.TERMINAL_REPLY: self._take_reply,
            MessageId.REGISTER: self._register,
            MessageId.AUTHENTICATE: self._authenticate,
        }

    def frames(self, data: bytes) -> list[bytes]:
        """Give the frames that `data` completes."""
        before = self._splitter.noise_bytes
        found = self._splitter.feed(data)
        self._metrics.noise.inc(self._splitter.noise_bytes - before)
        return found

    async def answer(self, escaped: bytes) -> list[bytes]:
        """Do what a frame asks for and give the answers."""
        try:
            frame, is_whole = jt808_frames.open_frame(escaped)
        except InvalidInput as error:
            self._count("broken")
            log.debug("frame_broken", reason=str(error))
            return []  # without a header there is nobody to answer
        if not is_whole:
            return [self._reply("checksum", frame, Result.WRONG)]
        act = self._before_authentication.get(frame.message_id)
        return act(frame) if act else await self._answer_known(frame)

    async def _answer_known(self, frame: Frame) -> list[bytes]:
        if frame.phone not in self._phones:
            return [self._reply("unauthenticated", frame, Result.FAILED)]
        if frame.message_id in _LOCATIONS:
            return await self._locations(frame)
        if frame.message_id in _ALIVE:
            return [self._reply("heartbeat", frame, Result.DONE)]
        return [self._reply("unknown", frame, Result.NOT_SUPPORTED)]

    def _take_reply(self, _: Frame) -> list[bytes]:
        return []  # we ask for nothing, and what answers us is not answered

    def _register(self, frame: Frame) -> list[bytes]:
        self._count("registration")
        return [jt808_frames.registration_reply(frame, self._next_serial(), self._code(frame.phone))]

    def _authenticate(self, frame: Frame) -> list[bytes]:
        given = jt808_frames.authentication_code(frame)
        is_right = hmac.compare_digest(given.encode(), self._code(frame.phone).encode())
        if is_right and len(self._phones) < PHONES_LIMIT:
            self._phones.add(frame.phone)
        result = Result.DONE if is_right and frame.phone in self._phones else Result.FAILED
        return [self._reply("authentication", frame, result)]

    async def _locations(self, frame: Frame) -> list[bytes]:
        parts = self._parts.add(frame)
        if not parts:
            return []  # answered together with the last part
        result = await self._hand_over(frame.phone, b"".join(part.raw for part in parts))
        return [self._reply("location", part, result) for part in parts]

    async def _hand_over(self, phone: str, payload: bytes) -> Result:
        """Publish a message and give the result to tell; one that cannot be read becomes a dead letter downstream."""
        topic = jt808.TOPIC.format(phone=phone)
        try:
            await self._publish(topic, [payload])
        except Unavailable as error:
            self._metrics.failed.labels("jt808").inc()
            log.warning("location_not_published", reason=str(error))
            return Result.FAILED
        self._metrics.published.labels("jt808").inc()
        try:
            jt808.decode(topic, payload, 0)
        except InvalidInput:
            return Result.WRONG
        return Result.DONE

    def _code(self, phone: str) -> str:
        return hmac.new(self._secret, phone.encode(), hashlib.sha256).hexdigest()[:16]

    def _reply(self, kind: str, frame: Frame, result: Result) -> bytes:
        self._count(kind if result in {Result.DONE, Result.NOT_SUPPORTED} else f"{kind}_{result.name.lower()}")
        return jt808_frames.general_reply(frame, self._next_serial(), result)

    def _next_serial(self) -> int:
        serial = self._serial
        self._serial = (serial + 1) & 0xFFFF
        return serial

    def _count(self, kind: str) -> None:
        self._metrics.frames.labels(kind).inc()
