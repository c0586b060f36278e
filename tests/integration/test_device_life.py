"""A device's life in a real database: who may take its place, and what stays with the component."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from alerts import rulebook
from core.errors import Conflict, InvalidInput, NotFound
from core.quality import Quality
from devices import identities, service
from devices.identities import Holder
from devices.life import State
from devices.model import Change, Move, Registration
from devices.profile import shipped
from ingest.message import Batch, RawMessage
from ingest.pipeline import Limits
from ingest.validate import Tolerance
from runtime import carrier
from runtime.carrier import Setup
from runtime.ingestor import carry
from tests import small_city

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CODE, OTHER_CODE = "1302030102000001", "1302030102000002"
Connection = psycopg.AsyncConnection[Any]


def at(hours: float = 0, reason: str = "as planned") -> Change:
    return Change(now=NOW + timedelta(hours=hours), actor="li", reason=reason)


@pytest.fixture
async def conn(database: str) -> Any:
    small_city.build(database)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        yield conn


async def install(conn: Connection, *rows: Registration, state: State = State.INSTALLED) -> None:
    count, findings = await service.register_many(conn, rows, shipped(), now=NOW, actor="li", state=state)
    assert (count, findings) == (len(rows), [])


async def move(conn: Connection, label: str, to: State, by: Change, code: str = "") -> None:
    await service.move(conn, Move(label=label, to=to, component_code=code), shipped(), by)


async def rows(conn: Connection, query: str) -> list[tuple[Any, ...]]:
    return await (await conn.execute(query.encode())).fetchall()


STATES = "SELECT label, state FROM device ORDER BY label"
MOUNTINGS = """
SELECT d.label, right(c.code, 1), extract(epoch FROM m.since - '2026-11-22T00:00:00Z')::int / 3600,
       extract(epoch FROM m.until - '2026-11-22T00:00:00Z')::int / 3600, f.label
FROM device_mounting m JOIN device d USING (device_id) JOIN component c ON c.component_id = m.component_id
LEFT JOIN device f ON f.device_id = m.replaced_by ORDER BY m.since, m.mounting_id
"""


async def test_another_device_takes_the_place_and_the_former_serves_again_elsewhere(conn: Connection) -> None:
    await install(conn, *small_city.covers(1), state=State.IN_SERVICE)

    await service.replace(conn, "MC-1", Registration(label="NEW", profile=""), shipped(), at(1, "battery"))
    await move(conn, "MC-1", State.INSTALLED, at(2), OTHER_CODE)

    assert await rows(conn, STATES) == [("MC-1", "installed"), ("NEW", "installed")]
    assert await rows(conn, MOUNTINGS) == [
        ("MC-1", "1", 0, 1, "NEW"), ("NEW", "1", 1, None, None), ("MC-1", "2", 2, None, None)
    ]  # fmt: skip
    told = "SELECT actor, kind, detail ->> 'reason', detail ->> 'replaced_by' FROM device_event WHERE kind = 'replaced'"
    assert await rows(conn, told) == [("li", "replaced", "battery", "NEW")]
    same = "SELECT count(DISTINCT (interval_s, profile)) FROM device"
    assert await rows(conn, same) == [(1,)]


async def test_a_spare_that_was_replaced_elsewhere_takes_the_place(conn: Connection) -> None:
    await install(conn, *small_city.covers(2))
    await move(conn, "MC-2", State.REPLACED, at(1))

    await service.replace(conn, "MC-1", Registration(label="MC-2", profile=""), shipped(), at(2))

    assert (await rows(conn, MOUNTINGS))[-1] == ("MC-2", "1", 2, None, None)


async def test_a_place_that_is_taken_or_wrong_is_refused_and_nothing_changes(conn: Connection) -> None:
    await install(conn, *small_city.covers(2), small_city.bus())
    await move(conn, "MC-1", State.REPLACED, at(1))

    with pytest.raises(Conflict, match="carries MC-2 already"):
        await move(conn, "MC-1", State.INSTALLED, at(2), OTHER_CODE)
    with pytest.raises(NotFound, match="no component 1302030102999999"):
        await move(conn, "MC-1", State.INSTALLED, at(2), "1302030102999999")
    with pytest.raises(InvalidInput, match="on which component"):
        await move(conn, "MC-1", State.INSTALLED, at(2))
    with pytest.raises(InvalidInput, match="say why"):
        await move(conn, "MC-2", State.RETIRED, at(2, ""))
    with pytest.raises(Conflict, match="BUS-1 is a bus, MC-2 is a manhole_cover"):
        await service.replace(conn, "MC-2", Registration(label="BUS-1", profile=""), shipped(), at(2))
    with pytest.raises(InvalidInput, match="not 1 to 64"):
        await service.replace(conn, "MC-2", Registration(label="no spaces", profile=""), shipped(), at(2))

    assert await rows(conn, STATES) == [("BUS-1", "installed"), ("MC-1", "replaced"), ("MC-2", "installed")]


async def test_whoever_leaves_its_place_loses_its_identity(conn: Connection) -> None:
    await install(conn, *small_city.covers(2))
    for label in ("MC-1", "MC-2"):
        await identities.issue(conn, Holder(label=label), shipped(), at())

    await move(conn, "MC-1", State.RETIRED, at(1))
    await move(conn, "MC-2", State.REPLACED, at(1))
    await move(conn, "MC-2", State.INSTALLED, at(2), OTHER_CODE)

    assert await identities.listing(conn) == []
    assert (await identities.in_force(conn, shipped())).hashes == ()


async def test_the_first_reading_commissions_what_is_installed_and_is_marked(conn: Connection, database: str) -> None:
    await install(conn, *small_city.covers(1))
    await install(conn, *small_city.covers(1, first=2), state=State.IN_SERVICE)
    await install(conn, *small_city.covers(1, first=3), state=State.REGISTERED)
    live = await journey(database)
    try:
        for second in range(2):
            await carry(heard("MC-1", "MC-2", "MC-3", seconds=second), live, NOW + timedelta(seconds=5))
    finally:
        await live.conn.close()

    assert await rows(conn, STATES) == [("MC-1", "commissioned"), ("MC-2", "in_service"), ("MC-3", "registered")]
    moved = "SELECT actor, kind, detail ->> 'from' FROM device_event WHERE kind = 'commissioned'"
    assert await rows(conn, moved) == [("ingest", "commissioned", "installed")]
    marked = f"""SELECT DISTINCT d.label, r.quality & {Quality.NOT_IN_SERVICE:d} > 0
                 FROM reading r JOIN device d USING (device_id) ORDER BY 1"""
    assert await rows(conn, marked) == [("MC-1", True), ("MC-2", False), ("MC-3", True)]


async def test_no_rule_looks_at_a_device_that_is_worked_on(conn: Connection, database: str) -> None:
    await install(conn, *small_city.covers(2), state=State.IN_SERVICE)
    await move(conn, "MC-1", State.MAINTENANCE, at(-1, "cover is lifted"))
    live = await journey(database)
    try:
        await carry(heard("MC-1", "MC-2", tilt=80.0), live, NOW + timedelta(seconds=5))
    finally:
        await live.conn.close()

    assert await rows(conn, "SELECT count(*) FROM reading") == [(2,)]
    fired = "SELECT DISTINCT d.label FROM incident i JOIN device d USING (device_id)"
    assert await rows(conn, fired) == [("MC-2",)]


async def journey(database: str) -> carrier.Live:
    conn = await psycopg.AsyncConnection.connect(database)
    setup = Setup(
        writer_dsn=database,
        profiles=shipped(),
        rulebook=rulebook.load(rulebook.DEFAULT),
        limits=Limits(payload_bytes=10_000, tolerance=Tolerance(behind_us=365 * 86_400_000_000)),
    )
    return await carrier.load(conn, setup, None, NOW)


def heard(*labels: str, seconds: int = 0, tilt: float = 1.0) -> Batch:
    ts = (NOW + timedelta(seconds=seconds)).isoformat()
    return Batch(
        messages=[
            RawMessage(
                topic=f"citygrid/v1/130203/manhole/{label}/telemetry",
                payload=json.dumps({"ts": ts, "values": {"tilt_deg": tilt}}).encode(),
                packet_id=None,
                redelivered=False,
            )
            for label in labels
        ],
        connection=1,
        backlog=0,
    )
