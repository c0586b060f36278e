"""Lets the devices of a feed hear what they are told: one connection a district, as its gateway.

A simulated device does what it is told at once, answers, and shows it in its next readings.
"""

import asyncio
from collections.abc import Callable, Mapping

import aiomqtt
import structlog

from core.errors import InvalidInput
from wire import command
from wire.broker import Broker
from wire.command import Answer, Order

log: structlog.stdlib.BoundLogger = structlog.get_logger()

RECONNECT_S = 2.0

Obey = Callable[[str, str, Mapping[str, float]], None]
"""(label, command, arguments); raises `InvalidInput` with why it cannot be done."""


async def listen(broker: Broker, district: str, obey: Obey) -> None:
    """Hear and answer for ever; what the broker forgets meanwhile is said again by the platform."""
    while True:
        try:
            async with aiomqtt.Client(
                broker.host,
                broker.port,
                username=broker.username,
                password=broker.password,
                protocol=aiomqtt.ProtocolVersion.V5,
                tls_params=aiomqtt.TLSParameters() if broker.tls else None,
            ) as client:
                await client.subscribe(command.topic_filter(district), qos=1)
                async for message in client.messages:
                    topic = str(message.topic)
                    answer = _answer(command.label_of(topic), message.payload, obey)
                    await client.publish(command.answer_topic(topic), command.encode(answer), qos=1)
        except aiomqtt.MqttError as error:
            log.debug("ears_wait", district=district, error=str(error), wait_s=RECONNECT_S)
        await asyncio.sleep(RECONNECT_S)


def _answer(label: str, payload: bytes, obey: Obey) -> Answer:
    order: Order = command.decode_order(payload)
    try:
        obey(label, order.command, order.arguments)
    except InvalidInput as error:
        return Answer(id=order.id, ok=False, reason=str(error))
    return Answer(id=order.id, ok=True)
