"""The load: a gateway's own MQTT connection on a plain socket, with a ledger of every message (a program; see `main`).

It behaves like our gateways: a message is made when it is due, whether or not the broker is there; what was not
acknowledged is sent again after a reconnection; with `--republish-s` so is what was acknowledged shortly before. A
message that no subscriber was there for counts as not acknowledged. Standard input takes `rate N`, `republish S`
and `stop`; at `stop` it makes no more, sends what is left, and ends when all is acknowledged.
"""

import argparse
import json
import os
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path
from urllib.parse import urlsplit

import mqtt5
import numpy as np

from tests.chaos.ledger import ACKNOWLEDGED_MS, MADE_MS, UNKNOWN_DEVICE, Ledger, Numbers, device, hundredths, is_bad

IDS = 65_536
CHUNK = 1000
RETRY_S = 0.2
NO_SUBSCRIBER = 0x10
PUBACK, PUBACK_BYTES = 0x40, 4
SEND_PATIENCE_S = 10.0


class Template:
    """One PUBLISH packet; every message is this one with other digits."""

    def __init__(self, suffix: str, version: int) -> None:
        body = b'{"ts":1000000000000,"seq":100000000,"values":{"tilt_deg":11.00,"water_m":0.41,"battery_pct":88.5}}'
        topic = f"citygrid/v1/130203/manhole/MC-000000/{suffix}".encode()
        properties = b"\x00" if version == 5 else b""
        rest = len(topic).to_bytes(2, "big") + topic + b"\x00\x00" + properties + body
        self.packet = bytes([0x32, len(rest) & 127 | 128, len(rest) >> 7]) + rest
        self.label_at = self.packet.index(b"MC-") + 3
        self.id_at = 3 + 2 + len(topic)
        self.ts_at = self.packet.index(b'"ts":') + 5
        self.seq_at = self.packet.index(b'"seq":') + 6
        self.tilt_at = self.packet.index(b"11.00")

    def packets(self, numbers: Numbers, made_ms: Numbers, ids: Numbers, devices: int) -> bytes:
        """Give the packets of messages, made without touching one in Python."""
        table = np.tile(np.frombuffer(self.packet, dtype=np.uint8), (len(numbers), 1))
        bad = is_bad(numbers)
        label = device(numbers, devices) + np.where(bad & (numbers % 2 == 1), UNKNOWN_DEVICE, 0)
        for start, width, number in (
            (self.label_at, 6, label),
            (self.ts_at, 13, made_ms),
            (self.seq_at, 9, numbers),
            (self.tilt_at + 3, 2, hundredths(numbers)),
        ):
            for place in range(width):
                table[:, start + width - 1 - place] = ord("0") + number // 10**place % 10
        table[bad & (numbers % 2 == 0), self.tilt_at] = ord("x")
        table[:, self.id_at], table[:, self.id_at + 1] = ids >> 8, ids & 255
        return table.tobytes()


class Publisher:
    """Makes messages at a rate, and gets each acknowledged."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.ledger = Ledger.create(options.ledger, options.first, options.devices)
        self.template = Template(options.suffix, options.mqtt)
        self.waiting: deque[Numbers] = deque()
        self.slots = np.full(IDS, -1, dtype=np.int64)
        self.slots[0] = -2  # no packet has the id 0
        self.flying = self.made = self.unheard = self.reconnects = self.repeated = 0
        self.unacknowledged = 0
        self.rate, self.rate_since, self.made_before = float(options.rate), time.monotonic(), 0
        self.stopping = False
        self.socket: socket.socket | None = None
        self.rest = b""

    def run(self) -> None:
        """Publish until everything made is acknowledged after `stop`."""
        while not (self.stopping and not self.unacknowledged and not self.flying and not self.waiting):
            self.listen()
            self.make()
            try:
                if self.socket is None:
                    self.connect()
                self.send()
                self.receive()
            except OSError:
                self.lose()
        if self.socket is not None:
            self.socket.close()

    def listen(self) -> None:
        """Do what standard input says."""
        if not select.select([sys.stdin], [], [], 0)[0]:
            return
        said = os.read(sys.stdin.fileno(), 4096)
        self.stopping |= not said  # whoever started us is gone
        for line in said.decode().splitlines():
            word, _, value = line.partition(" ")
            if word == "rate":
                self.rate, self.rate_since, self.made_before = float(value), time.monotonic(), self.made
            elif word == "republish":
                self.repeat(time.time() - float(value))
            elif word == "stop":
                self.stopping = True

    def make(self) -> None:
        """Make the messages that are due; at rate 0 as many as there is room for."""
        if self.stopping:
            return
        due = self.made + max(self.options.window - self.unacknowledged, 0)
        if self.rate:
            due = self.made_before + int((time.monotonic() - self.rate_since) * self.rate)
        due = min(due, self.made + 10 * CHUNK, self.options.count or due)
        if due > self.made:
            places = np.arange(self.made, due)
            self.ledger.rows[places, MADE_MS] = self.dates(places)
            self.waiting.append(places)
            self.unacknowledged += len(places)
            self.made = due
        self.stopping |= bool(self.options.count) and self.made >= self.options.count

    def dates(self, places: Numbers) -> Numbers:
        """When messages were measured: now, or spread over `--backdate-s` for a burst that was stored before."""
        now_ms = time.time_ns() // 1_000_000
        if not self.options.backdate_s:
            return np.full(len(places), now_ms)
        share = places / self.options.count
        return now_ms - ((1 - share) * self.options.backdate_s * 1000).astype(np.int64)

    def send(self) -> None:
        """Send what waits, as far as the window allows."""
        assert self.socket is not None
        while self.waiting and self.flying < self.options.window:
            places = self.waiting.popleft()
            size = min(CHUNK, self.options.window - self.flying)
            if len(places) > size:
                self.waiting.appendleft(places[size:])
                places = places[:size]
            ids = np.flatnonzero(self.slots == -1)[: len(places)]
            self.slots[ids] = places
            self.flying += len(places)
            made_ms = self.ledger.rows[places, MADE_MS]
            self.socket.settimeout(SEND_PATIENCE_S)
            self.socket.sendall(self.template.packets(places + self.ledger.first, made_ms, ids, self.options.devices))

    def receive(self) -> None:
        """Take acknowledgements."""
        assert self.socket is not None
        self.socket.settimeout(0.002)
        try:
            data = self.socket.recv(1 << 18)
        except TimeoutError:
            return
        if not data:
            self.lose()
            return
        data = self.rest + data
        whole = len(data) - len(data) % PUBACK_BYTES
        table = np.frombuffer(data[:whole], dtype=np.uint8).reshape(-1, PUBACK_BYTES)
        if np.all(table[:, 0] == PUBACK) and np.all(table[:, 1] == 2):
            self.acknowledge((table[:, 2].astype(np.int64) << 8) + table[:, 3])
            self.rest = data[whole:]
            return
        start = 0
        while len(data) - start >= 2 and len(data) - start >= 2 + data[start + 1]:
            kind, size = data[start], data[start + 1]
            body = data[start + 2 : start + 2 + size]
            if kind == PUBACK:
                packet_id = np.array([int.from_bytes(body[:2], "big")])
                reason = body[2] if size > 2 else 0
                self.acknowledge(packet_id, accepted=reason < 0x80 and reason != NO_SUBSCRIBER)
            start += 2 + size
        self.rest = data[start:]

    def acknowledge(self, ids: Numbers, *, accepted: bool = True) -> None:
        """Note what the broker said of packets."""
        places = self.slots[ids]
        ids, places = ids[places >= 0], places[places >= 0]
        self.slots[ids] = -1
        self.flying -= len(ids)
        if not accepted:
            self.unheard += len(ids)
            self.waiting.append(places)
            return
        fresh = places[self.ledger.rows[places, ACKNOWLEDGED_MS] == 0]
        self.ledger.rows[fresh, ACKNOWLEDGED_MS] = time.time_ns() // 1_000_000
        self.unacknowledged -= len(fresh)

    def lose(self) -> None:
        """Take back what was on its way; in front of it, what was acknowledged shortly before the loss."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
            self.reconnects += 1
            back = np.sort(self.slots[self.slots >= 0])
            self.slots[1:] = -1
            self.flying, self.rest = 0, b""
            if len(back):
                self.waiting.appendleft(back)
            if self.options.republish_s:
                self.repeat(time.time() - self.options.republish_s)
        time.sleep(RETRY_S)

    def repeat(self, since_s: float) -> None:
        """Send again what was acknowledged after `since_s`."""
        rows = self.ledger.rows[: self.made, ACKNOWLEDGED_MS]
        again = np.flatnonzero(rows > since_s * 1000)
        self.repeated += len(again)
        if len(again):
            self.waiting.appendleft(again)

    def connect(self) -> None:
        """Open the connection; raises `OSError` when the broker is not there or refuses."""
        address = urlsplit(self.options.url)
        opened = socket.create_connection((address.hostname or "", address.port or 1883), timeout=2)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            opened.sendall(self.greeting(address.username, address.password))
            answer = opened.recv(1024)
        except OSError:
            opened.close()
            raise
        if len(answer) < 4 or answer[0] != 0x20 or answer[3] != 0:
            opened.close()
            raise ConnectionError(f"the broker refused us: {answer!r}")
        self.socket = opened

    def greeting(self, username: str | None, password: str | None) -> bytes:
        """Give CONNECT."""
        name = f"chaos-{os.getpid()}"
        packet = mqtt5.ConnectPacket(
            name,
            username=username,
            password=password.encode() if password else None,
            clean_start=True,
            keep_alive=0,
            receive_max=65_535,
        ).write()
        if self.options.mqtt == 5:
            return packet
        login = [part.encode() for part in (username, password) if part]
        flags = 0x02 | (0xC0 if len(login) == 2 else 0)
        parts = b"".join(len(part).to_bytes(2, "big") + part for part in (name.encode(), *login))
        rest = b"\x00\x04MQTT\x04" + bytes([flags]) + b"\x00\x00" + parts
        return bytes([0x10, len(rest)]) + rest


def main() -> None:
    """Publish; the last line of output is one of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--first", type=int, required=True, help="number of the first message")
    parser.add_argument("--devices", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="messages a second; 0 = as fast as acknowledged")
    parser.add_argument("--count", type=int, default=0, help="messages to make; 0 = until told to stop")
    parser.add_argument("--backdate-s", type=float, default=0, help="spread the dates over the last seconds")
    parser.add_argument("--republish-s", type=float, default=0, help="after a loss send again what is this young")
    parser.add_argument("--window", type=int, default=10_000, help="most messages unacknowledged")
    parser.add_argument("--suffix", default="telemetry", help="last part of the topic")
    parser.add_argument("--mqtt", type=int, choices=(4, 5), default=5, help="4 = MQTT 3.1.1")
    publisher = Publisher(parser.parse_args())
    publisher.run()
    print(
        json.dumps(
            {
                "made": publisher.made,
                "acknowledged": publisher.ledger.acknowledged(),
                "unheard": publisher.unheard,
                "reconnects": publisher.reconnects,
                "repeated": publisher.repeated,
            }
        )
    )


if __name__ == "__main__":
    main()
