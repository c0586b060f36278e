"""Load for the ingest benchmark: a publisher and a bare reader that do as little as MQTT allows, on plain sockets.

All messages of a run have the same length, so packets are cut by arithmetic. Run as a program: see `main`.
"""

import json
import socket
import sys
import time
from collections.abc import Iterator

import mqtt5
import numpy as np
from numpy.typing import NDArray

from wire import broker as broker_address

CHANNELS = {"tilt_deg": 3.25, "water_m": 0.41, "ch4_pct_lel": 1.5, "battery_pct": 88.5}
IN_FLIGHT = 20_000

Table = NDArray[np.uint8]
Numbers = NDArray[np.int64]


def connect(url: str, client_id: str, receive_max: int = 65_535) -> socket.socket:
    """Open an MQTT 5 connection."""
    address = broker_address.parse(url)
    connection = socket.create_connection((address.host, address.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    password = address.password.encode() if address.password else None
    packet = mqtt5.ConnectPacket(
        client_id, username=address.username, password=password, clean_start=True, receive_max=receive_max
    )
    connection.sendall(packet.write())
    answer, _ = mqtt5.read(memoryview(connection.recv(1024)))
    assert isinstance(answer, mqtt5.ConnAckPacket)
    assert answer.reason_code == mqtt5.ConnAckReasonCode.SUCCESS, answer
    return connection


def template() -> bytes:
    """Give one PUBLISH packet; every message of a run is this one with other digits."""
    body = json.dumps({"ts": 10**12, "seq": 10**8, "values": CHANNELS}, separators=(",", ":")).encode()
    topic = "citygrid/v1/130203/manhole/MC-000000/telemetry"
    return mqtt5.PublishPacket(topic, body, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=1).write()


def messages(first: int, upto: int, devices: int, ts_ms: int) -> bytes:
    """Give the packets of messages `first` to `upto`, made without touching one in Python."""
    packet = template()
    number = np.arange(first, upto)
    table = np.tile(np.frombuffer(packet, dtype=np.uint8), (len(number), 1))
    _digits(table, packet.index(b"MC-") + 3, 6, number % devices + 1)
    _digits(table, packet.index(b'"ts":') + 5, 13, np.full(len(number), ts_ms))
    _digits(table, packet.index(b'"seq":') + 6, 9, 10**8 + number)
    packet_id = number % 65_535 + 1
    id_at = packet.index(b"/telemetry") + len("/telemetry")
    table[:, id_at], table[:, id_at + 1] = packet_id >> 8, packet_id & 255
    return table.tobytes()


def _digits(table: Table, start: int, width: int, number: Numbers) -> None:
    for place in range(width):
        table[:, start + width - 1 - place] = ord("0") + number // 10**place % 10


def publish(url: str, count: int, devices: int, rate: float) -> float:
    """Publish `count` messages, `rate` a second (0 = as fast as acknowledged), and give the seconds it took."""
    connection = connect(url, f"bench-publisher-{time.time_ns()}")
    started, acknowledged, sent, tail = time.perf_counter(), 0, 0, b""
    while acknowledged < count:
        allowed = min(count, acknowledged + IN_FLIGHT)
        if rate:
            allowed = min(allowed, int((time.perf_counter() - started) * rate) + 1)
        if allowed > sent:
            upto = min(allowed, sent + 2000)
            ts_ms = time.time_ns() // 1_000_000
            connection.settimeout(None)
            connection.sendall(messages(sent, upto, devices, ts_ms))
            sent = upto
        connection.settimeout(None if sent - acknowledged >= IN_FLIGHT or sent == count else 0.0005)
        try:
            data = tail + connection.recv(1 << 18)
        except (TimeoutError, BlockingIOError):
            continue
        acknowledged += len(data) // 4
        tail = data[len(data) - len(data) % 4 :]
    return time.perf_counter() - started


def read_bare(url: str, count: int) -> Iterator[float]:
    """Read `count` messages, acknowledging each at once: the limit of any consumer.

    Yields once when subscribed, then the seconds from the first to the last message.
    """
    connection = connect(url, "bench-bare-reader", receive_max=IN_FLIGHT)
    wanted = mqtt5.TopicFilter("citygrid/v1/#", max_qos=mqtt5.QoS.AT_LEAST_ONCE)
    connection.sendall(mqtt5.SubscribePacket(1, [wanted]).write())
    connection.recv(1024)
    yield 0.0
    received, rest, started = 0, b"", 0.0
    size, id_at = len(template()), template().index(b"/telemetry") + len("/telemetry")
    while received < count:
        data = rest + connection.recv(1 << 18)
        started = started or time.perf_counter()
        whole = len(data) // size
        table = np.frombuffer(data, dtype=np.uint8, count=whole * size).reshape(whole, size)
        acks = np.empty((whole, 4), dtype=np.uint8)
        acks[:, 0], acks[:, 1], acks[:, 2:] = 0x40, 0x02, table[:, id_at : id_at + 2]
        connection.sendall(acks.tobytes())
        received += whole
        rest = data[whole * size :]
    yield time.perf_counter() - started


def main() -> None:
    """`publish URL COUNT DEVICES RATE` or `bare URL COUNT`; prints seconds, one a line."""
    if sys.argv[1] == "publish":
        print(publish(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])), flush=True)
    else:
        for seconds in read_bare(sys.argv[2], int(sys.argv[3])):
            print(seconds, flush=True)


if __name__ == "__main__":
    main()
