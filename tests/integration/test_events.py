"""Facts are stored once, whatever they hold, and found again."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from core.facts import LocatedFact
from storage import events
from tests.builders import START_US, fleet

pytestmark = pytest.mark.services

RECEIVED_US = START_US + 7_000_000
DETECTION = LocatedFact(
    slot=1,
    ts_us=START_US,
    seq=5,
    kind="vehicle",
    confidence=0.93,
    plate="冀B·12345",
    snapshot_url="https://vms.example/s/1.jpg",
    snapshot_sha256="ab" * 32,
    origin=1,
    unit_grid_id=42,
    quality=8,
    detail={"box": [0.1, 0.2, 0.3, 0.4], "class": "truck"},
    message=0,
)
STORED = """
SELECT device_id, (extract(epoch FROM ts) * 1000000)::bigint, seq, kind, confidence, plate, snapshot_url,
       snapshot_sha256, origin, unit_grid_id, quality, detail, (extract(epoch FROM received_at) * 1000000)::bigint
FROM event
"""


async def stored(conn: psycopg.AsyncConnection) -> list[tuple[Any, ...]]:
    return await (await conn.execute(STORED)).fetchall()


async def test_every_column_comes_back_as_it_went_in(database: str) -> None:
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await events.insert_new(conn, [DETECTION], fleet(count=3, first_id=11), RECEIVED_US)

        found = await stored(conn)

    fact = DETECTION
    picture = (fact.snapshot_url, fact.snapshot_sha256)
    assert found == [(12, START_US, 5, "vehicle", 0.93, fact.plate, *picture, 1, 42, 8, dict(fact.detail), RECEIVED_US)]


async def test_a_fact_delivered_again_is_not_new(database: str) -> None:
    other_kind, other_seq = replace(DETECTION, kind="person"), replace(DETECTION, seq=6)
    async with await psycopg.AsyncConnection.connect(database) as conn:
        first = await events.insert_new(conn, [DETECTION, DETECTION, other_kind], fleet(count=3), RECEIVED_US)
        again = await events.insert_new(conn, [DETECTION, other_kind, other_seq], fleet(count=3), RECEIVED_US)

        assert (first, again) == ([DETECTION, other_kind], [other_seq])
        assert len(await stored(conn)) == 3


async def test_a_fact_dated_by_its_arrival_is_known_again_when_it_is_delivered_again(database: str) -> None:
    arrived_later = replace(DETECTION, ts_us=DETECTION.ts_us + 5_000_000)
    async with await psycopg.AsyncConnection.connect(database) as conn:
        first = await events.insert_new(conn, [DETECTION], fleet(count=3), RECEIVED_US)
        again = await events.insert_new(conn, [arrived_later], fleet(count=3), RECEIVED_US, redelivered={0})
        another = await events.insert_new(conn, [arrived_later], fleet(count=3), RECEIVED_US)

    assert (first, again, another) == ([DETECTION], [], [arrived_later])


async def test_text_that_postgresql_cannot_hold_is_mended_and_not_refused(database: str) -> None:
    detail = {"note\x00": ["a\x00b", "half \ud83d of a pair"], "ratio": float("nan")}
    odd = replace(DETECTION, plate="京A\x00", snapshot_url="", detail=detail)
    async with await psycopg.AsyncConnection.connect(database) as conn:
        new = await events.insert_new(conn, [odd], fleet(count=3), RECEIVED_US)

        row = (await stored(conn))[0]

    assert [(fact.plate, fact.snapshot_url) for fact in new] == [("京A\ufffd", None)]
    assert row[5:7] == ("京A\ufffd", None)
    assert row[11] == {"note\ufffd": ["a\ufffdb", "half ? of a pair"], "ratio": None}


async def test_a_writer_may_store_and_drop_events_and_a_reader_may_not(database: str) -> None:
    async with await psycopg.AsyncConnection.connect(database, options="-c role=citygrid_writer") as writer:
        await events.insert_new(writer, [DETECTION], fleet(count=3), RECEIVED_US)
        dropped = await (await writer.execute("SELECT drop_events_before(now() + INTERVAL '90 days')")).fetchone()
    async with await psycopg.AsyncConnection.connect(database, options="-c role=citygrid_reader") as reader:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.execute("SELECT drop_events_before(now())")

    assert dropped == (1,)
