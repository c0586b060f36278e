"""Records any feed from the broker to a file, and reads recordings back; plain or gzipped by the file's name."""

import asyncio
import contextlib
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

import aiomqtt

from core.errors import InvalidInput, Unavailable
from simulators import recording
from simulators.recording import Header, Recorded
from wire import topics
from wire.broker import Broker

FLUSH_EVERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to record where; `duration_s` None = until cancelled."""

    file: Path
    topic_filter: str
    started: datetime
    duration_s: float | None = None


async def record(broker: Broker, job: Job, on_message: Callable[[int], None] = lambda _: None) -> int:
    """Record until the duration is over or cancelled, and give how many messages; the file is whole either way.

    `on_message` hears 0 once the broker has subscribed us, then the count after each message.

    Raises: `Unavailable` when the broker refuses or goes away, after what was heard is safely in the file.
    """
    count = 0
    with _opened(job.file, "wb") as file:
        file.write(recording.header_line(Header(recording.VERSION, job.started, job.topic_filter)))
        try:
            async with _client(broker) as client:
                await client.subscribe(job.topic_filter, qos=1)
                on_message(0)
                clock = asyncio.get_running_loop().time
                start_s = clock()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(job.duration_s):
                        async for message in client.messages:
                            topic, payload = str(message.topic), message.payload
                            assert isinstance(payload, bytes)
                            if topics.is_said_to_a_device(topic):
                                continue  # a replay would say it again
                            file.write(recording.line(Recorded(clock() - start_s, topic, payload)))
                            count += 1
                            if count % FLUSH_EVERY == 0:
                                file.flush()
                            on_message(count)
        except aiomqtt.MqttError as error:
            raise Unavailable(f"the broker ended the recording after {count} messages: {error}") from error
    return count


def messages(file: Path) -> tuple[Header, Iterator[Recorded]]:
    """Give what a recording says about itself, and its messages; raises `InvalidInput` naming file and line."""
    if not file.is_file():
        raise InvalidInput(f"there is no recording {file}")
    stream = _opened(file, "rb")
    try:
        header = recording.read_header(stream.readline(), file.name)
    except OSError as error:  # gzip: not a gzipped file
        raise InvalidInput(f"{file} cannot be read: {error}") from error
    return header, _reading(stream, file.name)


def _reading(stream: BinaryIO, name: str) -> Iterator[Recorded]:
    with stream:
        yield from recording.read(stream, name)


def _opened(file: Path, mode: str) -> BinaryIO:
    if file.suffix == ".gz":
        return cast("BinaryIO", gzip.open(file, mode))  # GzipFile has all of BinaryIO that is used here
    return cast("BinaryIO", file.open(mode))  # the mode is always binary


def _client(broker: Broker) -> aiomqtt.Client:
    return aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_params=aiomqtt.TLSParameters() if broker.tls else None,
    )
