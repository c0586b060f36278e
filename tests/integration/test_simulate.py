"""Gateways, recorder and replay against the real broker."""

import asyncio
import gzip
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import pytest

from core.errors import InvalidInput
from simulators import recorder
from simulators.feed import Message
from simulators.gateway import Gateway, Policy
from simulators.publisher import Outlet
from simulators.recorder import Job
from simulators.replay import Timing, replay
from wire import broker as brokers

pytestmark = pytest.mark.services


@dataclass
class Record:
    done: list[Message] = field(default_factory=list)
    no: list[Message] = field(default_factory=list)

    def sent(self, message: Message) -> None:
        self.done.append(message)

    def refused(self, message: Message) -> None:
        self.no.append(message)


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


def _messages(prefix: str, count: int) -> list[Message]:
    body = '{"ts":1795320000%03d,"seq":%d,"origin":"simulated","values":{"tilt_deg":3.20}}'
    return [Message(f"{prefix}/{n % 7}", (body % (n % 1000, n)).encode(), n % 7, n, n, "") for n in range(count)]


@asynccontextmanager
async def _heard(url: str, topic: str) -> AsyncIterator[asyncio.Queue[tuple[str, bytes]]]:
    """Listen to a topic; what comes is put into the queue."""
    heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    address = brokers.parse(url)
    async with aiomqtt.Client(
        address.host, address.port, username=address.username, password=address.password
    ) as client:
        await client.subscribe(topic, qos=1)

        async def listen() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                await heard.put((str(message.topic), message.payload))

        task = asyncio.create_task(listen())
        yield heard
        task.cancel()


@asynccontextmanager
async def _flaky(url: str, *, cuts: int, after_bytes: int) -> AsyncIterator[brokers.Broker]:
    """Give the address of a proxy in front of the broker; it cuts its first `cuts` connections after some bytes."""
    target = brokers.parse(url)
    left = [cuts]
    busy: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: float) -> None:
        passed = 0
        while passed < limit and (data := await reader.read(4096)):
            passed += len(data)
            writer.write(data)
            await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(target.host, target.port)
        limit = after_bytes if left[0] > 0 else float("inf")
        left[0] -= 1
        ways = {asyncio.create_task(pipe(reader, back, limit)), asyncio.create_task(pipe(there, writer, float("inf")))}
        busy.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        writer.transport.abort()
        back.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield brokers.Broker(host="127.0.0.1", port=port, username=target.username, password=target.password, tls=False)
    server.close()
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)


async def test_every_message_is_acknowledged_once_and_arrives_in_order(broker: str, prefix: str) -> None:
    record, messages = Record(), _messages(prefix, 3000)
    gateway = Gateway(brokers.parse(broker), prefix, record)
    async with _heard(broker, f"{prefix}/#") as heard:
        link = asyncio.create_task(gateway.run())
        await gateway.send(messages)
        async with asyncio.timeout(30):
            await gateway.drained()
            arrived = [await heard.get() for _ in messages]
        link.cancel()

    assert record.done == messages
    assert arrived == [(message.topic, message.payload) for message in messages]


async def test_cut_connections_lose_nothing(broker: str, prefix: str) -> None:
    record, messages = Record(), _messages(prefix, 4000)
    async with _flaky(broker, cuts=5, after_bytes=60_000) as address, _heard(broker, f"{prefix}/#") as heard:
        gateway = Gateway(address, prefix, record)
        link = asyncio.create_task(gateway.run())
        await gateway.send(messages)
        arrived: set[bytes] = set()
        async with asyncio.timeout(60):
            await gateway.drained()
            while len(arrived) < len(messages):
                arrived.add((await heard.get())[1])
        link.cancel()

    assert len(record.done) == len(messages)
    assert arrived == {message.payload for message in messages}
    assert gateway.counts.reconnects == 5


async def test_what_nobody_listens_to_is_tried_until_somebody_does(broker: str, prefix: str) -> None:
    record, messages = Record(), _messages(prefix, 10)
    gateway = Gateway(brokers.parse(broker), prefix, record)
    link = asyncio.create_task(gateway.run())
    await gateway.send(messages)
    async with asyncio.timeout(30):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gateway.drained(), 0.5)
        assert record.done == []
        assert gateway.counts.unheard
        async with _heard(broker, f"{prefix}/#") as heard:
            await gateway.drained()
            arrived = {(await heard.get())[1] for _ in messages}
    link.cancel()

    assert arrived == {message.payload for message in messages}


async def test_a_wrong_password_is_said_at_once_and_not_tried_for_ever(broker: str, prefix: str) -> None:
    address = brokers.parse(broker)
    if address.username is None:
        pytest.skip("this broker takes everybody")
    wrong = brokers.Broker(host=address.host, port=address.port, username="nobody", password="x", tls=False)

    with pytest.raises(InvalidInput, match="refuses"):
        async with asyncio.timeout(10):
            await Gateway(wrong, prefix, Record()).run()


async def _record(broker: str, prefix: str, file: Path, messages: list[Message]) -> None:
    """Record what is published while the recorder listens."""
    heard: asyncio.Queue[int] = asyncio.Queue()
    job = Job(file=file, topic_filter=f"{prefix}/#", started=datetime.fromtimestamp(1_795_320_000, tz=UTC))
    recording = asyncio.create_task(recorder.record(brokers.parse(broker), job, heard.put_nowait))
    gateway = Gateway(brokers.parse(broker), f"{prefix}-out", Record())
    link = asyncio.create_task(gateway.run())
    async with asyncio.timeout(30):
        assert await heard.get() == 0
        await gateway.send(messages)
        while await heard.get() < len(messages):
            continue
    for task in (recording, link):
        task.cancel()
    await asyncio.gather(recording, link, return_exceptions=True)


async def _replayed(broker: str, prefix: str, file: Path, timing: Timing, count: int) -> list[tuple[str, bytes]]:
    async with _heard(broker, f"{prefix}/#") as heard:
        gateway = Gateway(brokers.parse(broker), f"{prefix}-again", Record(), Policy(wait_for_subscriber=False))
        link = asyncio.create_task(gateway.run())
        async with asyncio.timeout(30):
            header, recorded = recorder.messages(file)
            await replay(header, recorded, Outlet(gateways={"": gateway}), timing)
            arrived = [await heard.get() for _ in range(count)]
        link.cancel()
    return arrived


@pytest.mark.parametrize("name", ["feed.ndjson", "feed.ndjson.gz"])
async def test_a_replay_as_it_was_differs_only_in_its_origin(
    broker: str, prefix: str, tmp_path: Path, name: str
) -> None:
    messages = [*_messages(prefix, 50), Message(f"{prefix}/raw", b"\x00\xff", 0, 0, 0, "")]
    await _record(broker, prefix, tmp_path / name, messages)

    timing = Timing(speed=100, is_shifted=False, start_epoch_ms=0)
    arrived = await _replayed(broker, prefix, tmp_path / name, timing, len(messages))

    assert arrived == [(m.topic, m.payload.replace(b'"simulated"', b'"replayed"')) for m in messages]


async def test_a_shifted_replay_follows_the_clock_at_its_speed(broker: str, prefix: str, tmp_path: Path) -> None:
    messages = _messages(prefix, 20)  # dated 0 to 19 ms after the recording's start
    file = tmp_path / "feed.ndjson"
    await _record(broker, prefix, file, messages)

    start_ms = round(time.time() * 1000)
    timing = Timing(speed=10, is_shifted=True, start_epoch_ms=start_ms)
    arrived = await _replayed(broker, prefix, file, timing, len(messages))

    assert [json.loads(payload)["ts"] for _, payload in arrived] == [start_ms + round(n / 10) for n in range(20)]


def test_a_file_that_is_not_gzip_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "x.gz"
    file.write_bytes(b"plain text\n")

    with pytest.raises(InvalidInput, match=r"x\.gz"):
        recorder.messages(file)


def test_a_gzipped_recording_is_really_compressed(tmp_path: Path) -> None:
    file = tmp_path / "x.gz"
    file.write_bytes(gzip.compress(b'{"recording":1,"started":"2026-11-22T04:00:00Z","filter":"#"}\n'))

    header, messages = recorder.messages(file)

    assert (header.filter, list(messages)) == ("#", [])
