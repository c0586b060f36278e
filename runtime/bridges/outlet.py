"""Where bridges hand messages over to the broker; `publish` returns when the broker has said that it keeps them.

The connection is the gateways' (`simulators.gateway`): at most a window on the way, reconnecting by itself, what was
acknowledged just before a lost connection is sent again, and a message nobody subscribed to does not count as kept.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from core.errors import Unavailable
from simulators.gateway import Gateway
from wire.broker import Broker

PATIENCE_S = 15.0
"""How long to wait for the broker before telling the sender that it failed; terminals wait about as long."""
AT_ONCE = 1000
"""Most messages handed over in one go."""


@dataclass(slots=True, eq=False)
class _Dispatch:
    """A message on its way; `done` resolves when its fate is known."""

    topic: str
    payload: bytes
    done: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class _Fates:
    """Hears of each message once, from the gateway."""

    def sent(self, message: _Dispatch, /) -> None:
        """Take a message that the broker has acknowledged."""
        if not message.done.done():
            message.done.set_result(None)

    def refused(self, message: _Dispatch, /) -> None:
        """Take a message that the broker will never have."""
        if not message.done.done():
            message.done.set_exception(Unavailable("the broker does not take it"))
            message.done.exception()  # nobody waiting any more is no fault


class Outlet:
    """Publishes for one bridge. Full (5,000 waiting), it lets senders wait, and fails them after `PATIENCE_S`."""

    def __init__(self, broker: Broker, client_id: str, patience_s: float = PATIENCE_S) -> None:
        self._gateway = Gateway(broker, client_id, _Fates())
        self._patience_s = patience_s

    @property
    def is_connected(self) -> bool:
        """Whether the broker is reachable now."""
        return self._gateway.is_connected

    async def run(self) -> None:
        """Stay connected until cancelled; raises `InvalidInput` when the broker will never have us."""
        await self._gateway.run()

    async def publish(self, topic: str, payloads: Iterable[bytes]) -> int:
        """Give how many messages the broker keeps now: all of them; raises `Unavailable` when it does not say so.

        After that some may still arrive, so whoever tries again sends them twice, which readings can bear.
        """
        waiting, count = iter(payloads), 0
        while chunk := [_Dispatch(topic, payload) for payload in islice(waiting, AT_ONCE)]:
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._gateway.send(chunk)
                    for message in chunk:
                        await message.done
            except TimeoutError:
                raise Unavailable(f"the broker has not acknowledged within {self._patience_s:g} s") from None
            count += len(chunk)
        return count
