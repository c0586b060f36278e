import asyncio

import pytest

from api.memo import SMALL_BYTES, Memo


class Source:
    """Makes numbered answers; can be told to wait or to fail."""

    def __init__(self) -> None:
        self.made = 0
        self.go = asyncio.Event()
        self.go.set()
        self.fails = False

    async def make(self) -> int:
        self.made += 1
        number = self.made
        await self.go.wait()
        if self.fails:
            raise ValueError(number)
        return number


async def test_an_answer_is_kept_until_its_time_is_over():
    now_s = 0.0
    memo, source = Memo(10_000, lambda: now_s), Source()

    first = await memo.get("a", 10, source.make)
    now_s = 9.9
    kept = await memo.get("a", 10, source.make)
    now_s = 10.0
    fresh = await memo.get("a", 10, source.make)

    assert (first, kept, fresh) == (1, 1, 2)


async def test_asked_by_many_at_once_it_is_made_once():
    memo, source = Memo(10_000), Source()
    source.go.clear()
    asking = [asyncio.create_task(memo.get("a", 10, source.make)) for _ in range(20)]
    await asyncio.sleep(0)
    source.go.set()

    assert await asyncio.gather(*asking) == [1] * 20


async def test_a_failure_is_not_kept_and_reaches_who_asked():
    memo, source = Memo(10_000), Source()
    source.fails = True
    with pytest.raises(ValueError, match="1"):
        await memo.get("a", 10, source.make)
    source.fails = False

    assert await memo.get("a", 10, source.make) == 2


async def test_one_who_leaves_does_not_spoil_it_for_those_who_wait():
    memo, source = Memo(10_000), Source()
    source.go.clear()
    leaver = asyncio.create_task(memo.get("a", 10, source.make))
    waiter = asyncio.create_task(memo.get("a", 10, source.make))
    await asyncio.sleep(0)
    leaver.cancel()
    await asyncio.sleep(0)
    source.go.set()

    assert await waiter == 2


async def test_memory_is_bounded_and_what_was_unused_for_longest_goes():
    memo, made = Memo(3 * SMALL_BYTES), []

    async def ask(key: str) -> None:
        async def make() -> str:
            made.append(key)
            return key

        await memo.get(key, 10, make)

    for key in ("a", "b", "c", "a", "d", "a", "b"):
        await ask(key)

    assert made == ["a", "b", "c", "d", "b"]


async def test_an_answer_larger_than_the_memory_is_given_but_not_kept():
    memo, made = Memo(100), []

    async def make() -> bytes:
        made.append(1)
        return bytes(101)

    assert len(await memo.get("a", 10, make)) == len(await memo.get("a", 10, make)) == 101
    assert len(made) == 2
