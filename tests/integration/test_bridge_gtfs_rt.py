"""The GTFS-Realtime bridge from the outside: feeds over HTTP, a real broker behind."""

import asyncio
import itertools
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from core.errors import InvalidInput
from runtime.bridges import gtfs_rt
from runtime.bridges.metrics import BridgeMetrics
from runtime.bridges.outlet import Outlet
from tests import terminal
from tests.bridge_surroundings import DEADLINE_S, Kept, listening, process, running
from wire import broker as broker_address
from wire import protobuf

FEED = terminal.feed(bus1=(39.64, 118.19), bus2=(39.65, 118.2))


@pytest.fixture
async def outlet(broker: str) -> AsyncIterator[Outlet]:
    async with running(Outlet(broker_address.parse(broker), f"test-{uuid.uuid4().hex[:8]}")) as outlet:
        yield outlet


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


async def test_a_process_polls_feeds_until_it_is_told_to_stop(broker: str, site: Site) -> None:
    name = uuid.uuid4().hex[:12]
    site.answers = [(200, {}, FEED)]
    async with (
        listening(broker, f"gtfs-rt/{name}") as payloads,
        process("gtfs-rt", CITYGRID_MQTT_URL=broker, CITYGRID_GTFS_RT_FEEDS=f"{name}={site.url}"),
        asyncio.timeout(DEADLINE_S),
    ):
        await anext(payloads)


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
    async with running(Outlet(address, "test", patience_s=0.05)) as outlet, poller(site, outlet.publish) as one:
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
