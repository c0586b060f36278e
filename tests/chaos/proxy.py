"""A TCP proxy that breaks things: cuts after random bytes in either direction, delays, trickles, goes silent.

It runs in a thread of its own; `weather` may be changed at any time. A silent connection is never closed and never
speaks again, in both directions, as when a router in between has forgotten it; new ones are silent while it lasts.
"""

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.own_services import free_port

READ_BYTES = 16_384
PIECES_PER_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What the proxy does to bytes just now."""

    cut_bytes: tuple[int, int] | None = None
    """Each connection and direction is cut, in mid-packet, after a number of bytes between these."""
    delay_s: float = 0.0
    bytes_per_s: float = 0.0
    """0 = as fast as they come."""
    silent: bool = False


FAIR = Weather()


class _Link:
    """One connection through the proxy."""

    def __init__(self, up: asyncio.StreamWriter, down: asyncio.StreamWriter) -> None:
        self.writers = (up, down)
        self.silenced = False

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`target`."""

    def __init__(self, target: int, rng: random.Random) -> None:
        self.port, self.target, self.rng = free_port(), target, rng
        self.cuts = self.silenced = self.opened = 0
        self._weather = FAIR
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @property
    def weather(self) -> Weather:
        """What happens now."""
        return self._weather

    def change(self, weather: Weather) -> None:
        """Let other weather begin; open connections have it too."""
        self._weather = weather
        if weather.silent:
            self.silenced += len(self._links)
            for link in tuple(self._links):
                link.silenced = True

    def improve(self, **values: object) -> None:
        """Change single traits."""
        self.change(replace(self._weather, **values))  # type: ignore[arg-type]

    def begin(self) -> None:
        """Listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", self.port), self._loop).result()

    def end(self) -> None:
        """Cut everything and stop."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    def _stop(self) -> None:
        for link in tuple(self._links):
            link.cut()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(0.1, self._loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self.opened += 1
        link = _Link(up_writer, writer)
        link.silenced = self._weather.silent
        self._links.add(link)
        try:
            await asyncio.gather(self._pump(reader, up_writer, link), self._pump(up_reader, writer, link))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            link.cut()
            self._links.discard(link)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link) -> None:
        budget: int | None = None
        while data := await reader.read(READ_BYTES):
            weather = self._weather
            if link.silenced:
                await asyncio.get_running_loop().create_future()  # for ever
            if weather.delay_s:
                await asyncio.sleep(weather.delay_s)
            if weather.cut_bytes is None:
                budget = None
            elif budget is None:
                budget = self._budget(weather.cut_bytes)
            if budget is not None and len(data) >= budget:
                writer.write(data[:budget])
                await writer.drain()
                self.cuts += 1
                raise ConnectionError("cut")
            budget = budget if budget is None else budget - len(data)
            await self._forward(data, writer, weather.bytes_per_s)
        link.cut()

    async def _forward(self, data: bytes, writer: asyncio.StreamWriter, bytes_per_s: float) -> None:
        piece = max(int(bytes_per_s / PIECES_PER_S), 1) if bytes_per_s else len(data)
        for start in range(0, len(data), piece):
            writer.write(data[start : start + piece])
            await writer.drain()
            if bytes_per_s:
                await asyncio.sleep(1 / PIECES_PER_S)

    def _budget(self, limits: tuple[int, int]) -> int:
        """Small and large numbers alike: the logarithm is what is random."""
        low, high = limits
        return int(low * (high / low) ** self.rng.random())


@contextlib.contextmanager
def proxied(target: int, rng: random.Random) -> Iterator[Proxy]:
    """Give a running proxy."""
    proxy = Proxy(target, rng)
    proxy.begin()
    try:
        yield proxy
    finally:
        proxy.end()
