"""Work of seconds in a thread of its own: the event loop meanwhile writes to the database and serves others."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar, TypeVarTuple

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class Beside(ThreadPoolExecutor):
    """One thread, so that what a reader opened is read where it was opened; for use with `with`."""

    def __init__(self) -> None:
        super().__init__(max_workers=1, thread_name_prefix="survey")

    def start(self, work: Callable[[*_Ts], _T], *args: *_Ts) -> asyncio.Future[_T]:
        """Begin work; await what is returned when it is needed."""
        return asyncio.get_running_loop().run_in_executor(self, work, *args)

    async def each(self, items: Iterator[_T]) -> AsyncIterator[_T]:
        """Give what a slow iterator gives."""
        while (item := await self.start(partial(next, items, None))) is not None:
            yield item
