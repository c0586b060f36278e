"""The bridges, from the outside: a terminal over TCP, a feed over HTTP, a real broker behind."""

import asyncio
import itertools
import json
import os
import signal
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aiomqtt
import httpx2
import pytest

from core.errors import InvalidInput, Unavailable
from runtime.bridges import gtfs_rt, jt808
from runtime.bridges.metrics import BridgeMetrics
from runtime.bridges.outlet import Outlet
from tests import terminal
from wire import broker as broker_address
from wire import jt808_frames, protobuf
from wire.jt808_frames import MessageId, Result

DEADLINE_S = 20
SECRET = b"of the tests"


@pytest.fixture
def phone() -> str:
    """A terminal of this test alone: the broker is shared."""
    return str(uuid.uuid4().int)[:11].replace("0", "7")


@pytest.fixture
async def outlet(broker: str) -> AsyncIterator[Outlet]:
    async with _running(Outlet(broker_address.parse(broker), f"test-{uuid.uuid4().hex[:8]}")) as outlet:
        yield outlet


@asynccontextmanager
async def _running(outlet: Outlet) -> AsyncIterator[Outlet]:
    task = asyncio.create_task(outlet.run())
    yield outlet
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def listening(broker: str, topic: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """The payloads of a topic, as ingest would get them."""
    address = broker_address.parse(broker)
    async with aiomqtt.Client(address.host, address.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(topic, qos=1)

        async def payloads() -> AsyncIterator[bytes]:
            async for message in client.messages:
                yield bytes(message.payload)

        yield payloads()


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


@dataclass
class Kept:
    """A broker that keeps everything, or nothing."""

    payloads: list[tuple[str, bytes]] = field(default_factory=list)

    async def publish(self, topic: str, payloads: Iterable[bytes]) -> int:
        self.payloads += [(topic, payload) for payload in payloads]
        return 1


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
        _running(Outlet(address, "test", patience_s=0.1)) as outlet,
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
    async with _running(Outlet(broker_address.parse(broker), topic, patience_s=1)) as outlet:
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


# GTFS-Realtime


@dataclass
class Site:
    """A web server with one address; its answers are taken in order, the last one for ever."""

    answers: list[tuple[int, dict[str, str], bytes]]
    requests: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        return self.answers[min(len(self.requests), len(self.answers)) - 1]


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site([])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append({name.lower(): value for name, value in self.headers.items()})
            status, headers, body = site.answer()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{listener.server_port}/vehicles.pb"
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    yield site
    listener.shutdown()
    listener.server_close()
    thread.join()


@asynccontextmanager
async def poller(site: Site, publish: gtfs_rt.Publish, name: str = "test") -> AsyncIterator[gtfs_rt.Poller]:
    async with httpx2.AsyncClient(timeout=gtfs_rt.TIMEOUT) as client:
        yield gtfs_rt.Poller(gtfs_rt.Feed(name=name, url=site.url), client, publish, BridgeMetrics())


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


async def test_a_process_serves_terminals_until_it_is_told_to_stop(broker: str, phone: str) -> None:
    async with (
        listening(broker, f"jt808/{phone}"),
        process("jt808", CITYGRID_MQTT_URL=broker, CITYGRID_JT808_PORT="0") as ready,
        terminal.connected(ready["port"], phone) as bus,
    ):
        await bus.sign_on()
        assert await bus.ask(MessageId.LOCATION, terminal.report()) == Result.DONE


async def test_a_process_polls_feeds_until_it_is_told_to_stop(broker: str, site: Site) -> None:
    name = uuid.uuid4().hex[:12]
    site.answers = [(200, {}, FEED)]
    async with (
        listening(broker, f"gtfs-rt/{name}") as payloads,
        process("gtfs-rt", CITYGRID_MQTT_URL=broker, CITYGRID_GTFS_RT_FEEDS=f"{name}={site.url}"),
        asyncio.timeout(DEADLINE_S),
    ):
        await anext(payloads)


FEED = terminal.feed(bus1=(39.64, 118.19), bus2=(39.65, 118.2))


async def test_every_vehicle_of_a_feed_is_a_message(broker: str, outlet: Outlet, site: Site) -> None:
    name = uuid.uuid4().hex[:12]
    site.answers = [(200, {}, FEED)]
    async with (
        listening(broker, f"gtfs-rt/{name}") as payloads,
        poller(site, outlet.publish, name) as one,
        asyncio.timeout(DEADLINE_S),
    ):
        await one.poll(15)
        received = [await anext(payloads) for _ in range(2)]

    entities = [[value for number, _, value in protobuf.fields(payload) if number == 2] for payload in received]
    assert [list(itertools.chain.from_iterable(entities))] == [
        [value for number, _, value in protobuf.fields(FEED) if number == 2]
    ]
    assert [len(payload) for payload in entities] == [1, 1]


async def test_an_unchanged_feed_is_not_fetched_again(site: Site) -> None:
    kept = Kept()
    site.answers = [(200, {"ETag": '"7"', "Last-Modified": "Sun, 22 Nov 2026 04:00:00 GMT"}, FEED), (304, {}, b"")]
    async with poller(site, kept.publish) as one:
        waits = [await one.poll(15), await one.poll(15)]

    asked = [(request.get("if-none-match"), request.get("if-modified-since")) for request in site.requests]
    assert asked == [(None, None), ('"7"', "Sun, 22 Nov 2026 04:00:00 GMT")]
    assert (waits, len(kept.payloads)) == ([15, 15], 2)


async def test_a_feed_the_broker_did_not_take_is_fetched_whole_again(unused_tcp_port: int, site: Site) -> None:
    site.answers = [(200, {"ETag": '"7"'}, FEED)]
    address = broker_address.parse(f"mqtt://127.0.0.1:{unused_tcp_port}")
    async with _running(Outlet(address, "test", patience_s=0.05)) as outlet, poller(site, outlet.publish) as one:
        waits = [await one.poll(10), await one.poll(10)]

    assert ["if-none-match" in request for request in site.requests] == [False, False]
    assert waits == [20, 40]


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        ((500, {}, b""), 30),
        ((429, {"Retry-After": "120"}, b""), 120),
        ((503, {"Retry-After": "5"}, b""), 30),
        ((302, {"Location": "http://127.0.0.1:1/elsewhere"}, b""), 30),
    ],
)
async def test_a_site_in_trouble_is_asked_more_rarely(
    site: Site, answer: tuple[int, dict[str, str], bytes], wait_s: float
) -> None:
    kept = Kept()
    site.answers = [answer, (200, {}, FEED)]
    async with poller(site, kept.publish) as one:
        waits = [await one.poll(15), await one.poll(15)]

    assert (waits, len(site.requests), len(kept.payloads)) == ([wait_s, 15], 2, 2)


async def test_a_page_instead_of_a_feed_is_published_for_the_record(site: Site) -> None:
    kept = Kept()
    site.answers = [(200, {"ETag": '"1"'}, b"<html>maintenance</html>")]
    async with poller(site, kept.publish) as one:
        assert await one.poll(15) == 30
        assert await one.poll(15) == 60

    assert kept.payloads == [("gtfs-rt/test", b"<html>maintenance</html>")] * 2
    assert "if-none-match" not in site.requests[1]


async def test_a_feed_without_end_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gtfs_rt, "FEED_LIMIT_BYTES", 1000)
    kept = Kept()
    site.answers = [(200, {}, FEED * 20)]
    async with poller(site, kept.publish) as one:
        assert await one.poll(15) == 30

    assert kept.payloads == []


def test_feeds_come_from_the_settings() -> None:
    feeds = gtfs_rt.parse("tangshan=https://a.example/v.pb?key=secret  other=http://b.example/v.pb")

    assert [(feed.name, feed.url) for feed in feeds] == [
        ("tangshan", "https://a.example/v.pb?key=secret"),
        ("other", "http://b.example/v.pb"),
    ]
    assert "secret" not in repr(feeds)


@pytest.mark.parametrize(
    "setting",
    ["", "https://a.example/v.pb?key=secret", "a=file:///etc/secret", "a=http://secret:x/ a=http://b/", "a=secret"],
)
def test_a_wrong_setting_is_refused_without_repeating_it(setting: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        gtfs_rt.parse(setting)

    assert "secret" not in str(refused.value)
