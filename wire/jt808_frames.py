"""JT/T 808 below its messages: frames in a byte stream, escapes, checksum, header of 2013 and 2019, our replies. Pure.

Source: JT/T 808-2011/2013 and -2019, chapter 4; checked against the published frames of yezhihao/jt808-server.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce
from operator import xor

from core.errors import InvalidInput

FLAG = 0x7E
FRAME_LIMIT_BYTES = 2100
"""Nothing between two flags is longer: 1,023 bytes of body, 21 of header, the checksum, all of it escaped."""
PARTS_LIMIT = 62
"""Most parts of one message: some 64 kB, so that a refused one is kept whole as a dead letter. Our choice."""

_ESCAPE = 0x7D
_ESCAPED = {0x01: 0x7D, 0x02: 0x7E}
_BODY_LENGTH = 0x03FF
_ENCRYPTED = 0x1C00
_IN_PARTS = 0x2000
_VERSIONED = 0x4000


class MessageId(IntEnum):
    """The messages we know."""

    HEARTBEAT = 0x0002
    TERMINAL_REPLY = 0x0001
    LOGOUT = 0x0003
    REGISTER = 0x0100
    AUTHENTICATE = 0x0102
    LOCATION = 0x0200
    LOCATIONS = 0x0704
    GENERAL_REPLY = 0x8001
    REGISTRATION_REPLY = 0x8100


class Result(IntEnum):
    """What the general reply says of a message."""

    DONE = 0
    FAILED = 1
    WRONG = 2
    NOT_SUPPORTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A checked frame; one message, or one part of a message."""

    message_id: int
    phone: str
    """Digits without the zeros in front, so that both versions name a terminal alike."""
    serial: int
    version: int | None
    """None = 2013 and before, which have no version byte."""
    parts: int
    part: int
    """From 1."""
    encrypted: bool
    body: bytes
    raw: bytes
    """Header and body as received, without escapes and checksum."""

    @property
    def first_serial(self) -> int:
        """Serial of the message's first part: with the id it tells messages of a terminal apart."""
        return (self.serial - self.part + 1) & 0xFFFF


class Splitter:
    """Cuts a stream into what stands between flags; holds back at most one unfinished frame."""

    def __init__(self) -> None:
        self.noise_bytes = 0
        """Thrown away: before the first flag, or longer than any frame."""
        self._rest = bytearray()
        self._in_frame = False

    def feed(self, data: bytes) -> list[bytes]:
        """Give the frames that `data` completes, still escaped, without flags; never empty ones."""
        head, *tail = data.split(bytes([FLAG]))
        self._keep(head)
        frames: list[bytes] = []
        for piece in tail:
            if self._in_frame and self._rest:
                frames.append(bytes(self._rest))
            self._rest.clear()
            self._in_frame = True
            self._keep(piece)
        return frames

    def _keep(self, piece: bytes) -> None:
        if not self._in_frame:
            self.noise_bytes += len(piece)
        elif len(self._rest) + len(piece) > FRAME_LIMIT_BYTES:
            self.noise_bytes += len(self._rest) + len(piece)
            self._rest.clear()
            self._in_frame = False
        else:
            self._rest += piece


def escape(data: bytes) -> bytes:
    """Give bytes in which the flag does not occur."""
    return data.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def unescape(data: bytes) -> bytes:
    """Undo `escape`; raises `InvalidInput` on an escape that stands for nothing."""
    first, *rest = data.split(bytes([_ESCAPE]))
    pieces = [first]
    for piece in rest:
        if not piece or piece[0] not in _ESCAPED:
            raise InvalidInput("7d is followed by neither 01 nor 02")
        pieces += [bytes([_ESCAPED[piece[0]]]), piece[1:]]
    return b"".join(pieces)


def checksum(data: bytes) -> int:
    """Give the XOR of all bytes."""
    return reduce(xor, data, 0)


def open_frame(escaped: bytes) -> tuple[Frame, bool]:
    """Give what stood between two flags, and whether its checksum is right; raises `InvalidInput` without a header."""
    plain = unescape(escaped)
    if len(plain) < 2:
        raise InvalidInput("too short for a frame")
    frame, size = _read(plain[:-1])
    if size != len(plain) - 1:
        raise InvalidInput(f"the header says {size} bytes, {len(plain) - 1} came")
    return frame, checksum(plain[:-1]) == plain[-1]


def read_message(payload: bytes) -> Frame:
    """Give the message of one checked frame, or of the frames of all its parts one after the other, in order."""
    frames: list[Frame] = []
    start = 0
    while start < len(payload) or not frames:
        frame, size = _read(payload[start:])
        frames.append(frame)
        start += size
    first = frames[0]
    if [one.part for one in frames] != list(range(1, first.parts + 1)):
        raise InvalidInput(f"{len(frames)} frames are not the {first.parts} parts of a message in order")
    if any(one.message_id != first.message_id or one.phone != first.phone for one in frames):
        raise InvalidInput("parts of different messages")
    if first.parts == 1:
        return first
    return Frame(
        message_id=first.message_id,
        phone=first.phone,
        serial=first.serial,
        version=first.version,
        parts=1,
        part=1,
        encrypted=any(one.encrypted for one in frames),
        body=b"".join(one.body for one in frames),
        raw=payload,
    )


def _read(data: bytes) -> tuple[Frame, int]:
    """Give the frame that `data` begins with, and its length."""
    try:
        message_id, properties = struct.unpack_from(">HH", data)
        versioned = bool(properties & _VERSIONED)
        version = data[4] if versioned else None
        start, digits = (5, 10) if versioned else (4, 6)
        (serial,) = struct.unpack_from(">H", data, start + digits)
        body_at = start + digits + 2
        parts, part = 1, 1
        if properties & _IN_PARTS:
            parts, part = struct.unpack_from(">HH", data, body_at)
            body_at += 4
    except (struct.error, IndexError):
        raise InvalidInput(f"{len(data)} bytes are too short for a header") from None
    size = body_at + (properties & _BODY_LENGTH)
    if len(data) < size:
        raise InvalidInput(f"the header says {size} bytes, {len(data)} came")
    if not 1 <= part <= parts <= PARTS_LIMIT:
        raise InvalidInput(f"part {part} of {parts}")
    return Frame(
        message_id=message_id,
        phone=bcd(data[start : start + digits]).lstrip("0") or "0",
        serial=serial,
        version=version,
        parts=parts,
        part=part,
        encrypted=bool(properties & _ENCRYPTED),
        body=bytes(data[body_at:size]),
        raw=bytes(data[:size]),
    ), size


def bcd(data: bytes) -> str:
    """Give the digits of binary-coded decimals; raises `InvalidInput` when one is no digit."""
    digits = data.hex()
    if not digits.isdigit():
        raise InvalidInput(f"{digits} are no decimal digits")
    return digits


def write_frame(  # the fields of a header, in its order
    message_id: int, version: int | None, phone: str, serial: int, body: bytes, part: tuple[int, int] = (1, 1)
) -> bytes:
    """Give a frame with flags, escapes and checksum; `part` = (of how many, which from 1)."""
    if len(body) > _BODY_LENGTH:
        raise InvalidInput(f"a frame's body has at most {_BODY_LENGTH} bytes, not {len(body)}")
    properties = len(body) | (0 if version is None else _VERSIONED) | (_IN_PARTS if part[0] > 1 else 0)
    header = struct.pack(">HH", message_id, properties)
    header += bytes.fromhex(phone.zfill(12)) if version is None else bytes([version]) + bytes.fromhex(phone.zfill(20))
    header += struct.pack(">H", serial)
    if part[0] > 1:
        header += struct.pack(">HH", *part)
    plain = header + body
    return b"\x7e" + escape(plain + bytes([checksum(plain)])) + b"\x7e"


def general_reply(to: Frame, serial: int, result: Result) -> bytes:
    """Give the frame that tells a terminal what became of its message (0x8001)."""
    body = struct.pack(">HHB", to.serial, to.message_id, result)
    return write_frame(MessageId.GENERAL_REPLY, to.version, to.phone, serial, body)


def registration_reply(to: Frame, serial: int, code: str) -> bytes:
    """Give the frame that accepts a registration (0x8100) with the code to authenticate by."""
    body = struct.pack(">HB", to.serial, 0) + code.encode("ascii")
    return write_frame(MessageId.REGISTRATION_REPLY, to.version, to.phone, serial, body)


def authentication_code(message: Frame) -> str:
    """Give the code in an authentication (0x0102); 2019 puts its length before it and IMEI and software behind."""
    body = message.body
    if message.version is not None and body and body[0] < len(body):
        body = body[1 : 1 + body[0]]
    return body.decode("ascii", errors="replace")


class Parts:
    """Collects the parts of messages; bounded: the oldest unfinished message is forgotten first."""

    def __init__(self, messages: int = 2) -> None:
        self.forgotten = 0
        self._most = messages
        self._of: dict[tuple[str, int, int], dict[int, Frame]] = {}

    def add(self, frame: Frame) -> Sequence[Frame]:
        """Give all parts in order when `frame` completes its message, else nothing."""
        if frame.parts == 1:
            return (frame,)
        key = (frame.phone, frame.message_id, frame.first_serial)
        parts = self._of.setdefault(key, {})
        parts[frame.part] = frame
        if len(parts) < frame.parts:
            while len(self._of) > self._most:
                del self._of[next(iter(self._of))]
                self.forgotten += 1
            return ()
        del self._of[key]
        return tuple(parts[number] for number in sorted(parts))
