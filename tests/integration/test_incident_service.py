"""What people do with incidents, on the real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import AsyncConnection

from alerts import service
from alerts.incident import IllegalStep
from alerts.service import Assignment, Order
from core.errors import InvalidInput, NotFound

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database) as connection:
        await connection.execute("SET timezone = 'UTC'")
        await connection.execute(
            """
            INSERT INTO department (name_zh, name_en) VALUES ('一', 'one');
            INSERT INTO incident (cause, rule, severity, title_zh, title_en, stage, district_code, origin,
                fired_ts, opened_at, deadline, evidence, geom)
            VALUES ('R/device:1', 'R', 'major', '标题', 'title', 'reported', '130202', 0, now(), now(), now(), '{}',
                ST_SetSRID(ST_MakePoint(118.1, 39.6), 4326))
            """
        )
        await connection.commit()
        yield connection


async def fetch(conn: AsyncConnection, query: str) -> list[tuple[object, ...]]:
    return await (await conn.execute(query.encode())).fetchall()


async def test_the_whole_loop_leaves_its_history_and_its_audit(conn: AsyncConnection) -> None:
    await service.acknowledge(conn, Order(incident_id=1, actor="王", reason="seen"), NOW)
    await service.assign(conn, Order(incident_id=1, actor="王"), Assignment(assignee="李", department_id=1), NOW)
    await service.assign(conn, Order(incident_id=1, actor="王", reason="ill"), Assignment(assignee="赵"), NOW)
    await service.close(conn, Order(incident_id=1, actor="赵", reason="mended"), NOW + timedelta(hours=1))

    incident = await fetch(conn, "SELECT stage, assignee, department_id, closed_at FROM incident")
    events = await fetch(conn, "SELECT kind, from_stage, to_stage, actor, reason FROM incident_event ORDER BY event_id")
    audit = await fetch(conn, "SELECT actor, action, subject FROM audit ORDER BY audit_id")

    assert incident == [("closed", "赵", 1, NOW + timedelta(hours=1))]
    assert events == [
        ("acknowledged", "reported", "filed", "王", "seen"),
        ("assigned", "filed", "dispatched", "王", ""),
        ("assigned", "dispatched", "dispatched", "王", "ill"),
        ("closed", "dispatched", "closed", "赵", "mended"),
    ]
    assert audit == [
        ("王", "incident.acknowledge", "incident 1"),
        ("王", "incident.assign", "incident 1"),
        ("王", "incident.assign", "incident 1"),
        ("赵", "incident.close", "incident 1"),
    ]


async def test_a_refused_step_leaves_no_trace(conn: AsyncConnection) -> None:
    with pytest.raises(IllegalStep, match="cannot be assigned; possible: acknowledge, close"):
        await service.assign(conn, Order(incident_id=1, actor="王"), Assignment(assignee="李"), NOW)

    assert await fetch(conn, "SELECT stage, assignee FROM incident") == [("reported", None)]
    assert await fetch(conn, "SELECT count(*) FROM incident_event UNION ALL SELECT count(*) FROM audit") == [(0,), (0,)]


async def test_two_people_cannot_both_acknowledge(conn: AsyncConnection) -> None:
    await service.acknowledge(conn, Order(incident_id=1, actor="王"), NOW)

    with pytest.raises(IllegalStep, match="incident 1 is filed"):
        await service.acknowledge(conn, Order(incident_id=1, actor="李"), NOW)


async def test_an_unknown_incident_is_not_found(conn: AsyncConnection) -> None:
    with pytest.raises(NotFound, match="no incident 99"):
        await service.acknowledge(conn, Order(incident_id=99, actor="王"), NOW)


async def test_an_unknown_department_is_refused(conn: AsyncConnection) -> None:
    await service.acknowledge(conn, Order(incident_id=1, actor="王"), NOW)

    with pytest.raises(InvalidInput, match="no department 99"):
        await service.assign(conn, Order(incident_id=1, actor="王"), Assignment(department_id=99), NOW)


async def test_closing_wants_a_reason(conn: AsyncConnection) -> None:
    with pytest.raises(InvalidInput, match="reason"):
        await service.close(conn, Order(incident_id=1, actor="王", reason=" "), NOW)


async def test_assigning_wants_somebody(conn: AsyncConnection) -> None:
    with pytest.raises(InvalidInput, match="to whom"):
        await service.assign(conn, Order(incident_id=1, actor="王"), Assignment(assignee=" "), NOW)


async def test_an_actor_is_wanted(conn: AsyncConnection) -> None:
    with pytest.raises(InvalidInput, match="who"):
        await service.acknowledge(conn, Order(incident_id=1, actor=""), NOW)


async def test_a_step_is_announced_by_its_events_number(conn: AsyncConnection, database: str) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as listener:
        await listener.execute("LISTEN citygrid_incident")
        event_id = await service.acknowledge(conn, Order(incident_id=1, actor="王"), NOW)
        await conn.commit()
        heard = [note.payload async for note in listener.notifies(timeout=5, stop_after=1)]

    assert heard == [str(event_id)]
