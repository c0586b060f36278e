"""Evaluation over HTTP: the figures of cases and of devices, as JSON and as a table."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from storage import rollups
from tests.integration.api.city import NOW, READING
from tests.integration.api.conftest import calling, serving

MAY = datetime(2026, 5, 1, tzinfo=UTC)
CASE = """
INSERT INTO incident (cause, rule, severity, title_zh, title_en, stage, component_id, device_id, unit_grid_id,
                      patrol_grid_id, district_code, department_id, origin, fired_ts, opened_at, filed_at,
                      dispatched_at, handled_at, closed_at, deadline, outcome, reworks, evidence, geom)
SELECT %(cause)s, 'CoverDisplaced', 'major', '井盖移位', 'Cover displaced', %(stage)s, d.component_id, d.device_id,
       d.unit_grid_id, u.patrol_grid_id, '130203', %(department)s, 0, %(reported)s, %(reported)s, %(reported)s,
       %(reported)s, %(handled)s, %(closed)s, %(deadline)s, %(outcome)s, %(reworks)s, '{}', d.geom
FROM device AS d JOIN unit_grid AS u USING (unit_grid_id) WHERE d.label = 'mc-1'
RETURNING incident_id
"""
LEFT = """
INSERT INTO incident_event (incident_id, at, actor, role, kind, from_stage, to_stage, detail)
VALUES (%(incident_id)s, %(at)s, 'Li', 'department', 'moved', %(from_stage)s, %(to_stage)s, %(detail)s)
"""


def day(number: float) -> datetime:
    return MAY + timedelta(days=number - 1)


def add_case(conn: psycopg.Connection, cause: str, **facts: Any) -> int:
    values = {
        "cause": cause, "stage": "closed", "department": 1, "reported": day(1), "handled": None, "closed": None,
        "deadline": None, "reworks": 0, **facts,
    }  # fmt: skip
    values["outcome"] = "handled" if values["stage"] == "closed" else None
    row = conn.execute(CASE, values).fetchone()
    assert row
    return int(row[0])


def left(conn: psycopg.Connection, incident_id: int, stages: tuple[str, str], at: datetime, due: datetime) -> None:
    conn.execute(
        LEFT,
        {
            "incident_id": incident_id,
            "at": at,
            "from_stage": stages[0],
            "to_stage": stages[1],
            "detail": json.dumps({"due_at": due.isoformat()}),
        },
    )


@pytest.fixture
def evaluated(city: str) -> str:
    """In May: one case in time, one handled late and reworked, one overdue, one rejected; verified late once."""
    with psycopg.connect(city) as conn:
        in_time = add_case(conn, "a", handled=day(4), closed=day(6))
        left(conn, in_time, ("verifying", "verified"), day(1.5), day(1.2))
        left(conn, in_time, ("handling", "handled"), day(4), day(5))
        late = add_case(conn, "b", handled=day(9), closed=day(10), reworks=2, department=2)
        left(conn, late, ("handling", "handled"), day(9), day(5))
        add_case(conn, "c", stage="handling", deadline=day(5), department=2)
    return city


async def ask(url: str, path: str, **query: str) -> Any:
    with serving(url) as address:
        async with calling(address) as client:
            answer = await client.get(f"/api/v1{path}", params=query)
            assert answer.status_code == 200, answer.text
            return answer


MONTH = {"from": "2026-05-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"}


async def test_a_months_figures_by_department(evaluated: str) -> None:
    answer = (await ask(evaluated, "/kpis", by="department", **MONTH)).json()

    assert [(group["name_en"], group["cases"]) for group in answer["groups"]] == [
        ("Urban management", 1),
        ("Waterworks", 2),
    ]
    urban, water = (group["figures"] for group in answer["groups"])
    assert urban["on_time_disposal_rate"] == {"numerator": 1, "denominator": 1, "value": 1.0}
    assert water["disposal_rate"] == {"numerator": 1, "denominator": 2, "value": 0.5}
    assert water["on_time_disposal_rate"]["numerator"] == 0
    assert water["overdue_open_rate"] == {"numerator": 1, "denominator": 2, "value": 0.5}
    assert water["rework_rate"] == {"numerator": 1, "denominator": 2, "value": 0.5}
    assert urban["on_time_verification_rate"] == {"numerator": 0, "denominator": 1, "value": 0.0}
    assert water["on_time_check_rate"] == {"numerator": 0, "denominator": 0, "value": None}


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("city", ["130200"]),
        ("district", ["130203"]),
        ("street", ["130203001"]),
        ("patrol_grid", ["P1"]),
        ("subsystem", ["water"]),
        ("class", ["0101"]),
        ("post", ["supervisor", "acceptor", "shift_leader", "dispatcher", "department"]),
    ],
)
async def test_groups(evaluated: str, by: str, keys: list[str]) -> None:
    answer = (await ask(evaluated, "/kpis", by=by, **MONTH)).json()

    assert [group["key"] for group in answer["groups"]] == keys
    assert answer["groups"][0]["cases"] == 3


@pytest.mark.parametrize(("area", "cases"), [("130200", 3), ("130203001", 3), ("130202", 0)])
async def test_an_area_sees_its_own(evaluated: str, area: str, cases: int) -> None:
    groups = (await ask(evaluated, "/kpis", area=area, **MONTH)).json()["groups"]

    assert sum(group["cases"] for group in groups) == cases


async def test_the_same_as_a_table(evaluated: str) -> None:
    answer = await ask(evaluated, "/kpis", by="department", format="csv", **MONTH)
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    wanted = [line for line in lines if line["indicator"] == "disposal_rate"]
    assert [(line["name_zh"], line["numerator"], line["denominator"], line["value"]) for line in wanted] == [
        ("城管局", "1", "1", "1.0"),
        ("自来水公司", "1", "2", "0.5"),
    ]
    assert {line["value"] for line in lines if line["denominator"] == "0"} == {""}


async def test_another_month_has_no_values(evaluated: str) -> None:
    answer = (await ask(evaluated, "/kpis", **{"from": "2026-07-01T00:00:00Z", "to": "2026-08-01T00:00:00Z"})).json()

    assert answer["groups"] == []


@pytest.mark.parametrize("span", [{"from": "2026-05-02T00:00:00Z", "to": "2026-05-01T00:00:00Z"}, {"by": "colour"}])
async def test_a_wrong_question_is_refused(city: str, span: dict[str, str]) -> None:
    with serving(city) as address:
        async with calling(address) as client:
            answer = await client.get("/api/v1/kpis", params=span)

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_devices_are_measured_by_what_they_should_have_sent(city: str) -> None:
    hour = NOW.replace(minute=0, second=0) - timedelta(hours=3)
    with psycopg.connect(city) as conn:
        conn.execute("UPDATE device SET registered_at = %s, interval_s = 300", (hour - timedelta(days=1),))
        for quarter in range(12):
            if quarter % 2 == 0:
                ts = hour + timedelta(minutes=5 * quarter, seconds=1)
                conn.execute(READING, {"ts": ts, "seq": 9, "values": [1.0, None], "label": "mc-1"})
    await roll_up(city)

    span = {"from": hour.isoformat(), "to": (hour + timedelta(hours=1)).isoformat()}
    groups = (await ask(city, "/kpis/devices", by="profile", **span)).json()["groups"]

    covers = next(group for group in groups if group["key"] == "manhole_cover")
    assert covers["devices"] == 4
    assert covers["online_rate"] == {"numerator": 6, "denominator": 48, "value": 0.125}
    assert covers["completeness"] == {"numerator": 6, "denominator": 48, "value": 0.125}


async def roll_up(url: str) -> None:
    async with await AsyncConnection.connect(url) as conn:
        while (await rollups.refresh(conn, NOW)).more:
            pass
