"""Plays a recording back into the broker, at any speed, in its own time or in ours.

With the times shifted, a reading that was taken s seconds into the recording is dated s / speed seconds into the
replay: gaps shrink with the speed, the order stays, and nothing is dated ahead of its publication.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from simulators.feed import Message
from simulators.publisher import Outlet
from simulators.recording import Header, Recorded
from simulators.retime import Retime, replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How to play: `start_epoch_ms` is when the first second of the recording is now."""

    speed: float
    is_shifted: bool
    start_epoch_ms: int


def retime(header: Header, timing: Timing) -> Retime:
    """Give the change of times for a recording."""
    if not timing.is_shifted:
        return lambda ms: ms
    recorded_ms = round(header.started.timestamp() * 1000)
    return lambda ms: timing.start_epoch_ms + round((ms - recorded_ms) / timing.speed)


async def replay(
    header: Header,
    recorded: Iterable[Recorded],
    outlet: Outlet,
    timing: Timing,
    on_message: Callable[[int], None] = lambda _: None,
) -> int:
    """Publish a recording once, in order, and give how many messages; returns when all are acknowledged."""
    clock = asyncio.get_running_loop().time
    start_s = clock()
    change = retime(header, timing)
    count = 0
    for message in recorded:
        wait_s = message.offset_s / timing.speed - (clock() - start_s)
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        payload = replayed(message.payload, change)
        await outlet.send([Message(message.topic, payload, -1, 0, count, "")])
        count += 1
        on_message(count)
    await outlet.drained()
    return count
