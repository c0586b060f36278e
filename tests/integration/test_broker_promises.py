"""The broker is asked what it promises, and what it throws away is told."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiomqtt
import mqtt5
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from structlog.testing import capture_logs

from core.errors import Unavailable
from ingest import probe
from runtime import broker_watch
from runtime.services import mosquitto, process
from tests.chaos.stage import wait_until
from tests.own_services import free_port
from wire import broker as broker_address
from wire.broker import Broker

pytestmark = pytest.mark.services

CARELESS = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 10
sys_interval 1
"""


@pytest.fixture
def careless(tmp_path: Path) -> Iterator[Broker]:
    """A Mosquitto as its maker ships it, with a tiny queue."""
    port, file = free_port(), tmp_path / "mosquitto.conf"
    file.write_text(CARELESS.format(port=port), encoding="ascii")
    running = subprocess.Popen([mosquitto.program(), "-c", file], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.answers(port), "Mosquitto listens")
        yield broker_address.parse(f"mqtt://127.0.0.1:{port}")
    finally:
        running.terminate()
        running.wait()


async def overflow(address: Broker) -> None:
    """Let a queue of ten messages take thirty."""
    options = {"protocol": aiomqtt.ProtocolVersion.V5, "identifier": "reader"}
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 600
    async with aiomqtt.Client(
        address.host, address.port, clean_start=False, properties=properties, **options
    ) as reader:
        await reader.subscribe("x", qos=1)
    async with aiomqtt.Client(address.host, address.port) as writer:
        for _ in range(30):
            await writer.publish("x", b"1", qos=1)


async def test_the_broker_of_the_tests_tells_what_it_promises(broker: str) -> None:
    answer = await probe.ask(broker_address.parse(broker))

    assert (answer.max_qos, answer.wildcards, answer.session_s) == (2, True, 7 * 86_400)
    assert answer.version.startswith("mosquitto")


async def test_a_careless_broker_is_doubted_by_name(careless: Broker) -> None:
    with capture_logs() as logs, suppress(TimeoutError):
        async with asyncio.timeout(3):
            await broker_watch.keep(careless, 262_144)

    assert [line["setting"] for line in logs if line["event"] == "broker_setting"] == ["receive maximum"]


async def test_what_a_full_queue_throws_away_is_seen_though_it_was_acknowledged(careless: Broker) -> None:
    await overflow(careless)

    async with asyncio.timeout(20):
        while (await probe.ask(careless)).dropped != 20:  # the broker counts once a second, and asking takes one
            pass


async def test_a_broker_without_sessions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    server = await asyncio.start_server(_forgetful, "127.0.0.1", 0)
    monkeypatch.setattr(probe, "LISTEN_S", 0.1)
    port = server.sockets[0].getsockname()[1]

    async with server:
        with pytest.raises(Unavailable, match="session expiry 0"):
            await broker_watch.keep(broker_address.parse(f"mqtt://127.0.0.1:{port}"), 262_144)


async def _forgetful(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A broker that grants no session."""
    await reader.read(1024)
    writer.write(mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.SUCCESS, session_expiry_interval=0).write())
    await reader.read(1024)
