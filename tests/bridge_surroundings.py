"""Around the bridges: a broker to listen to, one that keeps all it is given, and a bridge as an operator starts it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiomqtt

from runtime.bridges.outlet import Outlet
from wire import broker as broker_address

DEADLINE_S = 20


@asynccontextmanager
async def running(outlet: Outlet) -> AsyncIterator[Outlet]:
    task = asyncio.create_task(outlet.run())
    yield outlet
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def listening(broker: str, topic: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """The payloads of a topic, as ingest would get them."""
    address = broker_address.parse(broker)
    async with aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as client:
        await client.subscribe(topic, qos=1)

        async def payloads() -> AsyncIterator[bytes]:
            async for message in client.messages:
                yield bytes(message.payload)

        yield payloads()


@dataclass
class Kept:
    """A broker that keeps everything, or nothing."""

    payloads: list[tuple[str, bytes]] = field(default_factory=list)

    async def publish(self, topic: str, payloads: Iterable[bytes]) -> int:
        self.payloads += [(topic, payload) for payload in payloads]
        return 1


@asynccontextmanager
async def process(*words: str, **environment: str) -> AsyncIterator[dict[str, Any]]:
    """A bridge as it is started by an operator; what it says when it is ready. It must end well when told to."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "run", *words),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "CITYGRID_LOG_FORMAT": "json", **environment},
    )
    assert child.stderr is not None
    try:
        async with asyncio.timeout(60):
            while not (said := json.loads(await child.stderr.readline()))["event"].endswith("_ready"):
                pass
        yield said
        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            rest, _ = await asyncio.gather(child.stderr.read(), child.wait())
        assert (child.returncode, rest.count(b"_stopped")) == (0, 1)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
