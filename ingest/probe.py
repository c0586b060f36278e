"""Asks a broker what it promises: one short connection of its own that asks for a session as ingest does."""

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing

import mqtt5

from core.errors import Unavailable
from ingest.promises import SESSION_S, Answer
from wire.broker import Broker

VERSION, DROPPED = "$SYS/broker/version", "$SYS/broker/publish/messages/dropped"
"""Mosquitto's names; other brokers have none or others, and then we know less."""
PATIENCE_S = 10.0
LISTEN_S = 5.0
"""So long at most for what the broker keeps of `$SYS`: it sends that at once, unless it is flooded."""
RECEIVE_MAX = 100


async def ask(broker: Broker) -> Answer:
    """Give what the broker says; raises `Unavailable` when it refuses us, `OSError` when it is not there."""
    context = ssl.create_default_context() if broker.tls else None
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=context)
        try:
            async with aclosing(_packets(reader)) as packets:
                return await _talk(broker, packets, writer)
        finally:
            writer.transport.abort()


async def _talk(broker: Broker, packets: AsyncGenerator[mqtt5.Packet, None], writer: asyncio.StreamWriter) -> Answer:
    greeting = mqtt5.ConnectPacket(
        f"citygrid-probe-{os.getpid()}",
        username=broker.username,
        password=broker.password.encode() if broker.password is not None else None,
        clean_start=True,
        session_expiry_interval=SESSION_S,
        receive_max=RECEIVE_MAX,
    )
    writer.write(greeting.write())
    said = await anext(packets)
    if not isinstance(said, mqtt5.ConnAckPacket) or said.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
        raise Unavailable(f"the broker refused a look at it: {said}")
    wanted = [mqtt5.TopicFilter(topic, max_qos=mqtt5.QoS.AT_MOST_ONCE) for topic in (VERSION, DROPPED)]
    writer.write(mqtt5.SubscribePacket(1, wanted).write())
    kept = await _listen(packets)
    writer.write(mqtt5.DisconnectPacket(session_expiry_interval=0).write())
    await writer.drain()
    dropped = kept.get(DROPPED, b"")
    return Answer(
        version=kept.get(VERSION, b"").decode(errors="replace"),
        max_qos=int(said.max_qos),
        wildcards=said.wildcard_subscription_available,
        session_s=SESSION_S if said.session_expiry_interval is None else said.session_expiry_interval,
        receive_max=said.receive_max,
        packet_limit_bytes=said.max_packet_size,
        dropped=int(dropped) if dropped.isdigit() else None,
    )


async def _listen(packets: AsyncGenerator[mqtt5.Packet, None]) -> dict[str, bytes]:
    """Take what the broker keeps of the two topics, until both are there or nothing more comes."""
    kept: dict[str, bytes] = {}
    try:
        async with asyncio.timeout(LISTEN_S):
            while len(kept) < 2:
                packet = await anext(packets)
                if isinstance(packet, mqtt5.PublishPacket):
                    kept[packet.topic] = bytes(packet.payload or b"")
    except TimeoutError:
        pass
    return kept


async def _packets(reader: asyncio.StreamReader) -> AsyncGenerator[mqtt5.Packet, None]:
    buffer = bytearray()
    while data := await reader.read(65_536):
        buffer += data
        start = 0
        while start < len(buffer):
            try:
                packet, size = mqtt5.read(memoryview(bytes(buffer[start:])))
            except IndexError:  # the rest has not arrived
                break
            start += size
            yield packet
        del buffer[:start]
    raise Unavailable("the broker closed the connection instead of answering (does it speak MQTT 5?)")
