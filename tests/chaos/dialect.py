"""MQTT 5 on our side, MQTT 3.1.1 on the broker's: lets ingest speak with Debian 12's RabbitMQ, which knows no MQTT 5.

It keeps nothing and acknowledges nothing: each packet is rewritten and handed on, packet ids unchanged, so what is
shown of exactly-once through it is shown of ingest and the broker.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator

from tests.own_services import free_port

READ_BYTES = 1 << 18
NOT_AUTHORIZED = 0x87


def packet(first: int, rest: bytes) -> bytes:
    """Give a packet with its length."""
    length, size = b"", len(rest)
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (128 if size else 0)])
        if not size:
            return bytes([first]) + length + rest


def cut(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take whole packets off the front: first byte and body."""
    start = 0
    while True:
        at, size, shift = start + 1, 0, 0
        while at < len(buffer) and buffer[at] & 128:
            size |= (buffer[at] & 127) << shift
            at, shift = at + 1, shift + 7
        if at >= len(buffer):
            break
        size |= buffer[at] << shift
        if len(buffer) < at + 1 + size:
            break
        yield buffer[start], bytes(buffer[at + 1 : at + 1 + size])
        start = at + 1 + size
    del buffer[:start]


def older(first: int, body: bytes) -> bytes:
    """Rewrite what ingest says."""
    match first >> 4:
        case 1:  # CONNECT; our properties are shorter than 128 bytes
            return packet(first, body[:6] + b"\x04" + body[7:10] + body[11 + body[10] :])
        case 4:  # PUBACK
            return packet(first, body[:2])
        case 8:  # SUBSCRIBE
            start, filters = 3 + body[2], b""
            while start < len(body):
                size = int.from_bytes(body[start : start + 2], "big")
                filters += body[start : start + 2 + size] + bytes([body[start + 2 + size] & 3])
                start += 3 + size
            return packet(first, body[:2] + filters)
        case 14:  # DISCONNECT
            return packet(first, b"")
        case _:
            return packet(first, body)


def newer(first: int, body: bytes) -> bytes:
    """Rewrite what the broker says."""
    match first >> 4:
        case 2:  # CONNACK
            return packet(first, bytes([body[0], NOT_AUTHORIZED if body[1] else 0, 0]))
        case 3:  # PUBLISH
            end = 2 + int.from_bytes(body[:2], "big") + (2 if first & 6 else 0)
            return packet(first, body[:end] + b"\x00" + body[end:])
        case 9:  # SUBACK
            return packet(first, body[:2] + b"\x00" + body[2:])
        case _:
            return packet(first, body)


class Dialect:
    """Listens on `port` for MQTT 5 and speaks MQTT 3.1.1 to 127.0.0.1:`target`."""

    def __init__(self, target: int) -> None:
        self.port, self.target = free_port(), target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dialect", daemon=True)

    def begin(self) -> None:
        """Listen."""
        self._thread.start()
        started = asyncio.start_server(self._serve, "127.0.0.1", self.port)
        asyncio.run_coroutine_threadsafe(started, self._loop).result()

    def end(self) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    def _stop(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(0.1, self._loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_pump(reader, up_writer, older), _pump(up_reader, writer, newer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            up_writer.transport.abort()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rewrite: Callable[[int, bytes], bytes]
) -> None:
    async for said in _packets(reader):
        writer.write(b"".join(rewrite(first, body) for first, body in said))
        await writer.drain()
    raise ConnectionError("closed")


async def _packets(reader: asyncio.StreamReader) -> AsyncIterator[list[tuple[int, bytes]]]:
    buffer = bytearray()
    while data := await reader.read(READ_BYTES):
        buffer += data
        yield list(cut(buffer))


@contextlib.contextmanager
def translated(target: int) -> Iterator[int]:
    """Give the port of a running translator."""
    dialect = Dialect(target)
    dialect.begin()
    try:
        yield dialect.port
    finally:
        dialect.end()
