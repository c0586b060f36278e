"""Leases in a real database: one holder at a time, and nobody commits without."""

from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest
from psycopg import AsyncConnection

from storage import leases
from storage.leases import Held, LeaseLost

DISTRICTS = [("130202", ["130202"], False), ("130203", ["130203"], False), ("foreign", [], True)]
Connect = Callable[[], Awaitable[AsyncConnection]]


@pytest.fixture
async def connect(database: str) -> AsyncIterator[Connect]:
    opened: list[AsyncConnection] = []

    async def make() -> AsyncConnection:
        conn = await AsyncConnection.connect(database, autocommit=True, application_name="citygrid-ingest")
        opened.append(conn)
        return conn

    first = await make()
    await first.execute("DELETE FROM shard_lease")
    await leases.declare(first, DISTRICTS)
    yield make
    for conn in opened:
        await conn.close()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "TTL_S", 0.3)


async def take(conn: AsyncConnection, shard: str, process: str) -> Held | None:
    async with conn.transaction():
        return await leases.acquire(conn, shard, process)


async def expire(conn: AsyncConnection) -> None:
    """Wait for the database's clock to pass the lease; its clock decides."""
    await conn.execute("SELECT pg_sleep(0.35)")


async def test_only_one_process_gets_a_lease_until_it_runs_out(connect: Connect) -> None:
    one, two = await connect(), await connect()

    assert await take(one, "130202", "a") == Held(shard="130202", epoch=1, process="a")
    assert await take(two, "130202", "b") is None
    await expire(two)
    assert await take(two, "130202", "b") == Held(shard="130202", epoch=2, process="b")


async def test_a_zombie_cannot_commit_after_another_took_over(connect: Connect) -> None:
    one, two = await connect(), await connect()
    old = await take(one, "130202", "a")
    assert old is not None
    await expire(one)
    await take(two, "130202", "b")

    with pytest.raises(LeaseLost):
        async with one.transaction():
            await leases.renew(one, old)


async def test_nobody_takes_over_while_the_holder_is_committing(connect: Connect) -> None:
    one, two = await connect(), await connect()
    held = await take(one, "130202", "a")
    assert held is not None

    async with one.transaction():
        await leases.renew(one, held)
        await expire(two)
        assert await take(two, "130202", "b") is None


async def test_a_holder_frozen_in_its_transaction_is_cut_off(connect: Connect) -> None:
    one, two = await connect(), await connect()
    held = await take(one, "130202", "a")
    assert held is not None
    async with one.transaction():  # the pid is known to others from the first commit on
        await leases.renew(one, held)
    await one.execute("BEGIN")
    await leases.renew(one, held)
    await expire(two)

    async with two.transaction():
        assert await leases.cut_off(two, "130202") == 1
    await expire(two)
    assert await take(two, "130202", "b") == Held(shard="130202", epoch=2, process="b")
    with pytest.raises(psycopg.OperationalError):
        await one.execute("COMMIT")


async def test_a_holder_that_works_in_time_is_not_cut_off(connect: Connect) -> None:
    one, two = await connect(), await connect()
    held = await take(one, "130202", "a")
    assert held is not None
    async with one.transaction():
        await leases.renew(one, held)

    async with two.transaction():
        assert await leases.cut_off(two, "130202") == 0


@pytest.mark.parametrize(
    ("held", "wanted", "allowed"),
    [
        (("city", None, True), "130202", False),
        (("city", None, True), "foreign", False),
        (("130202-130204", ["130202", "130204"], False), "130202", False),
        (("130202-130204", ["130202", "130204"], False), "130203", True),
        (("130202-130204", ["130202", "130204"], False), "foreign", True),
        (("130202", ["130202"], False), "foreign", True),
        (("foreign", [], True), "130202", True),
    ],
)
async def test_two_shards_that_carry_the_same_devices_are_never_held_at_once(
    connect: Connect, held: tuple[str, list[str] | None, bool], wanted: str, allowed: bool
) -> None:
    one, two = await connect(), await connect()
    await leases.declare(one, [held])
    assert await take(one, held[0], "a") is not None

    assert (await take(two, wanted, "b") is not None) is allowed


async def test_a_lease_given_back_is_free_at_once(connect: Connect) -> None:
    one, two = await connect(), await connect()
    held = await take(one, "130202", "a")
    assert held is not None
    await leases.release(one, held)

    assert await take(two, "130202", "b") == Held(shard="130202", epoch=2, process="b")


async def test_a_process_lives_as_long_as_it_says_so(connect: Connect) -> None:
    conn = await connect()
    await leases.announce(conn, "a", "districts", "http://127.0.0.1:1/metrics")

    assert [process.process for process in await leases.processes(conn)] == ["a"]
    await expire(conn)
    assert await leases.processes(conn) == []
