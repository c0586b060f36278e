"""A district's gateway: publishes at QoS 1 over one MQTT 5 connection and never loses a message it has accepted.

A message leaves memory only when the broker has acknowledged it *and* `KEEP_S` have passed: after every reconnection
the gateway sends again what was unacknowledged and what was acknowledged just before, because a broker that is killed
forgets what it had acknowledged but not yet delivered or saved. The platform stores a reading once by its identity, so
sending twice is harmless. A message that no subscriber was there for is tried again: the broker threw it away.

Our own connection on the compiled codec (ADR-0002): measured on two busy cores at 23,000 messages/s and 4 us of CPU a
message, where aiomqtt 2.5 took 359 us.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import mqtt5
import structlog

from core.errors import InvalidInput, Unavailable
from wire.broker import Broker

log = structlog.get_logger()

KEEP_ALIVE_S = 20
KEEP_S = 20.0
"""How long an acknowledged message is kept for sending again; longer than the broker's delivery takes (our choice)."""
KEEP_MESSAGES = 200_000
"""And how many of them at most: bounds memory to some 60 MB at any rate."""
WINDOW = 1000
"""Most messages on the way to the broker and unacknowledged."""
QUEUE = 5000
"""Most messages accepted and not yet written; above it `send` waits."""
FIRST_RETRY_S = 0.1
LONGEST_RETRY_S = 2.0
NOBODY_LISTENS_RETRY_S = 0.25

_Ack = tuple[int, mqtt5.PubAckReasonCode]

_ERRORS_FROM = 0x80
_NEVER = (
    mqtt5.PubAckReasonCode.NOT_AUTHORIZED,
    mqtt5.PubAckReasonCode.TOPIC_NAME_INVALID,
    mqtt5.PubAckReasonCode.PAYLOAD_FORMAT_INVALID,
)
_REFUSED_FOR_GOOD = frozenset({"BAD_USER_NAME_OR_PASSWORD", "NOT_AUTHORIZED", "CLIENT_ID_NOT_VALID", "BANNED"})


class Publishable(Protocol):
    """What a gateway can send."""

    @property
    def topic(self) -> str:
        """Topic to publish to."""
        ...

    @property
    def payload(self) -> bytes:
        """Payload, sent as it is."""
        ...


class Record(Protocol):
    """Who wants to know what became of the messages (the ledger, or a counter)."""

    def sent(self, message: Any, /) -> None:
        """Take a message that the broker has acknowledged."""
        ...

    def refused(self, message: Any, /) -> None:
        """Take a message that the broker will never have."""
        ...


@dataclass(slots=True)
class Parcel:
    """A message on its way; `acknowledged_at` is None until the broker first acknowledged it."""

    message: Publishable
    acknowledged_at: float | None = None


@dataclass(slots=True)
class Counts:
    """What a gateway has done."""

    acknowledged: int = 0
    resent: int = 0
    reconnects: int = 0
    unheard: int = 0
    """Acknowledged with "no matching subscribers" and tried again."""
    refused: int = 0
    """Given up: the broker will never take them (too large, not allowed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How careful a gateway is."""

    wait_for_subscriber: bool = True
    """Try again what nobody had subscribed to."""
    keep_s: float = KEEP_S


class Gateway:
    """Publishes in order, reconnects by itself; `record` hears of each message once, when its fate is known."""

    def __init__(self, broker: Broker, client_id: str, record: Record, policy: Policy | None = None) -> None:
        self.counts = Counts()
        self._broker = broker
        self._client_id = client_id
        self._record = record
        self._policy = policy or Policy()
        self._queue: deque[Parcel] = deque()
        self._flying: dict[int, Parcel] = {}
        self._kept: deque[Parcel] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._link: _Link | None = None
        self._window = WINDOW
        self._next_id = 1
        self._paused = False

    @property
    def is_connected(self) -> bool:
        """Whether the broker is reachable now."""
        return self._link is not None

    @property
    def pending(self) -> int:
        """Messages accepted and not acknowledged."""
        return len(self._queue) + len(self._flying)

    async def send(self, messages: Iterable[Publishable]) -> None:
        """Accept messages; waits while too many are unacknowledged (a slow or dead broker slows the sender down)."""
        await self._room.wait()
        self._queue.extend(Parcel(message) for message in messages)
        self._idle.clear()
        self._pump()

    async def drained(self) -> None:
        """Wait until everything accepted was acknowledged."""
        await self._idle.wait()

    async def run(self) -> None:
        """Stay connected until cancelled; raises `InvalidInput` when the broker will never have us."""
        wait_s = FIRST_RETRY_S
        try:
            while True:
                try:
                    await self._one_connection()
                    wait_s = FIRST_RETRY_S
                except (OSError, TimeoutError, Unavailable) as error:
                    log.debug("gateway_waits", gateway=self._client_id, error=str(error), wait_s=wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, LONGEST_RETRY_S)
        finally:
            if self._link is not None:
                self._link.close()
                self._link = None

    async def _one_connection(self) -> None:
        link = await _connect(self._broker, self._client_id, self._acknowledged)
        try:
            self._window = min(WINDOW, link.receive_max)
            self._resume()
            self._link = link
            self._pump()
            reason = await link.until_closed()
        finally:
            self._link = None
            link.close()
        self.counts.reconnects += 1
        log.warning("gateway_lost_broker", gateway=self._client_id, reason=reason, pending=self.pending)

    def _resume(self) -> None:
        """Put everything the broker may have forgotten before what it has never seen, in the order of its making."""
        again = [*self._kept, *self._flying.values()]
        self.counts.resent += len(again)
        self._kept.clear()
        self._flying.clear()
        self._queue.extendleft(reversed(again))
        if self._queue:
            self._idle.clear()

    def _pump(self) -> None:
        """Write as much as the window allows, in one go."""
        if self._link is None or self._paused:
            return
        frames: list[bytes] = []
        while self._queue and len(self._flying) < self._window:
            parcel = self._queue.popleft()
            message, packet_id = parcel.message, self._free_id()
            frame = mqtt5.PublishPacket(
                message.topic, message.payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id
            ).write()
            if len(frame) > self._link.max_packet_bytes:
                self._give_up(parcel, "larger than the broker takes")
                continue
            self._flying[packet_id] = parcel
            frames.append(frame)
        if frames:
            self._link.write(b"".join(frames))
        self._announce()

    def _acknowledged(self, acks: list[_Ack]) -> None:
        now = asyncio.get_running_loop().time()
        unheard: list[Parcel] = []
        for packet_id, code in acks:
            parcel = self._flying.pop(packet_id, None)
            if parcel is None:
                continue
            if code in _NEVER:
                self._give_up(parcel, code.name.lower().replace("_", " "))
                continue
            nobody = code == mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS and self._policy.wait_for_subscriber
            if nobody or int(code) >= _ERRORS_FROM:
                unheard.append(parcel)
                continue
            if parcel.acknowledged_at is None:
                self.counts.acknowledged += 1
                self._record.sent(parcel.message)
            parcel.acknowledged_at = now
            self._kept.append(parcel)
        while self._kept and (
            (self._kept[0].acknowledged_at or 0.0) < now - self._policy.keep_s or len(self._kept) > KEEP_MESSAGES
        ):
            self._kept.popleft()
        if unheard:
            self._try_again(unheard)
        self._pump()

    def _give_up(self, parcel: Parcel, reason: str) -> None:
        if self.counts.refused == 0:
            log.warning("gateway_refused", gateway=self._client_id, topic=parcel.message.topic, reason=reason)
        self.counts.refused += 1
        self._record.refused(parcel.message)

    def _try_again(self, parcels: list[Parcel]) -> None:
        """Put refused messages back in front and rest a moment."""
        self.counts.unheard += len(parcels)
        self._queue.extendleft(reversed(parcels))
        if not self._paused:
            self._paused = True
            asyncio.get_running_loop().call_later(NOBODY_LISTENS_RETRY_S, self._unpause)

    def _unpause(self) -> None:
        self._paused = False
        self._pump()

    def _announce(self) -> None:
        if len(self._queue) < QUEUE:
            self._room.set()
        else:
            self._room.clear()
        if self.pending == 0:
            self._idle.set()

    def _free_id(self) -> int:
        while self._next_id in self._flying:
            self._next_id = self._next_id % 65_535 + 1
        packet_id = self._next_id
        self._next_id = packet_id % 65_535 + 1
        return packet_id


@dataclass(slots=True)
class _Link(asyncio.Protocol):
    """The packets of one connection."""

    on_acks: Callable[[list[_Ack]], None]
    receive_max: int = 65_535
    max_packet_bytes: int = 268_435_455
    _buffer: bytearray = field(default_factory=bytearray)
    _transport: asyncio.Transport | None = None
    _heard: bool = False
    _closed: "asyncio.Future[str]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _connack: "asyncio.Future[mqtt5.ConnAckPacket]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def open(self, broker: Broker, client_id: str) -> None:
        """Say CONNECT; raises `Unavailable` or, for refusals that will not change, `InvalidInput`."""
        self.write(
            mqtt5.ConnectPacket(
                client_id,
                username=broker.username,
                password=broker.password.encode() if broker.password is not None else None,
                clean_start=True,
                keep_alive=KEEP_ALIVE_S,
            ).write()
        )
        connack = await self._connack
        if connack.reason_code.name in _REFUSED_FOR_GOOD:
            raise InvalidInput(f"the broker refuses {client_id}: {connack.reason_code.name.lower().replace('_', ' ')}")
        if connack.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            raise Unavailable(f"the broker is not ready: {connack.reason_code.name.lower()}")
        self.receive_max = connack.receive_max
        self.max_packet_bytes = connack.max_packet_size or self.max_packet_bytes

    async def until_closed(self) -> str:
        """Keep the connection alive; give the reason of its end."""
        while True:
            done, _ = await asyncio.wait([self._closed], timeout=KEEP_ALIVE_S / 2)
            if done:
                return self._closed.result()
            if not self._heard:
                self._end("nothing heard from the broker")
                continue
            self._heard = False
            self.write(mqtt5.PingReqPacket().write())

    def write(self, data: bytes) -> None:
        """Send bytes, unless the connection is ending."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Say goodbye and hang up."""
        self.write(mqtt5.DisconnectPacket().write())
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio.Protocol)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end (asyncio.Protocol); an error of our own, not the network's, goes on to whoever waits."""
        if exc is not None and not isinstance(exc, OSError) and not self._closed.done():
            self._closed.set_exception(exc)
        self._end(str(exc) if exc else "the broker closed the connection")

    def data_received(self, data: bytes) -> None:
        """Cut bytes into packets (asyncio.Protocol)."""
        self._heard = True
        self._buffer += data
        acks: list[_Ack] = []
        start = 0
        with memoryview(self._buffer) as view:
            while start < len(view):
                try:
                    packet, size = mqtt5.read(view[start:])
                except IndexError:  # the rest has not arrived
                    break
                except ValueError as error:
                    self._end(f"the broker sent what is not MQTT 5: {error}")
                    return
                start += size
                match packet:
                    case mqtt5.PubAckPacket():
                        acks.append((packet.packet_id, packet.reason_code))
                    case mqtt5.ConnAckPacket() if not self._connack.done():
                        self._connack.set_result(packet)
                    case mqtt5.DisconnectPacket():
                        self._end(f"the broker hung up: {packet.reason_code.name.lower().replace('_', ' ')}")
                    case _:
                        pass
        del self._buffer[:start]
        if acks:
            self.on_acks(acks)

    def _end(self, reason: str) -> None:
        if not self._closed.done():
            self._closed.set_result(reason)
        if not self._connack.done():
            self._connack.set_exception(Unavailable(reason))
            self._connack.exception()  # nobody waiting is no fault


async def _connect(broker: Broker, client_id: str, on_acks: Callable[[list[_Ack]], None]) -> _Link:
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context() if broker.tls else None
    async with asyncio.timeout(10):
        _, link = await loop.create_connection(lambda: _Link(on_acks), broker.host, broker.port, ssl=context)
        try:
            await link.open(broker, client_id)
        except BaseException:
            link.close()
            raise
    return link
