"""Units that answer for components: their history, bulk assignment, what is unclear, and what that does to dispatch."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from api import dispatch_effect
from components_registry import departments
from components_registry.departments import By, Kind, Unit
from components_registry.ownership import Duty, Wish
from components_registry.service import Survey, import_survey
from core.errors import Conflict, InvalidInput, NotFound
from storage.queries import components as component_queries
from storage.queries import departments as queries
from storage.queries import ownership
from tests.integration.api.city import CODES, build
from tests.integration.test_components import survey

__all__ = ["survey"]

NOW = datetime.now(UTC)
BY = By(actor="li", reason="list of 2026", now=NOW)
WATER = 2
"""The waterworks of the small city: owner of its six components; nobody maintains them."""


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    with psycopg.connect(database) as sync:
        build(sync)
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        yield connection


async def test_a_unit_keeps_its_history_and_the_name_it_had_still_means_it(conn: AsyncConnection) -> None:
    await departments.change(conn, WATER, Unit(name_zh="水务集团", kind=Kind.ENTERPRISE), BY)

    states = await queries.history(conn, WATER)
    assert [(row["name_zh"], row["kind"], row["changed_by"], row["until"] is None) for row in states] == [
        ("水务集团", "enterprise", "li", True), ("自来水公司", "unknown", "", False),
    ]  # fmt: skip
    assert await departments.find(conn, "自来水公司") == WATER
    with pytest.raises(Conflict, match="is, or was, the name of the unit 水务集团"):
        await departments.add(conn, Unit(name_zh="自来水公司"), BY)
    await departments.change(conn, WATER, Unit(name_zh="自来水公司"), BY)
    assert await departments.find(conn, "水务集团") == WATER


async def test_a_survey_that_says_an_old_name_means_the_unit_of_today(conn: AsyncConnection, tmp_path: Path) -> None:
    await departments.change(conn, WATER, Unit(name_zh="水务集团"), BY)
    given = survey(tmp_path, f"{CODES[0]},完好,118.1802,39.6305,自来水公司")

    await import_survey(conn, Survey(file=given.file), now=NOW + timedelta(minutes=1), actor="me")

    row = await component_queries.show(conn, CODES[0])
    assert row
    assert row["owner_zh"] == "水务集团"
    assert "自来水公司" not in [unit["name_zh"] for unit in await queries.find(conn, retired=True)]


async def test_a_merged_unit_leaves_its_components_and_its_names_to_the_other(conn: AsyncConnection) -> None:
    heir = await departments.add(conn, Unit(name_zh="供水集团", unit_code="TS-17"), BY)
    moved = await departments.merge(conn, WATER, heir, By(actor="li", reason="merged in 2026", now=NOW))

    assert moved == len(CODES)
    assert await departments.find(conn, "自来水公司") == await departments.find(conn, "TS-17") == heir
    versions = await component_queries.history(conn, CODES[0])
    assert next((v["owner_zh"], v["changed_by"], v["change_reason"]) for v in versions) == (
        "供水集团", "li", "merged in 2026",
    )  # fmt: skip
    assert versions[1]["owner_zh"] == "自来水公司"
    assert [row["department_id"] for row in await queries.find(conn)] == [1, heir]
    with pytest.raises(Conflict, match="was merged already"):
        await departments.merge(conn, WATER, 1, BY)
    with pytest.raises(Conflict, match="was retired"):
        await departments.change(conn, WATER, Unit(name_en="x"), BY)


async def test_units_come_from_a_file_in_any_order_all_or_none(conn: AsyncConnection, tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text(
        "单位代码,单位名称,类型,上级单位\nA-2,排水管理处,事业单位,A-1\nA-1,城管局,主管部门,\n", encoding="gb18030"
    )
    assert await departments.load(conn, file, BY) == departments.Loaded(created=1, changed=1, unchanged=0)
    assert await departments.load(conn, file, BY) == departments.Loaded(created=0, changed=0, unchanged=2)
    units = {row["unit_code"]: row for row in await queries.find(conn)}
    assert (units["A-2"]["parent_zh"], units["A-1"]["department_id"]) == ("城管局", 1)

    file.write_text("unit_code,name_zh,parent\nA-3,供热处,\nA-1,城管局,A-2\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="line 3: parent: it would stand above itself"):
        await departments.load(conn, file, BY)
    with pytest.raises(NotFound):
        await departments.find(conn, "A-3")


async def assign(conn: AsyncConnection, *, dry_run: bool = False, **wish: Any) -> Any:
    return await dispatch_effect.assign(
        conn, Wish(**{"duty": Duty.MAINTAINER, "department_id": WATER, **wish}), BY, dry_run=dry_run
    )


async def test_an_assignment_fills_what_nobody_has_and_leaves_conflicts(conn: AsyncConnection) -> None:
    await conn.execute("UPDATE component SET maintainer_dept_id = 1 WHERE component_id IN (1, 2)")
    await conn.execute("UPDATE component SET maintainer_dept_id = 2 WHERE component_id = 3")

    trial, effect = await assign(conn, dry_run=True, classes=["0101"])
    assert (trial.matched, trial.filled, trial.conflicts, trial.unchanged, trial.replaced) == (6, 3, 2, 1, 0)
    assert [(row["name_zh"], row["components"], row["example"]) for row in trial.others] == [("城管局", 2, CODES[0])]
    assert (effect.before.by_reason, effect.after.by_reason) == (
        {"maintainer": 3, "owner": 3}, {"maintainer": 6},
    )  # fmt: skip
    assert await maintainers(conn) == [1, 1, 2, None, None, None]

    await assign(conn, classes=["0101"])
    assert await maintainers(conn) == [1, 1, 2, 2, 2, 2]
    await assign(conn, classes=["0101"], overwrite=True)
    assert await maintainers(conn) == [2] * 6
    audit = await (await conn.execute("SELECT actor, subject, detail ->> 'reason' FROM audit ORDER BY 1")).fetchall()
    assert audit == [("li", "department 2", "list of 2026")] * 2
    version = (await component_queries.history(conn, CODES[0]))[0]
    assert (version["changed_by"], version["change_reason"]) == ("li", "list of 2026")


async def maintainers(conn: AsyncConnection) -> list[int | None]:
    rows = await (await conn.execute("SELECT maintainer_dept_id FROM component ORDER BY component_id")).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("wish", "matched"),
    [
        ({"areas": ["130203001001002"]}, 2),
        ({"areas": ["P2"]}, 2),
        ({"areas": ["130203001"], "classes": ["0101"]}, 6),
        ({"streets": ["光明巷"]}, 2),
        ({"streets": ["Xinhua Road"], "within_m": 40.0}, 6),
        ({"areas": ["130202"]}, 0),
    ],
)  # fmt: skip
async def test_components_are_chosen_by_area_class_and_road(
    conn: AsyncConnection, wish: dict[str, Any], matched: int
) -> None:  # fmt: skip
    counted, _ = await assign(conn, dry_run=True, **wish)

    assert counted.matched == matched


async def test_an_assignment_names_what_it_does_not_know(conn: AsyncConnection) -> None:
    with pytest.raises(InvalidInput, match="there is no area 999999, street 无名路, class 9999"):
        await assign(conn, areas=["999999"], streets=["无名路"], classes=["9999"])
    with pytest.raises(InvalidInput, match="name a class, an area or a street"):
        await assign(conn)
    await departments.retire(conn, WATER, BY)
    with pytest.raises(Conflict, match="is retired"):
        await assign(conn, classes=["0101"])


async def test_the_effect_tells_which_open_incidents_would_go_elsewhere(conn: AsyncConnection) -> None:
    _, effect = await assign(conn, dry_run=True, classes=["0101"], department_id=1)

    moved = [(one.incident["rule"], one.before.department_id, one.before.reason, one.after.department_id,
              one.after.reason) for one in effect.moved]  # fmt: skip
    assert moved == [("CoverDisplaced", 2, "owner", 1, "maintainer"), ("WaterRising", 2, "owner", 1, "maintainer")]
    assert effect.looked_at == 2, "the third one is closed"
    _, effect = await assign(conn, dry_run=True, areas=["130203001001003"])
    assert [one.incident["rule"] for one in effect.moved] == [], "its incidents are elsewhere"


async def test_nothing_goes_to_a_retired_unit(conn: AsyncConnection) -> None:
    assert (await dispatch_effect.share(conn)).by_reason == {"owner": 6}

    assert await departments.retire(conn, WATER, BY) == 6
    assert (await dispatch_effect.share(conn)).by_reason == {"competent": 6}
    await departments.retire(conn, 1, BY)
    after = await dispatch_effect.share(conn)
    assert (after.by_reason, after.by_itself, after.components) == ({"unclear": 6}, 0, 6)


async def test_the_worklist_says_why_each_component_is_unclear(conn: AsyncConnection) -> None:
    await conn.execute("UPDATE component SET maintainer_dept_id = 1 WHERE component_id < 5")
    two = await departments.add(conn, Unit(name_zh="供电公司、路灯处"), BY)
    one = await departments.add(conn, Unit(name_zh="通信企业（工信局/通信管理局监管）"), BY)
    gone = await departments.add(conn, Unit(name_zh="旧处"), BY)
    for component_id, owner in ((1, two), (2, one), (3, gone), (4, None)):
        await conn.execute("UPDATE component SET owner_dept_id = %s WHERE component_id = %s", (owner, component_id))
    await departments.retire(conn, gone, BY)

    rows = await ownership.unclear(conn, {}, limit=10)
    assert {row["code"][-1]: row["reasons"] for row in rows} == {
        "1": ["two_units"], "3": ["retired_unit"], "4": ["no_owner"], "5": ["no_maintainer"], "6": ["no_maintainer"],
    }  # fmt: skip
    page = await ownership.unclear(conn, {"after": rows[1]["component_id"], "no_owner": None}, limit=2)
    assert [row["code"][-1] for row in page] == ["4", "5"]
    (count,) = await ownership.counts(conn, "street", {"class_code": "0101"})
    assert (count["key"], count["name_zh"], count["components"], count["unclear"], count["no_maintainer"]) == (
        "130203001", "乔屯街道", 6, 5, 2,
    )  # fmt: skip
    assert (await ownership.counts(conn, "class", {"area": "130203001001004"})) == []


async def test_two_people_who_merge_two_units_into_each_other_do_not_wait_for_ever(
    conn: AsyncConnection, database: str
) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as other:
        async with conn.transaction():
            await departments.merge(conn, 1, 2, BY)
        with pytest.raises(Conflict, match="was retired"):
            await departments.merge(other, 2, 1, BY)
