"""The JT/T 808 bridge from the outside: a terminal over TCP, a real broker behind."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from core.errors import Unavailable
from runtime.bridges import jt808
from runtime.bridges.metrics import BridgeMetrics
from runtime.bridges.outlet import Outlet
from tests import terminal
from tests.bridge_surroundings import DEADLINE_S, Kept, listening, process, running
from wire import broker as broker_address
from wire import jt808_frames
from wire.jt808_frames import MessageId, Result

SECRET = b"of the tests"


@pytest.fixture
def phone() -> str:
    """A terminal of this test alone: the broker is shared."""
    return str(uuid.uuid4().int)[:11].replace("0", "7")


@pytest.fixture
async def outlet(broker: str) -> AsyncIterator[Outlet]:
    async with running(Outlet(broker_address.parse(broker), f"test-{uuid.uuid4().hex[:8]}")) as outlet:
        yield outlet


@asynccontextmanager
async def server(
    publish: jt808.Publish, metrics: BridgeMetrics | None = None, limits: jt808.Limits | None = None
) -> AsyncIterator[int]:
    """A running bridge; its port."""
    bridge = jt808.Server(publish, SECRET, limits or jt808.Limits(connections=10), metrics or BridgeMetrics())
    listener = await asyncio.start_server(bridge.serve, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]
        await bridge.close()


async def test_a_location_is_published_as_it_came_and_acknowledged(broker: str, outlet: Outlet, phone: str) -> None:
    async with (
        listening(broker, f"jt808/{phone}") as payloads,
        server(outlet.publish) as port,
        terminal.connected(port, phone, version=1) as bus,
        asyncio.timeout(DEADLINE_S),
    ):
        await bus.sign_on()
        answer = await bus.ask(MessageId.LOCATION, terminal.report())
        payload = await anext(payloads)

    assert answer == Result.DONE
    frame = jt808_frames.read_message(payload)
    assert (frame.phone, frame.version, frame.body) == (phone, 1, terminal.report())


async def test_success_is_told_only_after_the_broker_has_acknowledged(phone: str) -> None:
    order: list[str] = []

    async def slow(topic: str, payloads: Iterable[bytes]) -> int:
        for _ in range(50):
            await asyncio.sleep(0)
        order.append("kept")
        return len(list(payloads))

    async with server(slow) as port, terminal.connected(port, phone) as bus:
        await bus.sign_on()
        answer = await bus.ask(MessageId.LOCATION, terminal.report())
        order.append("answered")

    assert (order, answer) == (["kept", "answered"], Result.DONE)


async def test_without_a_broker_no_location_is_acknowledged(unused_tcp_port: int, phone: str) -> None:
    address = broker_address.parse(f"mqtt://127.0.0.1:{unused_tcp_port}")
    metrics = BridgeMetrics()
    async with (
        running(Outlet(address, "test", patience_s=0.1)) as outlet,
        server(outlet.publish, metrics) as port,
        terminal.connected(port, phone) as bus,
    ):
        await bus.sign_on()
        answers = [await bus.ask(MessageId.LOCATION, terminal.report()) for _ in range(2)]
        alive = await bus.ask(MessageId.HEARTBEAT, b"")

    assert (answers, alive) == ([Result.FAILED, Result.FAILED], Result.DONE)
    assert metrics.failed.labels("jt808")._value.get() == 2


async def test_a_message_nobody_subscribed_to_does_not_count_as_kept(broker: str) -> None:
    topic = f"elsewhere/{uuid.uuid4().hex}"
    async with running(Outlet(broker_address.parse(broker), topic, patience_s=1)) as outlet:
        with pytest.raises(Unavailable, match="not acknowledged within 1 s"):
            await outlet.publish(topic, [b"lost?"])
        async with listening(broker, topic):
            assert await outlet.publish(topic, [b"kept"]) == 1


async def test_a_batch_in_parts_is_one_message_and_every_part_is_answered(phone: str) -> None:
    kept = Kept()
    body = terminal.batch([terminal.report(speed=speed) for speed in range(60)])
    async with server(kept.publish) as port, terminal.connected(port, phone) as bus:
        await bus.sign_on()
        answers = await bus.ask_in_parts(MessageId.LOCATIONS, body, part_bytes=700)

    assert answers == [Result.DONE] * 3
    assert [(topic, jt808_frames.read_message(payload).body) for topic, payload in kept.payloads] == [
        (f"jt808/{phone}", body)
    ]


async def test_what_cannot_be_read_is_published_for_the_record_and_called_wrong(phone: str) -> None:
    kept = Kept()
    async with server(kept.publish) as port, terminal.connected(port, phone) as bus:
        await bus.sign_on()
        answer = await bus.ask(MessageId.LOCATION, b"too short")

    assert answer == Result.WRONG
    assert len(kept.payloads) == 1


async def test_each_fault_has_its_answer_and_is_counted(phone: str) -> None:
    kept, metrics = Kept(), BridgeMetrics()
    async with server(kept.publish, metrics) as port, terminal.connected(port, phone) as bus:
        before = await bus.ask(MessageId.LOCATION, terminal.report())
        forged = await bus.ask(MessageId.AUTHENTICATE, b"0123456789abcdef")
        await bus.sign_on()
        unknown = await bus.ask(0x0900, b"transparent data")
        spoilt = await bus.ask(MessageId.LOCATION, terminal.report(), spoil_checksum=True)
        await bus.send(b"\x7enonsense\x7e")
        alive = await bus.ask(MessageId.HEARTBEAT, b"")

    assert (before, forged, unknown, spoilt) == (
        Result.FAILED,
        Result.FAILED,
        Result.NOT_SUPPORTED,
        Result.WRONG,
    )
    assert (alive, kept.payloads) == (Result.DONE, [])
    assert {"unauthenticated_failed", "authentication_failed", "unknown", "checksum_wrong", "broken"} <= {
        sample.labels["kind"] for sample in metrics.frames.collect()[0].samples
    }


async def test_a_code_given_before_a_restart_still_opens_the_door(phone: str) -> None:
    kept = Kept()
    async with server(kept.publish) as port, terminal.connected(port, phone) as bus:
        code = await bus.register()
    async with server(kept.publish) as port, terminal.connected(port, phone) as bus:
        answer = await bus.ask(MessageId.AUTHENTICATE, code)

    assert answer == Result.DONE


async def test_a_forwarding_platform_speaks_for_many_terminals_each_with_its_own_code(phone: str) -> None:
    kept = Kept()
    async with server(kept.publish) as port, terminal.connected(port, phone) as link:
        await link.sign_on()
        other = terminal.Terminal(link.reader, link.writer, phone="1" + phone)
        stranger = await other.ask(MessageId.LOCATION, terminal.report())
        await other.sign_on()
        known = await other.ask(MessageId.LOCATION, terminal.report())

    assert (stranger, known) == (Result.FAILED, Result.DONE)
    assert [topic for topic, _ in kept.payloads] == [f"jt808/1{phone}"]


async def test_one_connection_too_many_is_turned_away(phone: str) -> None:
    metrics = BridgeMetrics()
    limits = jt808.Limits(connections=1)
    async with server(Kept().publish, metrics, limits) as port, terminal.connected(port, phone) as first:
        await first.sign_on()
        async with terminal.connected(port, phone) as second:
            assert await second.reader.read() == b""
        assert await first.ask(MessageId.HEARTBEAT, b"") == Result.DONE

    assert metrics.turned_away._value.get() == 1


async def test_a_silent_terminal_is_hung_up_on(phone: str) -> None:
    limits = jt808.Limits(connections=1, idle_s=0.05)
    async with server(Kept().publish, limits=limits) as port, terminal.connected(port, phone) as bus:
        assert await bus.reader.read() == b""


async def test_a_process_serves_terminals_until_it_is_told_to_stop(broker: str, phone: str) -> None:
    async with (
        listening(broker, f"jt808/{phone}"),
        process("jt808", CITYGRID_MQTT_URL=broker, CITYGRID_JT808_PORT="0") as ready,
        terminal.connected(ready["port"], phone) as bus,
    ):
        await bus.sign_on()
        assert await bus.ask(MessageId.LOCATION, terminal.report()) == Result.DONE
