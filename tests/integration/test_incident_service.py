"""What people do with incidents, on the real database: each step with its traces, a refusal with none."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection

from alerts import service
from alerts.due import parse
from alerts.incident import Action, IllegalStep, Role, WrongRole
from alerts.limits import CityTime
from alerts.moves import Given
from alerts.service import Order
from core.errors import InvalidInput, NotFound, PlatformError

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


async def city(_: AsyncConnection) -> CityTime:
    return CityTime()


async def act(
    conn: AsyncConnection, action: Action, role: Role, given: Given | None = None, now: datetime = NOW, number: int = 1
) -> int:
    order = Order(incident_id=number, action=action, role=role, given=given or Given(actor="王"))
    return await service.act(conn, order, city, now)


async def file(conn: AsyncConnection) -> None:
    await act(conn, Action.FILE, Role.SHIFT_LEADER, Given(actor="王", reason="seen", limit=parse("2 urgent_hour")))


async def fetch(conn: AsyncConnection, query: str) -> list[tuple[object, ...]]:
    return await (await conn.execute(query.encode())).fetchall()


async def test_each_step_leaves_its_history_and_its_audit(conn: AsyncConnection) -> None:
    await file(conn)
    to = Given(actor="李", department_id=1, assignee="赵")
    await act(conn, Action.DISPATCH, Role.DISPATCHER, to, NOW + timedelta(hours=1))

    incident = await fetch(
        conn, "SELECT stage, assignee, department_id, filed_at, dispatched_at, deadline FROM incident"
    )
    events = await fetch(
        conn, "SELECT kind, from_stage, to_stage, actor, role, reason, at FROM incident_event ORDER BY event_id"
    )
    audit = await fetch(conn, "SELECT actor, action, subject, detail ->> 'role' FROM audit ORDER BY audit_id")

    later = NOW + timedelta(hours=1)
    assert incident == [("dispatched", "赵", 1, NOW, later, later + timedelta(hours=2))]
    assert events == [
        ("filed", "reported", "filed", "王", "shift_leader", "seen", NOW),
        ("dispatched", "filed", "dispatched", "李", "dispatcher", "", later),
    ]
    assert audit == [
        ("王", "incident.filed", "incident 1", "shift_leader"),
        ("李", "incident.dispatched", "incident 1", "dispatcher"),
    ]


REFUSED: list[tuple[Action, Role, Given, type[PlatformError], str]] = [
    (Action.DISPATCH, Role.DISPATCHER, Given(actor="王", department_id=1), IllegalStep, "possible for dispatcher: "),
    (Action.FILE, Role.DEPARTMENT, Given(actor="王"), WrongRole, "for shift_leader or system, not department"),
    (Action.FILE, Role.SYSTEM, Given(actor="王"), WrongRole, "nobody acts as system"),
    (Action.FILE, Role.SHIFT_LEADER, Given(actor="王"), InvalidInput, "sets no limit"),
    (Action.FILE, Role.SHIFT_LEADER, Given(actor=" "), InvalidInput, "who"),
    (Action.REJECT, Role.ACCEPTOR, Given(actor="王", reason=" "), InvalidInput, "reason"),
    (Action.HAND_DOWN, Role.DISPATCHER, Given(actor="王", reason="theirs"), InvalidInput, "street_code"),
    (Action.HAND_DOWN, Role.DISPATCHER, Given(actor="王", reason="theirs", street_code="130203001"), InvalidInput,
     "street_code"),
    (Action.MERGE, Role.ACCEPTOR, Given(actor="王", reason="same"), InvalidInput, "into"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "role", "given", "refusal", "words"), REFUSED)
async def test_a_refused_step_leaves_no_trace(
    conn: AsyncConnection, action: Action, role: Role, given: Given, refusal: type[PlatformError], words: str
) -> None:
    with pytest.raises(refusal, match=words):
        await act(conn, action, role, given)

    assert await fetch(conn, "SELECT stage, assignee, level FROM incident") == [("reported", None, "district")]
    assert await fetch(conn, "SELECT count(*) FROM incident_event UNION ALL SELECT count(*) FROM audit") == [(0,), (0,)]


async def test_two_people_cannot_both_file(conn: AsyncConnection) -> None:
    await file(conn)

    with pytest.raises(IllegalStep, match="incident 1 is filed"):
        await file(conn)


async def test_an_unknown_incident_is_not_found(conn: AsyncConnection) -> None:
    with pytest.raises(NotFound, match="no incident 99"):
        await act(conn, Action.REJECT, Role.ACCEPTOR, Given(actor="王", reason="x"), number=99)
    with pytest.raises(NotFound, match="no incident 99"):
        await service.look(conn, 99)


async def test_an_unknown_department_is_refused(conn: AsyncConnection) -> None:
    await file(conn)

    with pytest.raises(InvalidInput, match="no department 99"):
        await act(conn, Action.DISPATCH, Role.DISPATCHER, Given(actor="王", department_id=99))


async def test_a_limit_of_two_stages_runs_one_after_the_other(conn: AsyncConnection) -> None:
    await file(conn)
    stages = '[{"name": "make_safe", "limit": "1 urgent_hour"}, {"name": "repair", "limit": "3 urgent_day"}]'
    await conn.execute("UPDATE incident SET limit_stages = %s", (stages,))
    await act(conn, Action.DISPATCH, Role.DISPATCHER, Given(actor="王", department_id=1))
    await act(conn, Action.ACCEPT, Role.DEPARTMENT)
    before = await fetch(conn, "SELECT deadline FROM incident")
    await act(conn, Action.MADE_SAFE, Role.DEPARTMENT, now=NOW + timedelta(minutes=40))

    assert before == [(NOW + timedelta(hours=1),)]
    due = NOW + timedelta(days=3, minutes=40)
    assert await fetch(conn, "SELECT limit_at, deadline FROM incident") == [(1, due)]
    with pytest.raises(IllegalStep, match="no further stage"):
        await act(conn, Action.MADE_SAFE, Role.DEPARTMENT)


async def test_a_case_taken_into_another_says_so_in_both_histories(conn: AsyncConnection) -> None:
    await conn.execute(
        """
        INSERT INTO incident (cause, rule, severity, title_zh, title_en, stage, district_code, origin, fired_ts,
            opened_at, evidence, geom)
        SELECT 'other', rule, severity, title_zh, title_en, stage, district_code, origin, fired_ts, opened_at, evidence,
            geom FROM incident
        """
    )
    order = Order(
        incident_id=1, action=Action.MERGE, role=Role.ACCEPTOR, given=Given(actor="王", reason="same"), into=2
    )
    await service.act(conn, order, city, NOW)

    assert await fetch(conn, "SELECT stage, outcome FROM incident ORDER BY 1") == [
        ("closed", "merged"),
        ("reported", None),
    ]
    events = await fetch(conn, "SELECT incident_id, kind, detail - 'due_at' FROM incident_event ORDER BY event_id")
    assert events == [(2, "absorbed", {"from": 1}), (1, "merged", {"into": 2})]


@pytest.mark.parametrize("table", ["incident_event", "audit"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET actor = 'x'", "TRUNCATE {} CASCADE"])
async def test_history_only_grows_even_for_its_owner(conn: AsyncConnection, table: str, change: str) -> None:
    await file(conn)
    await conn.commit()

    with pytest.raises(psycopg.errors.RestrictViolation, match="only grows"):
        await conn.execute(change.format(table).encode())


async def test_the_writer_may_not_change_history(conn: AsyncConnection) -> None:
    await conn.execute("SET ROLE citygrid_writer")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await conn.execute("DELETE FROM incident_event")


async def test_a_step_is_announced_by_its_events_number(conn: AsyncConnection, database: str) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as listener:
        await listener.execute("LISTEN citygrid_incident")
        event_id = await act(conn, Action.REQUEST_VERIFICATION, Role.ACCEPTOR)
        await conn.commit()
        heard = [note.payload async for note in listener.notifies(timeout=5, stop_after=1)]

    assert heard == [str(event_id)]
