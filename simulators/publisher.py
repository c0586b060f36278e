"""Plays a feed in real time through the districts' gateways; the feed's clock waits for the broker, never loses.

A message's `ts` is the instant it was due. When the broker is slow or away the feed falls behind and catches up with
the times as they should have been, as a device with a memory does: delays measured from `ts` include the outage.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.errors import InvalidInput
from simulators.feed import TICK_MS, Feed, Message, Tick
from simulators.gateway import Gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """Where a feed goes: one gateway a district."""

    gateways: Mapping[str, Gateway]

    async def send(self, messages: list[Message]) -> None:
        """Hand each message to its district's gateway; waits while one of them is full."""
        if len(self.gateways) == 1:
            await next(iter(self.gateways.values())).send(messages)
            return
        by_district: dict[str, list[Message]] = {}
        for message in messages:
            by_district.setdefault(message.topic.split("/", 3)[2], []).append(message)
        for district, some in by_district.items():
            gateway = self.gateways.get(district)
            if gateway is None:
                raise InvalidInput(f"no gateway for district {district}")
            await gateway.send(some)

    async def drained(self) -> None:
        """Wait until every gateway has everything acknowledged."""
        for gateway in self.gateways.values():
            await gateway.drained()

    def total(self, count: str) -> int:
        """Give one of the gateways' counts, summed."""
        return sum(getattr(gateway.counts, count) for gateway in self.gateways.values())


async def play(
    feed: Feed,
    outlet: Outlet,
    elapsed_s: Callable[[], float],
    until_s: float | None = None,
    on_tick: Callable[[Tick], None] | None = None,
) -> None:
    """Publish the feed as time passes, until `until_s` or cancelled; `elapsed_s` gives seconds since the start."""
    while until_s is None or feed.elapsed_s < until_s:
        ahead_s = feed.elapsed_s + TICK_MS / 1000 - elapsed_s()
        await asyncio.sleep(max(ahead_s, 0))
        tick = feed.advance()
        if on_tick is not None:
            on_tick(tick)
        if tick.messages or tick.released:
            await outlet.send([*tick.messages, *tick.released])
