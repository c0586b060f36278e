"""A displaced cover's way through the loop, by the rules and then through the API; every wrong turn is refused."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from psycopg import AsyncConnection

from alerts import city_time, engine, fan_in, limits, rulebook, store
from alerts.incident import Action, Role
from alerts.limits import CityTime
from alerts.work_calendar import WorkDay
from tests import builders
from tests.integration.api.city import CODES
from tests.integration.api.conftest import calling, serving

pytestmark = pytest.mark.services

START = datetime.fromtimestamp(builders.START_US / 1e6, UTC)
BOOK = """
groups:
  - name: covers
    rules:
      - alert: CoverDisplaced
        expr: tilt_deg > 15
        clear: tilt_deg < 10
        scope: {profile: manhole_cover}
        labels: {severity: critical}
        raises: {deadline: 9 urgent_hour, condition: displaced, files: by_itself, on_recovery: check}
        annotations: {summary: displaced, summary_zh: 移位}
      - alert: Flooded
        expr: water_m > 1
        clear: water_m < 0.5
        scope: {profile: manhole_cover}
        labels: {severity: minor}
        raises: {deadline: 1 urgent_hour, on_recovery: close}
        annotations: {summary: flooded, summary_zh: 积水}
"""
PEOPLE = [role for role in Role if role is not Role.SYSTEM]
BY_HAND = [action for action in Action if action not in (Action.RECOVER, Action.CLEAR, Action.RELAPSE)]
WALKED = {
    "filing_rate": (1, 1),
    "disposal_rate": (1, 1),
    "on_time_disposal_rate": (1, 1),
    "overdue_open_rate": (0, 1),
    "closure_rate": (1, 1),
    "on_time_closure_rate": (1, 1),
    "rework_rate": (1, 1),
    "extension_rate": (0, 1),
    "accurate_dispatch_rate": (0, 1),
    "on_time_verification_rate": (0, 0),
    "on_time_filing_rate": (0, 0),
    "on_time_dispatch_rate": (1, 1),
    "on_time_check_rate": (4, 4),
    "alarm_precision": (1, 1),
}
"""What the figures of evaluation make of the whole way: numerator and denominator."""
RULES = rulebook.parse({"test.yaml": BOOK})


@dataclass
class Street:
    """The rules, the API and the clock of both."""

    conn: AsyncConnection
    api: httpx2.AsyncClient
    hands: list[datetime]
    city: CityTime
    fleet: Any = field(default_factory=lambda: builders.fleet(count=3, district_code="130203"))
    cases: fan_in.Cases = field(default_factory=fan_in.Cases)
    refused: int = 0

    def __post_init__(self) -> None:
        self.state = engine.initial(RULES, self.fleet)

    def at(self, minutes: float) -> None:
        self.hands[0] = START + timedelta(minutes=minutes)

    async def read(self, slot: int, **values: float) -> None:
        seconds = (self.hands[0] - START).total_seconds()
        frames = [builders.frame("manhole_cover", [(slot, seconds, values)])]
        step = engine.step(self.state, frames, RULES, self.fleet, self.hands[0])
        decided = fan_in.decide(self.cases, step, RULES, self.fleet, self.hands[0])
        await store.record(self.conn, decided, self.fleet, self.hands[0], self.city)
        await self.conn.commit()
        engine.commit(self.state, step)
        fan_in.commit(self.cases, decided)

    async def shares(self) -> dict[str, tuple[int, int]]:
        span = {"by": "city", "from": stamp(-60), "to": stamp(600)}
        (group,) = (await self.api.get("/api/v1/kpis", params=span)).json()["groups"]
        return {name: (figure["numerator"], figure["denominator"]) for name, figure in group["figures"].items()}

    async def show(self, number: int) -> dict[str, Any]:
        return (await self.api.get(f"/api/v1/incidents/{number}")).json()

    async def newest(self) -> int:
        rows = (await self.api.get("/api/v1/incidents?state=all&limit=1")).json()["items"]
        return rows[0]["incident_id"]

    async def post(self, number: int, action: str, role: str, **more: object) -> httpx2.Response:
        body = {"actor": "王工", "role": role, **more}
        return await self.api.post(f"/api/v1/incidents/{number}/actions/{action}", json=body)

    async def act(self, number: int, action: str, role: str, **more: object) -> dict[str, Any]:
        await self.refuse_all_else(number)
        answer = await self.post(number, action, role, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refuse_all_else(self, number: int) -> None:
        """Try every action as every role that is not offered it: each is refused, and nothing changes."""
        before = await self.show(number)
        for role in PEOPLE:
            offered = (await self.api.get(f"/api/v1/incidents/{number}/actions?role={role}")).json()["actions"]
            for action in set(BY_HAND) - {Action(one["action"]) for one in offered}:
                answer = await self.post(number, action, role, reason="try")
                assert answer.status_code in (403, 409), (action, role, answer.text)
                assert f"possible for {role}" in answer.json()["detail"]
                self.refused += 1
        assert await self.show(number) == before


@pytest.fixture
async def street(city: str) -> AsyncIterator[Street]:
    hands = [START]
    with serving(city, clock=lambda: hands[0]) as address:
        async with calling(address) as api, await AsyncConnection.connect(city) as conn:
            table = limits.shipped().by_key.values()
            await city_time.replace_limits(conn, table, actor="test", now=START)
            await conn.execute("UPDATE component SET owner_dept_id = 2, maintainer_dept_id = NULL")
            await conn.commit()
            known = await city_time.load(conn, "Asia/Shanghai", WorkDay.HOURS)
            yield Street(conn, api, hands, known)


async def test_a_displaced_cover_goes_the_whole_way_and_every_wrong_turn_is_refused(street: Street) -> None:
    await street.read(0, tilt_deg=31.0)
    number = await street.newest()
    opened = await street.show(number)

    assert (opened["stage"], opened["department_en"]) == ("dispatched", "Waterworks")
    assert opened["deadline"] == stamp(120)
    assert [(one["kind"], one["to_stage"], one["role"]) for one in opened["history"]] == [
        ("opened", "reported", "system"),
        ("filed", "filed", "system"),
        ("dispatched", "dispatched", "system"),
    ]

    street.at(10)
    asked = await street.act(number, "request_return", "department", reason="not our cover")
    assert (asked["request_kind"], asked["deadline"]) == ("return", stamp(120))
    street.at(20)
    returned = await street.act(number, "approve_return", "dispatcher")
    assert (returned["stage"], returned["department_id"], returned["used_s"]) == ("filed", None, 1200)
    assert returned["deadline"] == stamp(50)  # the dispatcher's half hour
    street.at(40)
    again = await street.act(number, "dispatch", "dispatcher", department_id=1, assignee="李队")
    assert (again["stage"], again["deadline"], again["returns"]) == ("dispatched", stamp(140), 1)

    street.at(50)
    assert (await street.act(number, "accept", "department"))["stage"] == "handling"
    street.at(100)
    done = await street.act(number, "handle", "department", reason="cover back in place")
    assert (done["stage"], done["used_s"], done["handled_at"]) == ("handled", 4800, stamp(100))
    await street.act(number, "request_check", "acceptor")
    street.at(110)
    rework = await street.act(number, "check_fail", "supervisor", reason="it rattles")
    assert (rework["stage"], rework["reworks"], rework["deadline"]) == ("handling", 1, stamp(230))
    street.at(130)
    await street.act(number, "handle", "department")
    await street.act(number, "request_check", "shift_leader")
    street.at(140)
    assert (await street.act(number, "check_pass", "supervisor"))["stage"] == "checked"
    closed = await street.act(number, "close", "shift_leader")
    await street.refuse_all_else(number)

    assert (closed["stage"], closed["outcome"], closed["deadline"]) == ("closed", "handled", None)
    assert [(one["kind"], one["detail"].get("due_at")) for one in closed["history"][3:]] == way()
    stages = [step["to_stage"] for step in closed["history"]]
    assert [step["from_stage"] for step in closed["history"]] == [None, *stages[:-1]]
    assert street.refused > 1000
    audited = await (await street.conn.execute("SELECT count(*) FROM audit WHERE action LIKE 'incident.%'")).fetchone()
    assert audited == (11,)
    assert await street.shares() == WALKED


def way() -> list[tuple[str, str | None]]:
    """What the history holds of the whole way after the dispatch, and when each stage that was left was due."""
    return [
        ("return_requested", None),
        ("returned", stamp_iso(120)),
        ("dispatched", stamp_iso(50)),
        ("accepted", stamp_iso(140)),
        ("handled", stamp_iso(140)),
        ("check_requested", stamp_iso(130)),
        ("check_failed", stamp_iso(220)),
        ("handled", stamp_iso(230)),
        ("check_requested", stamp_iso(160)),
        ("check_passed", stamp_iso(250)),
        ("closed", stamp_iso(170)),
    ]


async def test_a_recovery_asks_for_a_check_and_firing_again_takes_the_case_back(street: Street) -> None:
    await street.read(0, tilt_deg=31.0)
    number = await street.newest()
    street.at(30)
    await street.read(0, tilt_deg=2.0)
    recovered = await street.show(number)
    assert (recovered["stage"], recovered["recovered_at"]) == ("checking", stamp(30))

    street.at(40)
    await street.read(0, tilt_deg=40.0)
    relapsed = await street.show(number)

    assert (relapsed["stage"], relapsed["recovered_at"], relapsed["history"][-1]["kind"]) == (
        "handling",
        None,
        "relapsed",
    )
    assert relapsed["deadline"] == stamp(130)  # the ten minutes of the check do not count
    assert await street.newest() == number


async def test_a_case_no_rule_files_waits_and_closes_by_itself_where_the_rule_says_so(street: Street) -> None:
    await street.read(1, water_m=2.0)
    number = await street.newest()
    waiting = await street.show(number)
    street.at(5)
    await street.read(1, water_m=0.1)
    over = await street.show(number)

    assert (waiting["stage"], waiting["deadline"]) == ("reported", stamp(30))
    assert (over["stage"], over["outcome"], over["closed_at"]) == ("closed", "recovered", stamp(5))


async def test_unclear_ownership_stays_filed_for_the_dispatcher(street: Street) -> None:
    await street.conn.execute("UPDATE component SET owner_dept_id = NULL, competent_dept_id = NULL")
    await street.conn.execute("UPDATE component_class SET department_zh = 'nobody'")
    await street.read(0, tilt_deg=31.0)

    shown = await street.show(await street.newest())

    assert (shown["stage"], shown["department_id"]) == ("filed", None)
    listed = (await street.api.get("/api/v1/incidents?worklist=dispatcher&stage=filed")).json()["items"]
    assert [row["incident_id"] for row in listed] == [shown["incident_id"]]


async def test_suspension_and_extension_move_the_due_time(street: Street) -> None:
    await street.read(0, tilt_deg=31.0)
    number = await street.newest()
    await street.post(number, "accept", "department")
    street.at(30)
    await street.post(number, "request_suspension", "department", reason="frost")
    held = (await street.post(number, "approve_suspension", "dispatcher")).json()
    street.at(24 * 60)
    resumed = (await street.post(number, "resume", "department")).json()
    await street.post(number, "request_extension", "department", reason="part is missing", extension="1 urgent_hour")
    wrong = await street.post(number, "request_extension", "department", reason="more", extension="1 urgent_hour")
    longer = (await street.post(number, "approve_extension", "shift_leader")).json()

    assert (held["stage"], held["deadline"], held["paused_at"]) == ("suspended", None, stamp(30))
    assert (resumed["deadline"], resumed["paused_at"]) == (stamp(24 * 60 + 90), None)
    assert wrong.status_code == 409
    assert (longer["deadline"], longer["extensions"], longer["extended_s"]) == (stamp(24 * 60 + 150), 1, 3600)


async def test_a_parent_is_handled_after_its_children_and_they_are_never_due_later(street: Street) -> None:
    await street.read(0, tilt_deg=31.0)
    number = await street.newest()
    await street.post(number, "request_return", "department", reason="two owners")
    await street.post(number, "approve_return", "dispatcher")
    street.at(60)
    parent = (await street.post(number, "split", "dispatcher", departments=[1, 2], reason="both")).json()
    first, second = [child["incident_id"] for child in parent["children"]]
    early = await street.post(number, "handle", "dispatcher")
    for child in (first, second):
        shown = await street.show(child)
        assert (shown["stage"], shown["parent_id"]) == ("dispatched", number)
        assert shown["deadline"] <= parent["deadline"]
        await street.post(child, "accept", "department")
        await street.post(child, "handle", "department")
        await street.post(child, "request_check", "acceptor")
        await street.post(child, "check_pass", "supervisor")
        await street.post(child, "close", "shift_leader")
    done = await street.post(number, "handle", "dispatcher")

    assert (early.status_code, "2 of its children" in early.json()["detail"]) == (409, True)
    assert done.json()["stage"] == "handled"


async def test_a_person_reports_and_the_case_runs_by_the_citys_table(street: Street) -> None:
    told = {
        "actor": "12345", "source": "hotline", "title_zh": "井盖响", "description": "rattles at night", "lon": 118.1805,
        "lat": 39.6305, "component_code": CODES[0],
    }  # fmt: skip
    reported = (await street.api.post("/api/v1/incidents", json=told)).json()
    number = reported["incident_id"]
    await street.post(number, "request_verification", "acceptor")
    await street.post(number, "confirm", "supervisor")
    unknown = await street.post(number, "file", "shift_leader", condition="melted")
    filed = (await street.post(number, "file", "shift_leader", condition="rattling")).json()
    nowhere = await street.api.post("/api/v1/incidents", json={**told, "lon": 1})

    assert (reported["stage"], reported["class_code"], reported["history"][0]["kind"]) == (
        "reported",
        "0101",
        "reported",
    )
    assert (unknown.status_code, "rattling" in unknown.json()["detail"]) == (400, True)
    assert filed["limit_stages"] == [{"name": "dispose", "limit": "2 work_day"}]
    assert nowhere.status_code == 400


async def test_whoever_looked_at_an_older_version_is_told(street: Street) -> None:
    await street.read(0, tilt_deg=31.0)
    number = await street.newest()
    version = (await street.show(number))["version"]
    url, body = f"/api/v1/incidents/{number}/actions/accept", {"actor": "李", "role": "department"}
    late = await street.api.post(url, json=body, headers={"If-Match": f'"{version - 1}"'})
    right = await street.api.post(url, json=body, headers={"If-Match": f'"{version}"'})

    assert (late.status_code, right.status_code) == (412, 200)


async def test_levels_are_handed_up_and_down_with_the_clock_running(street: Street) -> None:
    await street.read(0, tilt_deg=31.0)
    number = await street.newest()
    before = await street.show(number)
    up = (await street.post(number, "hand_up", "dispatcher", reason="a trunk road")).json()
    down = (await street.post(number, "hand_down", "dispatcher", reason="the district's")).json()

    assert (before["level"], up["level"], up["holder_code"]) == ("district", "city", "130200")
    assert (down["level"], down["holder_code"], down["deadline"]) == ("district", "130203", before["deadline"])
    assert (await street.post(number, "merge", "dispatcher", reason="same", into=number)).status_code == 400


def stamp(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_iso(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()
