"""The GTFS-Realtime poller: fetches feeds of vehicle positions over HTTP and publishes them, a message a vehicle.

Only addresses of the settings are asked, and redirects are not followed. A feed is asked for what changed since it was
last *published* (ETag, Last-Modified), so nothing is skipped that the broker did not take. What is not a feed is
published too, once a poll: ingest refuses it and keeps it. A restart forgets only the ETag, and asks for the whole.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NoReturn

import httpx2
import structlog

from core.errors import InvalidInput, PlatformError, Unavailable
from runtime.bridges.metrics import BridgeMetrics
from wire import gtfs_rt

log: structlog.stdlib.BoundLogger = structlog.get_logger()

TIMEOUT = httpx2.Timeout(10.0)
FEED_LIMIT_BYTES = 16 * 1024 * 1024
"""Our choice: 100,000 vehicles have about 8 MB."""
KEPT_LIMIT_BYTES = 65_536
"""What is no feed is published up to this size; longer would not be kept whole anyway."""
LONGEST_WAIT_S = 300.0
PUBLISHED_AGAIN = ("etag", "last-modified")

Publish = Callable[[str, Iterable[bytes]], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed to poll; its address may hold a key, so it is not shown."""

    name: str
    url: str = field(repr=False)


class TooBusy(Unavailable):
    """The server says when to come again."""

    def __init__(self, message: str, after_s: float) -> None:
        super().__init__(message)
        self.after_s = after_s


def parse(setting: str) -> tuple[Feed, ...]:
    """Give the feeds of `name=url name=url ...`; raises `InvalidInput` without repeating an address."""
    feeds: list[Feed] = []
    for part in setting.split():
        name, _, url = part.partition("=")
        if not re.fullmatch(r"[a-z0-9_-]{1,32}", name):
            raise InvalidInput("CITYGRID_GTFS_RT_FEEDS looks like tangshan=https://host/vehicles.pb other=https://...")
        if not _is_web_address(url):
            raise InvalidInput(f"CITYGRID_GTFS_RT_FEEDS: the address of {name} is no https:// or http:// address")
        feeds.append(Feed(name=name, url=url))
    if not feeds:
        raise InvalidInput("no feed: set CITYGRID_GTFS_RT_FEEDS, e.g. tangshan=https://host/vehicles.pb")
    if len({feed.name for feed in feeds}) < len(feeds):
        raise InvalidInput("CITYGRID_GTFS_RT_FEEDS names a feed twice")
    return tuple(feeds)


def _is_web_address(url: str) -> bool:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return False
    return parsed.scheme in {"http", "https"} and bool(parsed.host)


class Poller:
    """Polls one feed."""

    def __init__(self, feed: Feed, client: httpx2.AsyncClient, publish: Publish, metrics: BridgeMetrics) -> None:
        self._feed = feed
        self._client = client
        self._publish = publish
        self._metrics = metrics
        self._validators: dict[str, str] = {}
        self._failures = 0

    async def run(self, interval_s: float) -> None:
        """Poll for ever."""
        while True:
            wait_s = await self.poll(interval_s)
            await asyncio.sleep(wait_s)

    async def poll(self, interval_s: float) -> float:
        """Fetch and publish once; give how long to wait until the next time, longer after each failure in a row."""
        try:
            outcome, count = await self._fetch_and_publish()
        except (PlatformError, httpx2.HTTPError, OSError) as error:
            self._failures += 1
            wait_s = min(interval_s * 2**self._failures, max(LONGEST_WAIT_S, interval_s))
            if isinstance(error, TooBusy):
                wait_s = max(wait_s, error.after_s)
            self._count("failed")
            reason = str(error) if isinstance(error, PlatformError) else type(error).__name__
            log.warning("feed_failed", feed=self._feed.name, reason=reason, retry_s=wait_s)
            return wait_s
        self._failures = 0
        self._count(outcome)
        log.info("feed_polled", feed=self._feed.name, outcome=outcome, vehicles=count)
        return interval_s

    async def _fetch_and_publish(self) -> tuple[str, int]:
        async with self._client.stream("GET", self._feed.url, headers=self._conditions()) as response:
            if response.status_code == HTTPStatus.NOT_MODIFIED:
                return "unchanged", 0
            if response.status_code != HTTPStatus.OK:
                _refuse(response)
            body = await _body(response)
            validators = {name: response.headers[name] for name in PUBLISHED_AGAIN if name in response.headers}
        topic = gtfs_rt.TOPIC.format(feed=self._feed.name)
        try:
            vehicles = list(gtfs_rt.vehicles_one_by_one(body))
        except InvalidInput as error:
            await self._publish(topic, [body[:KEPT_LIMIT_BYTES]])
            raise InvalidInput(f"not a feed: {error}") from error
        try:
            count = await self._publish(topic, vehicles)
        except Unavailable:
            self._metrics.failed.labels("gtfs-rt").inc(len(vehicles))
            raise
        self._metrics.published.labels("gtfs-rt").inc(count)
        self._validators = validators
        return "published", count

    def _conditions(self) -> dict[str, str]:
        names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
        return {names[name]: value for name, value in self._validators.items()}

    def _count(self, outcome: str) -> None:
        self._metrics.polls.labels(self._feed.name, outcome).inc()


def _refuse(response: httpx2.Response) -> NoReturn:
    status = response.status_code
    if response.is_redirect:
        raise Unavailable(f"HTTP {status}: redirects are not followed; set the address it leads to")
    after = response.headers.get("retry-after", "")
    if after.isdigit():
        raise TooBusy(f"HTTP {status}, to come again after {after} s", min(float(after), 3600.0))
    raise Unavailable(f"HTTP {status}")


async def _body(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > FEED_LIMIT_BYTES:
            raise InvalidInput(f"longer than {FEED_LIMIT_BYTES} bytes")
    return bytes(body)
