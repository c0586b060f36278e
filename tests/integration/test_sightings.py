"""From a camera's fact to an incident in a database: once, with plate and picture, and not to the camera's owner."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection

from alerts import rulebook
from devices import service
from devices.profile import shipped
from ingest import pipeline
from ingest.message import Batch, RawMessage
from ingest.validate import Tolerance
from runtime import carrier, ingestor
from tests import small_city

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
LIMITS = pipeline.Limits(payload_bytes=10_000, tolerance=Tolerance(behind_us=365 * 86_400_000_000))
CAMERA = """
INSERT INTO component_class (catalogue_id, class_code, major_zh, major_en, name_zh, name_en, geometry_kind, subsystem,
                             department_zh, department_en, source, certainty)
VALUES ('test', '0150', '公用设施', 'Public utilities', '监控电子眼', 'Camera', 'point', 'none', '公安局', 'Police',
        'test', 'A');
INSERT INTO department (department_id, name_zh, name_en) OVERRIDING SYSTEM VALUE VALUES (70, '公安局', 'Police');
SELECT setval(pg_get_serial_sequence('department', 'department_id'), 100);
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, owner_dept_id, unit_grid_id,
                       data_source, geom)
VALUES ('1302030150000001', 'test', '0150', '130203', '监控', 'intact', 70, 2, 'test',
        ST_SetSRID(ST_MakePoint(118.1875, 39.64), 4326));
"""
INCIDENTS = """
SELECT i.rule, i.title_zh, i.class_code, i.filing_condition, p.name_zh, i.evidence -> 'seen' ->> 'plate', i.recovered_at
FROM incident AS i LEFT JOIN department AS p USING (department_id) ORDER BY i.incident_id
"""


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    small_city.build(database)
    camera = replace(
        small_city.covers(1)[0], label="CAM-1", profile="camera", component_code="1302030150000001", interval_s=86_400
    )
    async with await psycopg.AsyncConnection.connect(database) as connection:
        for statement in CAMERA.strip().split(";\n"):
            await connection.execute(statement.rstrip(";"))
        await service.publish_profiles(connection, shipped())
        count, findings = await service.register_many(
            connection, [camera], shipped(), now=small_city.REGISTERED_AT, actor="test"
        )
        assert (count, findings) == (1, [])
        await connection.commit()
        yield connection


async def start(conn: AsyncConnection) -> ingestor.Live:
    book = rulebook.load(rulebook.DEFAULT)
    return await carrier.load(
        conn, carrier.Setup(writer_dsn="", profiles=shipped(), rulebook=book, limits=LIMITS), None, NOW
    )


def detection(seconds: float = 0.0, *, redelivered: bool = False) -> RawMessage:
    body = {
        "ts": int((NOW + timedelta(seconds=seconds)).timestamp() * 1000),
        "seq": 1,
        "kind": "uncovered_truck",
        "confidence": 0.91,
        "plate": "冀B12345",
        "snapshot_url": "https://video/1.jpg",
    }
    return RawMessage("citygrid/v1/130203/camera/CAM-1/event", json.dumps(body).encode(), None, redelivered)


async def carry(live: ingestor.Live, *messages: RawMessage, after_s: float = 0.0) -> ingestor.Carried:
    return await ingestor.carry(
        Batch(messages=list(messages), connection=1, backlog=0), live, NOW + timedelta(seconds=after_s)
    )


async def found(conn: AsyncConnection) -> list[tuple[object, ...]]:
    return await (await conn.execute(INCIDENTS)).fetchall()


async def test_a_truck_seen_is_an_incident_of_its_class_with_its_plate(conn: AsyncConnection) -> None:
    live = await start(conn)

    carried = await carry(live, detection(), after_s=1)

    assert (carried.facts, carried.transitions > 0) == (1, True)
    assert await found(conn) == [
        (
            "MuckTruckUncoveredSeen",
            "CAM-1 发现渣土车未密闭：冀B12345",
            "E0311",
            "truck_uncovered",
            "城市管理局（渣土管理处）",
            "冀B12345",
            None,
        )
    ]


async def test_a_fact_delivered_again_to_another_process_fires_nothing(conn: AsyncConnection) -> None:
    await carry(await start(conn), detection(), after_s=1)

    carried = await carry(await start(conn), detection(redelivered=True), after_s=2)

    assert (carried.facts, carried.facts_repeated, carried.transitions) == (0, 1, 0)
    assert len(await found(conn)) == 1


async def test_a_process_that_takes_over_ends_what_was_not_seen_again(conn: AsyncConnection) -> None:
    await carry(await start(conn), detection(), after_s=1)
    live = await start(conn)

    await carry(live, after_s=2)
    assert (await found(conn))[0][-1] is None
    await carry(live, after_s=2701)

    recovered_at = (await found(conn))[0][-1]
    assert recovered_at is not None


async def test_a_silence_that_stands_is_taken_over_though_the_rule_watches_types_the_city_has_none_of(
    conn: AsyncConnection,
) -> None:
    live = await start(conn)
    await carry(live, detection(), after_s=1)
    live.state.tolerated_gap_us = 10**15
    await carry(live, after_s=4 * 86_400)
    assert "DeviceSilent" in {row[0] for row in await found(conn)}

    taken_over = await start(conn)

    assert len(taken_over.state.awake("DeviceSilent")) == 1
