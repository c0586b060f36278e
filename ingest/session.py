"""One MQTT 5 connection on the compiled codec: bytes to packets, keep-alive, acknowledgements. No reconnecting here.

Why our own: ADR-0002 (the codec carries several times what client libraries do, and acknowledging is ours to time).
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

import mqtt5
import numpy as np

from core.errors import Unavailable
from ingest.message import RawMessage
from wire.broker import Broker

_T = TypeVar("_T")

KEEP_ALIVE_S = 30
CONNECT_S = 10
SESSION_EXPIRY_S = 7 * 24 * 3600
"""The broker keeps what we have not acknowledged for a week: longer than any planned outage (our choice)."""
BUFFER_LIMIT_BYTES = 64 * 1024 * 1024
"""Above this the socket is not read, so that memory stays bounded; the broker queues meanwhile."""

MESSAGE_BYTES = 256
"""What a waiting message costs beside its payload, about: QoS 0 knows no window, so this bounds how many may wait."""

_GRANTED = (mqtt5.SubAckReasonCode.GRANTED_QOS_AT_MOST_ONCE, mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE)


_PUBACK = np.dtype([("header", ">u2"), ("packet_id", ">u2")])
"""Type 4, two bytes to come: the packet id, and no reason code means success (MQTT 5, 3.4.2.1)."""


class Session(asyncio.Protocol):
    """Packets of one connection; received messages wait in `inbox` until taken."""

    def __init__(self, on_message: Callable[[], None], buffer_limit_bytes: int = BUFFER_LIMIT_BYTES) -> None:
        self.inbox: deque[RawMessage] = deque()
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Resolves with the reason when the connection ends."""
        self._on_message = on_message
        self._buffer_limit_bytes = buffer_limit_bytes
        self._buffer = bytearray()
        self._held_bytes = 0
        self._paused = False
        self._transport: asyncio.Transport | None = None
        self._connack: asyncio.Future[mqtt5.ConnAckPacket] = asyncio.get_running_loop().create_future()
        self._suback: asyncio.Future[mqtt5.SubAckPacket] = asyncio.get_running_loop().create_future()
        self._unsuback: asyncio.Future[mqtt5.UnsubAckPacket] = asyncio.get_running_loop().create_future()
        self._last_packet_id = 0
        self._heard = False

    async def open(
        self, broker: Broker, client_id: str, receive_max: int, expiry_s: int = SESSION_EXPIRY_S
    ) -> mqtt5.ConnAckPacket:
        """Send CONNECT and wait for the broker's word; raises `Unavailable` when it refuses."""
        password = broker.password.encode() if broker.password is not None else None
        self._send(
            mqtt5.ConnectPacket(
                client_id,
                username=broker.username,
                password=password,
                clean_start=False,
                keep_alive=KEEP_ALIVE_S,
                session_expiry_interval=expiry_s,
                receive_max=receive_max,
            ).write()
        )
        connack = await self._connack
        if connack.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            reason = connack.reason_str or _words(connack.reason_code)
            raise Unavailable(f"the broker refused us: {reason}")
        return connack

    async def subscribe(self, patterns: Sequence[str]) -> None:
        """Subscribe at QoS 1; raises `Unavailable` when the broker does not allow one of them."""
        wanted = [
            mqtt5.TopicFilter(
                pattern,
                max_qos=mqtt5.QoS.AT_LEAST_ONCE,
                retain_handling=mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS,
            )
            for pattern in patterns
        ]
        self._send(mqtt5.SubscribePacket(self._packet_id(), wanted).write())
        for pattern, code in zip(patterns, (await self._suback).reason_codes, strict=True):
            if code not in _GRANTED:
                raise Unavailable(f"the broker does not let us read {pattern}: {_words(code)}")

    async def unsubscribe(self, patterns: Sequence[str]) -> None:
        """Let nothing more into the broker's queue; what is in it still comes."""
        self._send(mqtt5.UnsubscribePacket(self._packet_id(), list(patterns)).write())
        await self._unsuback

    def publish(self, topic: str, payload: bytes, qos: int, expiry_s: int | None = None) -> None:
        """Send a message; whether it arrived is not followed up, so only what can be said again goes this way.

        After `expiry_s` the broker throws it away if it could not deliver it.
        """
        packet_id = self._packet_id() if qos else None
        packet = mqtt5.PublishPacket(
            topic, payload, qos=mqtt5.QoS(qos), packet_id=packet_id, message_expiry_interval=expiry_s
        )
        self._send(packet.write())

    def take(self, limit: int) -> list[RawMessage]:
        """Give up to `limit` waiting messages, oldest first, and read on if reading was paused."""
        taken = [self.inbox.popleft() for _ in range(min(limit, len(self.inbox)))]
        self._held_bytes -= sum(len(message.payload) for message in taken) + MESSAGE_BYTES * len(taken)
        if self._paused and self._held_bytes < self._buffer_limit_bytes // 2 and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return taken

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Send PUBACK for each, in order, in one write."""
        acks = np.empty(len(packet_ids), dtype=_PUBACK)
        acks["header"], acks["packet_id"] = 0x4002, packet_ids
        self._send(acks.tobytes())

    async def keep_alive(self) -> None:
        """Ping at half the keep-alive; end the connection when nothing at all was heard for one and a half."""
        quiet_s = 0.0
        while not self.closed.done():
            await asyncio.sleep(KEEP_ALIVE_S / 2)
            quiet_s = 0.0 if self._heard or self._paused else quiet_s + KEEP_ALIVE_S / 2
            self._heard = False
            if quiet_s > KEEP_ALIVE_S * 1.5:
                self.abort("nothing heard from the broker")
                return
            self._send(mqtt5.PingReqPacket().write())

    def close(self, *, forget: bool = False) -> None:
        """Say goodbye. The broker keeps our session, and unacknowledged messages come again; or it is to forget it."""
        if self._transport is not None and not self._transport.is_closing():
            expiry_s = 0 if forget else SESSION_EXPIRY_S
            self._send(mqtt5.DisconnectPacket(session_expiry_interval=expiry_s).write())
            self._transport.close()

    def abort(self, reason: str) -> None:
        """Cut the connection."""
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio.Protocol)."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end (asyncio.Protocol)."""
        self._end(str(exc) if exc else "the broker closed the connection")

    def data_received(self, data: bytes) -> None:
        """Cut bytes into packets; a message is complete or waits for its rest (asyncio.Protocol)."""
        self._heard = True
        buffer = self._buffer
        buffer += data
        start, end, held_bytes = 0, len(buffer), 0
        receive = self.inbox.append
        with memoryview(buffer) as view:
            while start < end:
                try:
                    packet, size = mqtt5.read(view[start:])
                except IndexError:  # the rest of the packet has not arrived
                    break
                except ValueError as error:
                    self.abort(f"the broker sent what is not MQTT 5: {error}")
                    return
                start += size
                if isinstance(packet, mqtt5.PublishPacket):
                    payload = packet.payload
                    held_bytes += len(payload) + MESSAGE_BYTES
                    receive(RawMessage(packet.topic, payload, packet.packet_id, packet.duplicate))
                else:
                    self._handle(packet)
        del buffer[:start]
        if held_bytes:
            self._hold(held_bytes)
        if self.inbox:
            self._on_message()

    def _handle(self, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.ConnAckPacket():
                _resolve(self._connack, packet)
            case mqtt5.SubAckPacket():
                _resolve(self._suback, packet)
            case mqtt5.UnsubAckPacket():
                _resolve(self._unsuback, packet)
            case mqtt5.DisconnectPacket():
                self.abort(f"the broker ended the connection: {_words(packet.reason_code)}")
            case _:
                pass

    def _hold(self, size: int) -> None:
        self._held_bytes += size
        if not self._paused and self._held_bytes > self._buffer_limit_bytes and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _packet_id(self) -> int:
        self._last_packet_id = self._last_packet_id % 65_535 + 1
        return self._last_packet_id

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _end(self, reason: str) -> None:
        _resolve(self.closed, reason)
        for waiting in (self._connack, self._suback, self._unsuback):
            if not waiting.done():
                waiting.set_exception(Unavailable(reason))
                waiting.exception()  # whoever waits sees it; nobody waiting is no fault
        self._on_message()


def _words(code: object) -> str:
    """Give a reason code in words; the codec's codes are not Python enums."""
    return str(code).rsplit(".", 1)[-1].lower().replace("_", " ")


def _resolve(future: "asyncio.Future[_T]", value: _T) -> None:
    if not future.done():
        future.set_result(value)


async def connect(
    broker: Broker,
    client_id: str,
    receive_max: int,
    on_message: Callable[[], None],
    *,
    buffer_limit_bytes: int = BUFFER_LIMIT_BYTES,
    expiry_s: int = SESSION_EXPIRY_S,
) -> tuple[Session, bool]:
    """Open a session with the broker and say whether it remembered ours; raises `Unavailable` or `OSError`."""
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context() if broker.tls else None
    async with asyncio.timeout(CONNECT_S):
        _, session = await loop.create_connection(
            lambda: Session(on_message, buffer_limit_bytes), broker.host, broker.port, ssl=context
        )
        try:
            connack = await session.open(broker, client_id, receive_max, expiry_s)
        except BaseException:
            session.abort("not opened")
            raise
    return session, connack.session_present
