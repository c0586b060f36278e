"""The city's limits and calendar, and what the clock does to incidents by itself, on the real database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection

from alerts import calendar_file, city_time, limits, service, timer
from alerts.incident import Action, Role
from alerts.limits import CityTime
from alerts.moves import Given
from alerts.service import Order
from alerts.timer import Reading
from alerts.work_calendar import WorkDay
from core.errors import InvalidInput
from storage.queries import incidents

pytestmark = pytest.mark.services

ZONE = ZoneInfo("Asia/Shanghai")
READING = Reading(timezone="Asia/Shanghai", work_day=WorkDay.HOURS)
WEDNESDAY = datetime(2026, 9, 30, 17, 0, tzinfo=ZONE)
"""An hour before seven days off; the Thursday after them is the next working day."""
INSERT = """
INSERT INTO incident (cause, rule, severity, title_zh, title_en, stage, district_code, origin, fired_ts, opened_at,
    evidence, geom, level, holder_code)
VALUES (%s, 'R', 'major', '标题', 'title', 'reported', %s, 0, %s, %s, '{}',
    ST_SetSRID(ST_MakePoint(118.1, 39.6), 4326), %s, %s)
RETURNING incident_id
"""


def at(day: int, clock: str, month: int = 10) -> datetime:
    return datetime.fromisoformat(f"2026-{month:02d}-{day:02d}T{clock}+08:00")


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("SET timezone = 'UTC'")
        await connection.execute("INSERT INTO department (name_zh, name_en) VALUES ('一', 'one')")
        async with connection.transaction():
            await city_time.replace_limits(connection, limits.shipped().by_key.values(), actor="test", now=WEDNESDAY)
            await city_time.import_calendar(connection, calendar_file.shipped(), actor="test", now=WEDNESDAY)
        yield connection


async def opened(conn: AsyncConnection, *, level: str = "street", holder: str = "130202001", cause: str = "R/1") -> int:
    row = await (await conn.execute(INSERT, (cause, holder[:6], WEDNESDAY, WEDNESDAY, level, holder))).fetchone()
    assert row is not None
    return int(row[0])


async def city_of(conn: AsyncConnection) -> CityTime:
    return await city_time.load(conn, READING.timezone, READING.work_day)


async def step(conn: AsyncConnection, action: Action, role: Role, now: datetime, **given: Any) -> None:
    order = Order(incident_id=1, action=action, role=role, given=Given(actor="王", **given))
    await service.act(conn, order, city_of, now)


async def dispatched(conn: AsyncConnection, condition: str = "broken", now: datetime = WEDNESDAY) -> None:
    await opened(conn)
    await step(conn, Action.FILE, Role.SHIFT_LEADER, now, class_code="0101", condition=condition, reason="seen")
    await step(conn, Action.DISPATCH, Role.DISPATCHER, now, department_id=1)


async def told(conn: AsyncConnection) -> list[tuple[Any, ...]]:
    """Give what the timer wrote down: kind, reason, holder, when it was so."""
    rows = await conn.execute(
        """
        SELECT kind, reason, detail ->> 'holder_code', (detail ->> 'at')::timestamptz
        FROM incident_event WHERE actor = 'timer' ORDER BY event_id
        """
    )
    return await rows.fetchall()


async def standing(conn: AsyncConnection) -> tuple[Any, ...]:
    row = await (await conn.execute("SELECT level, holder_code, escalations, overdue_step FROM incident")).fetchone()
    assert row is not None
    return row


async def test_a_case_dispatched_before_a_holiday_walks_through_it_as_the_table_says(conn: AsyncConnection) -> None:
    await dispatched(conn)  # 4 working hours: one on Wednesday, three on the Thursday after the holiday

    walk = [
        (await timer.tick(conn, READING, now), (await standing(conn))[0])
        for now in (at(1, "09:00"), at(8, "10:12"), at(8, "10:13"), at(8, "11:00"), at(8, "11:01"), at(8, "17:01"))
    ]

    assert walk == [(0, "street"), (0, "street"), (1, "street"), (0, "street"), (2, "district"), (2, "city")]
    assert await told(conn) == [
        ("amber", "", None, at(8, "10:12")),
        ("overdue", "", None, at(8, "11:00")),
        ("escalated", "overdue", "130202", at(8, "11:00")),
        ("overdue_twice", "", None, at(8, "17:00")),
        ("escalated", "overdue_twice", "130200", at(8, "17:00")),
    ]
    assert await standing(conn) == ("city", "130200", 2, 3)


async def test_asked_once_and_late_it_has_told_the_same(conn: AsyncConnection) -> None:
    await dispatched(conn)

    assert await timer.tick(conn, READING, at(20, "09:00")) == 5
    assert await timer.tick(conn, READING, at(21, "09:00")) == 0

    assert [kind for kind, *_ in await told(conn)] == ["amber", "overdue", "escalated", "overdue_twice", "escalated"]
    assert await standing(conn) == ("city", "130200", 2, 3)


async def test_two_timers_at_once_tell_everything_once(conn: AsyncConnection, database: str) -> None:
    await dispatched(conn)

    async with await AsyncConnection.connect(database, autocommit=True) as other:
        events = await asyncio.gather(*(timer.tick(each, READING, at(20, "09:00")) for each in (conn, other)))

    assert sorted(events) == [0, 5]
    assert len(await told(conn)) == 5


async def test_each_thing_told_has_its_notice(conn: AsyncConnection) -> None:
    await dispatched(conn)

    await timer.tick(conn, READING, at(8, "11:01"))

    rows = await conn.execute(
        "SELECT e.kind FROM outbox JOIN incident_event e USING (event_id) WHERE e.actor = 'timer' ORDER BY notice_id"
    )
    assert [row[0] for row in await rows.fetchall()] == ["amber", "overdue", "escalated"]


async def test_the_clock_of_a_suspended_case_stands(conn: AsyncConnection) -> None:
    await dispatched(conn)
    await step(conn, Action.ACCEPT, Role.DEPARTMENT, at(30, "17:30", 9))
    await step(conn, Action.REQUEST_SUSPENSION, Role.DEPARTMENT, at(30, "17:45", 9), reason="frost")
    await step(conn, Action.APPROVE_SUSPENSION, Role.DISPATCHER, at(30, "18:00", 9), reason="frost")

    await timer.tick(conn, READING, at(20, "09:00"))

    assert await told(conn) == []

    await step(conn, Action.RESUME, Role.DISPATCHER, at(20, "08:00"), reason="thaw")
    assert await timer.tick(conn, READING, at(20, "11:00")) == 1  # three hours are left: amber since 10:12
    assert [kind for kind, *_ in await told(conn)] == ["amber"]


async def test_a_case_handed_down_is_not_taken_up_again_for_the_same(conn: AsyncConnection) -> None:
    await dispatched(conn)
    await timer.tick(conn, READING, at(8, "11:01"))

    await step(conn, Action.HAND_DOWN, Role.DISPATCHER, at(8, "11:30"), reason="yours", street_code="130202001")
    deadline = await (await conn.execute("SELECT deadline FROM incident")).fetchone()
    await timer.tick(conn, READING, at(8, "11:40"))

    assert await standing(conn) == ("street", "130202001", 1, 2)
    assert deadline == (at(8, "11:00"),)


async def test_a_case_returned_twice_goes_up_once(conn: AsyncConnection) -> None:
    await opened(conn)
    await conn.execute("UPDATE incident SET returns = 2")

    assert await timer.tick(conn, READING, WEDNESDAY) == 1
    assert await timer.tick(conn, READING, WEDNESDAY) == 0

    assert await told(conn) == [("escalated", "returned too often", "130202", None)]


async def test_a_desk_that_is_late_is_told_of_and_takes_nothing_up(conn: AsyncConnection) -> None:
    await opened(conn)
    await step(conn, Action.FILE, Role.SHIFT_LEADER, WEDNESDAY, class_code="0101", condition="broken", reason="seen")

    await timer.tick(conn, READING, WEDNESDAY + timedelta(days=1))

    assert [kind for kind, *_ in await told(conn)] == ["amber", "overdue"]
    assert (await standing(conn))[0] == "street"


async def test_each_level_sees_its_area(conn: AsyncConnection) -> None:
    places = [("street", "130202001"), ("district", "130202"), ("district", "130203"), ("city", "130200")]
    for number, (level, holder) in enumerate(places):
        await opened(conn, level=level, holder=holder, cause=f"R/{number}")

    async def seen(area: str) -> set[int]:
        rows = await incidents.find(conn, {"area": area}, state="open", limit=10)
        return {row["incident_id"] for row in rows}

    assert await seen("130200") == {1, 2, 3, 4}
    assert await seen("130202") == {1, 2}
    assert await seen("130202001") == {1}
    assert await seen("130202002") == set()


async def test_limits_and_calendar_come_back_as_they_were_put_in(conn: AsyncConnection) -> None:
    city = await city_of(conn)

    assert city.limits == limits.shipped()
    assert city.calendar == calendar_file.shipped().calendar("Asia/Shanghai", WorkDay.HOURS)
    assert city.levels.above["severity", "critical"] == "district"


async def test_a_change_is_announced_and_audited(conn: AsyncConnection, database: str) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as listener:
        await listener.execute("LISTEN citygrid_city_time")
        async with conn.transaction():
            await city_time.replace_limits(conn, [], actor="赵", now=WEDNESDAY)
        heard = [note.channel async for note in listener.notifies(timeout=5, stop_after=1)]

    audit = await conn.execute("SELECT actor, action, detail ->> 'limits' FROM audit ORDER BY audit_id DESC LIMIT 1")
    assert heard == ["citygrid_city_time"]
    assert await audit.fetchone() == ("赵", "limits.import", "0")


async def test_the_days_of_a_year_take_the_place_of_those_that_were_there(conn: AsyncConnection) -> None:
    head = ",".join(calendar_file.COLUMNS)
    content, _ = calendar_file.read(f"{head}\noff,2026-10-02,,,,,,,s,c\n")

    async with conn.transaction():
        await city_time.import_calendar(conn, content, actor="test", now=WEDNESDAY)

    days: Sequence[date] = sorted((await city_time.calendar_content(conn)).days)
    assert [day for day in days if day.year == 2026] == [date(2026, 10, 2)]
    assert any(day.year == 2025 for day in days)


async def test_a_calendar_in_which_nobody_works_is_refused_and_changes_nothing(conn: AsyncConnection) -> None:
    head = ",".join(calendar_file.COLUMNS)
    content, _ = calendar_file.read(f"{head}\nhours,02-29,02-29,7,08:00,08:01,,,s,c\n")

    with pytest.raises(InvalidInput, match="within ten years"):
        async with conn.transaction():
            await city_time.import_calendar(conn, content, actor="test", now=WEDNESDAY)

    assert (await city_of(conn)).calendar.works_on(date(2026, 11, 20))
