"""Devices that knock, in a real database: listed, bounded under a flood, registered with what they said so far."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from alerts import rulebook
from core.errors import InvalidInput, NotFound
from core.knock import Knock
from devices import gateways, unknown
from devices.model import Change, Registration
from devices.profile import shipped
from ingest import lanes, load_directory
from ingest.message import Batch, RawMessage
from ingest.pipeline import Limits
from ingest.validate import Tolerance
from runtime import carrier, letters
from runtime.carrier import Setup
from runtime.ingestor import Live, carry
from storage import unknown_devices
from storage.unknown_devices import KEPT_SELDOM
from tests import small_city

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BY = Change(now=NOW, actor="li", reason="as planned")
CODE = "1302030102000001"
OWN = "citygrid/v1/130203/manhole/{}/telemetry"


@pytest.fixture
async def live(database: str) -> Any:
    small_city.build(database)
    setup = Setup(
        writer_dsn=database,
        profiles=shipped(),
        rulebook=rulebook.load(rulebook.DEFAULT),
        limits=Limits(payload_bytes=10_000, tolerance=Tolerance(behind_us=365 * 86_400_000_000)),
    )
    async with await psycopg.AsyncConnection.connect(database) as conn:
        yield await carrier.load(conn, setup, None, NOW)


def message(topic: str, body: object, *, again: bool = False) -> RawMessage:
    return RawMessage(topic=topic, payload=json.dumps(body).encode(), packet_id=None, redelivered=again)


def said(second: int) -> dict[str, Any]:
    return {"ts": (NOW + timedelta(seconds=second)).isoformat(), "values": {"tilt_deg": 1.0}}


async def hear(live: Live, *messages: RawMessage, second: int = 0) -> None:
    batch = Batch(messages=list(messages), connection=1, backlog=0)
    await carry(batch, live, NOW + timedelta(seconds=second))


async def listed(live: Live, **given: object) -> list[dict[str, Any]]:
    return await unknown.find(live.conn, {"ignored": False, **given}, limit=5000)


async def test_who_knocks_is_listed_once_and_a_redelivery_is_no_new_knock(live: Live) -> None:
    topic = OWN.format("NEW-1")
    await hear(live, message(topic, said(0)), message(topic, said(1)))
    await hear(live, message(topic, said(1), again=True), second=5)
    await hear(live, message(topic, said(2)), second=9)

    (found,) = await listed(live)
    assert (found["format"], found["address"], found["district_code"], found["kind"]) == (
        "native", "NEW-1", "130203", "manhole"
    )  # fmt: skip
    assert (found["seen"], found["last_seen"] - found["first_seen"]) == (3, timedelta(seconds=9))


async def test_registered_with_one_step_it_keeps_what_it_said_so_far(live: Live) -> None:
    await hear(live, *(message(OWN.format("NEW-1"), said(second)) for second in range(3)))
    (found,) = await listed(live)

    wanted = Registration(label="", profile="manhole_cover", component_code=CODE)
    with pytest.raises(InvalidInput, match="no component 1302030102999999"):
        await unknown.register(
            live.conn, found["unknown_id"], Registration(label="", profile="manhole_cover",
                                                         component_code="1302030102999999"), shipped(), BY
        )  # fmt: skip
    assert await unknown.register(live.conn, found["unknown_id"], wanted, shipped(), BY) == "NEW-1"
    with pytest.raises(NotFound):
        await unknown.register(live.conn, found["unknown_id"], wanted, shipped(), BY)

    live.directory = await load_directory.load(live.conn, shipped(), None, live.directory)
    (batch,) = await letters.waiting(live.conn, lanes.CITY, NOW + timedelta(seconds=10))
    await carry(batch, live, NOW + timedelta(seconds=10))
    assert await listed(live) == []
    counts = "SELECT (SELECT count(*) FROM reading), (SELECT count(*) FROM dead_letter), (SELECT state FROM device)"
    assert await (await live.conn.execute(counts)).fetchone() == (3, 0, "commissioned")


async def test_through_a_gateway_it_is_listed_under_that_gateway(live: Live) -> None:
    await gateways.add(live.conn, "GW-1", "130203", BY)
    live.directory = await load_directory.load(live.conn, shipped(), None, live.directory)
    await hear(live, message("citygrid/v1/130203/gateway/GW-1/telemetry", [{**said(0), "device": "NEW-1"}]))

    (found,) = await listed(live)
    assert found["gateway"] == "GW-1"
    wanted = Registration(label="", profile="manhole_cover", component_code=CODE)
    await unknown.register(live.conn, found["unknown_id"], wanted, shipped(), BY)

    assert [row["devices"] for row in await gateways.listing(live.conn)] == [["NEW-1"]]


async def test_a_flood_of_made_up_names_is_bounded_and_leaves_those_that_come_again(live: Live) -> None:
    for second in range(3):
        await unknown_devices.record(live.conn, [knock("NEW-1")], NOW + timedelta(seconds=second))
    for number in range(20):
        flood = [knock(f"X-{number}-{n}") for n in range(64)]
        await unknown_devices.record(live.conn, flood, NOW + timedelta(seconds=10 + number))

    found = {row["address"] for row in await listed(live)}
    assert len(found) == KEPT_SELDOM + 1
    assert {"NEW-1", "X-19-63"} <= found


async def test_who_is_ignored_knocks_unnoticed_and_stays_in_the_list_of_the_ignored(live: Live) -> None:
    await unknown_devices.record(live.conn, [knock("NEW-1")], NOW)
    (found,) = await listed(live)
    with pytest.raises(InvalidInput, match="say why"):
        await unknown.ignore(live.conn, found["unknown_id"], Change(now=NOW, actor="li"))
    await unknown.ignore(live.conn, found["unknown_id"], BY)
    await unknown_devices.record(live.conn, [knock("NEW-1")], NOW + timedelta(seconds=9))

    assert await listed(live) == []
    (ignored,) = await listed(live, ignored=True)
    assert (ignored["seen"], ignored["ignored_by"]) == (1, "li")
    await unknown.notice(live.conn, found["unknown_id"], BY)
    assert len(await listed(live)) == 1


async def test_two_processes_that_hear_the_same_strangers_do_not_wait_for_each_other_for_ever(
    live: Live, database: str
) -> None:
    names = [f"X-{n}" for n in range(40)]
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as other:
        for _ in range(5):
            await asyncio.gather(
                unknown_devices.record(live.conn, [knock(name) for name in names], NOW),
                unknown_devices.record(other, [knock(name) for name in reversed(names)], NOW),
            )

    assert {row["seen"] for row in await listed(live)} == {10}


def knock(address: str) -> Knock:
    return Knock(
        format="native", address=address, district_code="130203", kind="manhole", gateway="",
        topic=OWN.format(address), payload=b"{}", seen=1,
    )  # fmt: skip
