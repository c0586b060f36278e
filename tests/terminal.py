"""What stands outside the bridges: a JT/T 808 terminal that talks over TCP, and the bytes of a GTFS-Realtime feed."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from wire import jt808_frames, protobuf
from wire.jt808_frames import Frame, MessageId, Result, Splitter

ANSWER_S = 20


def report(
    *,
    lat: float = 39.64,
    lon: float = 118.1975,
    speed: int = 365,
    time: str = "261122120000",
    alarms: int = 0,
    status: int = 3,
) -> bytes:
    """The body of a location report (0x0200); `speed` in 0.1 km/h, `time` YYMMDDhhmmss in China."""
    numbers = (alarms, status, round(lat * 1e6), round(lon * 1e6), 25, speed, 90)
    return struct.pack(">IIIIHHH", *numbers) + bytes.fromhex(time)


def batch(reports: Sequence[bytes]) -> bytes:
    """The body of a batch (0x0704)."""
    return struct.pack(">HB", len(reports), 1) + b"".join(struct.pack(">H", len(one)) + one for one in reports)


def feed(timestamp_s: int = 0, **vehicles: tuple[float, float]) -> bytes:
    """A FeedMessage; each vehicle's name and (latitude, longitude), all at `timestamp_s`."""
    header = protobuf.field(1, b"2.0") + b"\x18" + _varint(timestamp_s)
    entities = [protobuf.field(2, _vehicle(name, *place)) for name, place in vehicles.items()]
    return protobuf.field(1, header) + b"".join(entities)


def _vehicle(name: str, lat: float, lon: float) -> bytes:
    position = b"\x0d" + struct.pack("<f", lat) + b"\x15" + struct.pack("<f", lon) + b"\x2d" + struct.pack("<f", 10)
    vehicle = protobuf.field(2, position) + protobuf.field(8, protobuf.field(1, name.encode()))
    return protobuf.field(1, name.encode()) + protobuf.field(4, vehicle)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@dataclass
class Terminal:
    """One side of a conversation."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    phone: str
    version: int | None = None
    serial: int = 0
    splitter: Splitter = field(default_factory=Splitter)
    received: list[Frame] = field(default_factory=list)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def heard(self) -> Frame:
        """The next frame from the platform."""
        async with asyncio.timeout(ANSWER_S):
            while not self.received:
                data = await self.reader.read(4096)
                assert data, "the platform hung up"
                for escaped in self.splitter.feed(data):
                    frame, is_whole = jt808_frames.open_frame(escaped)
                    assert is_whole
                    self.received.append(frame)
        return self.received.pop(0)

    async def ask(self, message_id: int, body: bytes, *, spoil_checksum: bool = False) -> Result:
        """Send a message and give the result in the general reply to it."""
        self.serial += 1
        frame = bytearray(jt808_frames.write_frame(message_id, self.version, self.phone, self.serial, body))
        if spoil_checksum:
            frame[-2] = 0x55 if frame[-2] != 0x55 else 0x56
        await self.send(bytes(frame))
        return await self._result(message_id, self.serial)

    async def ask_in_parts(self, message_id: int, body: bytes, part_bytes: int) -> list[Result]:
        pieces = [body[at : at + part_bytes] for at in range(0, len(body), part_bytes)]
        first = self.serial + 1
        for number, piece in enumerate(pieces):
            part = (len(pieces), number + 1)
            await self.send(jt808_frames.write_frame(message_id, self.version, self.phone, first + number, piece, part))
        self.serial += len(pieces)
        return [await self._result(message_id, first + number) for number in range(len(pieces))]

    async def _result(self, message_id: int, serial: int) -> Result:
        frame = await self.heard()
        assert frame.message_id == MessageId.GENERAL_REPLY
        answered_serial, answered_id, result = struct.unpack(">HHB", frame.body)
        assert (answered_serial, answered_id) == (serial, message_id)
        return Result(result)

    async def register(self) -> bytes:
        """Register and give the authentication code."""
        self.serial += 1
        await self.send(
            jt808_frames.write_frame(MessageId.REGISTER, self.version, self.phone, self.serial, b"\x00" * 37)
        )
        frame = await self.heard()
        assert frame.message_id == MessageId.REGISTRATION_REPLY
        assert frame.body[:3] == struct.pack(">HB", self.serial, 0)
        return frame.body[3:]

    async def sign_on(self) -> None:
        code = await self.register()
        body = code if self.version is None else bytes([len(code)]) + code + b"8" * 15 + b"v1".ljust(20, b"\x00")
        assert await self.ask(MessageId.AUTHENTICATE, body) == Result.DONE


@asynccontextmanager
async def connected(port: int, phone: str, version: int | None = None) -> AsyncIterator[Terminal]:
    """A terminal with a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield Terminal(reader, writer, phone, version)
    writer.close()
    await writer.wait_closed()
