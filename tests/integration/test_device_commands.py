"""Orders to devices on a real broker and database: told, answered, told again, given up."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import pytest
from psycopg import AsyncConnection, conninfo
from pydantic import SecretStr

from core.errors import Conflict, InvalidInput, NotFound
from devices import command, commands, service
from devices.commands import Answered, Wish
from devices.model import Change
from devices.profile import shipped
from runtime.commander import Commander
from runtime.settings import Settings
from tests import small_city
from wire import broker as addresses

pytestmark = pytest.mark.services
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BY = Change(now=NOW, actor="test")
TOPIC = "citygrid/v1/130203/manhole/MC-1/command"
WISH = Wish(label="MC-1", command="set_interval", arguments={"interval_s": 120}, reason="battery")


class Clock:
    """A clock that stands until somebody moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    small_city.build(database)
    async with await AsyncConnection.connect(database, autocommit=True) as conn:
        await service.register_many(conn, small_city.covers(3), shipped(), now=NOW, actor="test")
        yield conn


@pytest.fixture
async def clock(conn: AsyncConnection, database: str, broker: str) -> AsyncIterator[Clock]:
    """A commander at work, and the clock it reads."""
    clock = Clock()
    name = conninfo.conninfo_to_dict(database)["dbname"]
    settings = Settings(database_url=SecretStr(database), mqtt_url=SecretStr(broker), mqtt_client_id=f"test-{name}")
    working = asyncio.create_task(Commander(settings, shipped(), clock).run())
    yield clock
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


class Device:
    """A device that keeps what it is told."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self._messages = client.messages

    async def told(self) -> dict[str, Any]:
        """Wait for the next order."""
        async with asyncio.timeout(15):
            message = await anext(self._messages)
        assert isinstance(message.payload, bytes)
        return json.loads(message.payload)

    async def say(self, content: object) -> None:
        await self.client.publish(TOPIC.replace("command", "answer"), json.dumps(content), qos=1)


@pytest.fixture
async def device(broker: str) -> AsyncIterator[Device]:
    at = addresses.parse(broker)
    async with aiomqtt.Client(
        at.host, at.port, username=at.username, password=at.password, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:
        await client.subscribe(TOPIC, qos=1)
        yield Device(client)


async def newest(conn: AsyncConnection) -> dict[str, Any]:
    return (await commands.listing(conn, "MC-1", limit=1))[0]


async def until(conn: AsyncConnection, state: str) -> dict[str, Any]:
    async with asyncio.timeout(15):
        while (row := await newest(conn))["state"] != state:  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(0.05)
    return row


async def test_a_device_does_what_it_is_told_and_the_registry_follows(
    conn: AsyncConnection, clock: Clock, device: Device
) -> None:
    number = await commands.give(conn, WISH, shipped(), BY)
    order = await device.told()
    await device.say({"id": order["id"], "ok": True})
    row = await until(conn, "done")
    interval = await (await conn.execute("SELECT interval_s FROM device WHERE label = 'MC-1'")).fetchone()
    audited = await (await conn.execute("SELECT actor, detail FROM audit WHERE action = 'command_given'")).fetchone()

    assert order == {
        "id": number,
        "command": "set_interval",
        "arguments": {"interval_s": 120},
        "expires": "2026-11-22T00:10:00Z",
    }
    assert (row["tries"], row["requested_by"]) == (1, "test")
    assert interval == (120,)
    assert audited is not None
    assert (audited[0], audited[1]["reason"]) == ("test", "battery")


async def test_a_refusal_is_kept_with_its_reason_and_changes_nothing(
    conn: AsyncConnection, clock: Clock, device: Device
) -> None:
    await commands.give(conn, WISH, shipped(), BY)
    order = await device.told()
    await device.say("nonsense")
    await device.say({"id": order["id"], "ok": False, "reason": "battery too low"})
    row = await until(conn, "refused")

    assert row["answer"] == "battery too low"
    assert await (await conn.execute("SELECT interval_s FROM device WHERE label = 'MC-1'")).fetchone() == (10,)


async def test_without_an_answer_it_is_told_again_and_given_up_in_the_end_but_a_late_answer_counts(
    conn: AsyncConnection, clock: Clock, device: Device
) -> None:
    await commands.give(conn, WISH, shipped(), BY)
    numbers: list[int] = []
    for _ in range(command.TRIES):
        numbers.append((await device.told())["id"])
        clock.now += command.AGAIN_AFTER
    clock.now = NOW + command.USUAL_LIFE
    given_up = await until(conn, "expired")
    await device.say({"id": numbers[0], "ok": True})
    done = await until(conn, "done")

    assert len(set(numbers)) == 1
    assert given_up["tries"] == command.TRIES
    assert done["answered_at"] == clock.now


async def test_an_order_marked_as_sent_by_a_commander_that_died_is_told_by_the_next(
    conn: AsyncConnection, device: Device, clock: Clock
) -> None:
    clock.now = NOW - timedelta(days=1)  # the one at work finds nothing to do yet
    await commands.give(conn, replace(WISH, label="MC-2"), shipped(), BY)
    number = await commands.give(conn, WISH, shipped(), BY)
    taken = await commands.take_due(conn, NOW, 10)
    clock.now = NOW + command.AGAIN_AFTER

    assert [row["label"] for row in taken] == ["MC-2", "MC-1"]
    assert (await device.told())["id"] == number


async def test_nobody_answers_for_another(conn: AsyncConnection) -> None:
    number = await commands.give(conn, WISH, shipped(), BY)

    stray = await commands.take_answers(conn, [Answered(label="MC-2", number=number, ok=True)], NOW)
    twice = [Answered(label="MC-1", number=number, ok=is_first) for is_first in (True, False)]

    assert stray == 0
    assert await commands.take_answers(conn, twice, NOW) == 1
    assert (await newest(conn))["state"] == "done"


async def test_what_cannot_be_told_is_refused_with_what_would_be_right(conn: AsyncConnection) -> None:
    await conn.execute("UPDATE device SET state = 'retired' WHERE label = 'MC-2'")
    await conn.execute("UPDATE device SET format = 'chirpstack', address = '24e124713d111111' WHERE label = 'MC-3'")
    wrong: list[tuple[Wish, type[Exception], str]] = [
        (replace(WISH, label="MC-9"), NotFound, "no device MC-9"),
        (replace(WISH, command="lamp_on"), InvalidInput, "it knows: set_interval"),
        (replace(WISH, arguments={}), InvalidInput, r"takes interval_s \(60 to 86400 s\)"),
        (replace(WISH, arguments={"interval_s": 1}), InvalidInput, "1 is not between 60 and 86400 s"),
        (replace(WISH, arguments={"interval_s": float("nan")}), InvalidInput, "not between"),
        (replace(WISH, life=timedelta(days=8)), InvalidInput, "to 7 days"),
        (replace(WISH, label="MC-2"), Conflict, "is retired"),
        (replace(WISH, label="MC-3"), Conflict, "speaks chirpstack"),
    ]
    for wish, error, words in wrong:
        with pytest.raises(error, match=words):
            await commands.give(conn, wish, shipped(), BY)
    for _ in range(command.MOST_OPEN):
        await commands.give(conn, WISH, shipped(), BY)
    with pytest.raises(Conflict, match="cancel some, or wait"):
        await commands.give(conn, WISH, shipped(), BY)


async def test_a_cancelled_order_is_not_told_and_is_cancelled_once(conn: AsyncConnection) -> None:
    number = await commands.give(conn, WISH, shipped(), BY)
    await commands.cancel(conn, "MC-1", number, BY)

    assert await commands.take_due(conn, NOW, 10) == []
    assert (await newest(conn))["answer"] == "cancelled by test"
    with pytest.raises(Conflict):
        await commands.cancel(conn, "MC-1", number, BY)
