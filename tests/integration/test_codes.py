"""Codes are issued without gaps and never twice, whoever asks at the same time and whatever is rolled back."""

import asyncio
from pathlib import Path

import pytest
from psycopg import AsyncConnection, errors

from components_registry import codes
from components_registry.codes import Request
from components_registry.departments import By
from components_registry.service import Survey, import_survey
from components_registry.taxonomy import TANGSHAN
from core.errors import Conflict, InvalidInput, NotFound
from tests.integration.test_components import NOW, ONE, TWO, conn, survey

__all__ = ["conn"]

BY = By(actor="li", reason="new street", now=NOW)
COVERS = Request(district="130203", class_code="0103", count=1, catalogue=TANGSHAN)
FIRST = "1302030103000001"
CONNECTIONS = 24
ROUNDS = 6


def of(count: int, class_code: str = "0103") -> Request:
    return Request(district="130203", class_code=class_code, count=count, catalogue=TANGSHAN)


def serials(given: list[str]) -> list[int]:
    return sorted(int(code[10:]) for code in given)


async def test_codes_come_one_after_another_and_skip_those_in_use(conn: AsyncConnection, tmp_path: Path) -> None:
    assert await codes.issue(conn, of(2), BY) == [FIRST, "1302030103000002"]
    await import_survey(
        conn, survey(tmp_path, "1302030103000004,完好,118.185,39.63,"), now=NOW, actor="me"
    )  # fmt: skip

    assert serials(await codes.issue(conn, of(3), BY)) == [3, 5, 6]
    assert serials(await codes.issue(conn, of(1, "0137"), BY)) == [1]
    listed = await codes.issued(conn, district="130203", class_code="0103", after=None, limit=10)
    assert [(row["code"][-1], row["in_use"], row["issued_by"], row["reason"]) for row in listed] == [
        (serial, False, "li", "new street") for serial in "12356"
    ]


async def test_the_first_follows_the_highest_that_was_surveyed(conn: AsyncConnection, tmp_path: Path) -> None:
    await import_survey(conn, survey(tmp_path, "1302030103000041,完好,118.185,39.63,"), now=NOW, actor="me")

    assert serials(await codes.issue(conn, COVERS, BY)) == [42], "a gap below may be a row that is being mended"


async def test_many_at_once_with_every_third_rolled_back_leave_no_gap_and_nothing_twice(
    conn: AsyncConnection, database: str
) -> None:
    async def ask(number: int) -> list[str]:
        kept: list[str] = []
        async with await AsyncConnection.connect(database, autocommit=True) as own:
            for turn in range(ROUNDS):
                given: list[str] = []
                rolled_back = (number + turn) % 3 == 0
                async with own.transaction(force_rollback=rolled_back):
                    given += await codes.issue(own, of(1 + (number + turn) % 4), BY)
                kept += [] if rolled_back else given
        return kept

    given = [code for some in await asyncio.gather(*map(ask, range(CONNECTIONS))) for code in some]

    assert len(given) > CONNECTIONS * ROUNDS
    assert serials(given) == list(range(1, len(given) + 1))
    row = await (
        await conn.execute("SELECT last_serial, (SELECT count(*) FROM issued_code) FROM code_counter")
    ).fetchone()
    assert row == (len(given), len(given))


async def test_who_issues_waits_for_a_survey_that_brings_the_same_codes(
    conn: AsyncConnection, database: str, tmp_path: Path
) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as other:
        async with conn.transaction():
            await import_survey(conn, survey(tmp_path, ONE, TWO), now=NOW, actor="me")
            asked = asyncio.create_task(codes.issue(other, of(2), BY))
            await waits_for_a_lock(database)
            assert not asked.done()
        given = await asked

    held = await (await conn.execute("SELECT count(*) FROM component WHERE code = ANY(%s)", (given,))).fetchone()
    assert held == (0,)


async def waits_for_a_lock(database: str) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with await AsyncConnection.connect(database, autocommit=True) as watch:
        while (await (await watch.execute(query)).fetchone()) == (0,):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # the other one waits inside PostgreSQL: there is no event of ours


async def test_when_the_serials_are_used_up_none_is_issued(conn: AsyncConnection, tmp_path: Path) -> None:
    await import_survey(conn, survey(tmp_path, "1302030103999996,完好,118.185,39.63,"), now=NOW, actor="me")
    await codes.issue(conn, COVERS, BY)

    with pytest.raises(Conflict, match="class 0103 in 130203 has 2 serials left, 3 are asked"):
        await codes.issue(conn, of(3), BY)
    assert serials(await codes.issue(conn, of(2), BY)) == [999998, 999999]
    with pytest.raises(Conflict, match="0 serials left"):
        await codes.issue(conn, COVERS, BY)


async def test_unknown_classes_districts_and_no_reason_are_refused(conn: AsyncConnection) -> None:
    with pytest.raises(InvalidInput, match="class '1303' is not in the catalogue"):
        await codes.issue(conn, of(1, "1303"), BY)
    with pytest.raises(NotFound, match="no district 130299"):
        await codes.issue(conn, Request(district="130299", class_code="0103", count=1, catalogue=TANGSHAN), BY)
    with pytest.raises(InvalidInput, match="what for"):
        await codes.issue(conn, COVERS, By(actor="li", reason=" ", now=NOW))
    with pytest.raises(InvalidInput, match="between 1 and"):
        await codes.issue(conn, of(0), BY)


async def test_an_issued_code_cannot_be_issued_by_hand_again(conn: AsyncConnection) -> None:
    (code,) = await codes.issue(conn, COVERS, BY)
    with pytest.raises(errors.UniqueViolation):
        await conn.execute("INSERT INTO issued_code VALUES (%s, '130203', '0103', now(), 'x', 'y')", (code,))


async def test_a_survey_of_2007_is_converted_and_keeps_its_codes_beside(conn: AsyncConnection, tmp_path: Path) -> None:
    given = survey(
        tmp_path, "1302030308000001,完好,118.185,39.63,", "1302030212000001,完好,118.186,39.63,",
        "1302030999000001,完好,118.187,39.63,", "1302030117000005,完好,118.188,39.63,",
    )  # fmt: skip
    old = Survey(file=given.file, edition="2007", chosen={"0117": "0131"})

    report = await import_survey(conn, old, now=NOW, actor="me")
    again = await import_survey(conn, old, now=NOW, actor="me")

    assert [(f.line, f.reason) for f in report.findings if f.refused] == [
        (3, "code_no_mapping"), (4, "code_unknown_class"),
    ]  # fmt: skip
    assert [note[:45] for note in report.notes] == ["1 rows of class 0308 (2007) were read as 0309"]
    assert (report.created, again.unchanged, again.created) == (2, 2, 0)
    rows = await conn.execute(
        "SELECT f.former_code, c.code FROM former_code f JOIN component c USING (component_id) ORDER BY 1"
    )
    assert await rows.fetchall() == [
        ("1302030117000005", "1302030131000005"), ("1302030308000001", "1302030309000001"),
    ]  # fmt: skip


async def test_an_edition_nobody_knows_is_named(conn: AsyncConnection, tmp_path: Path) -> None:
    given = survey(tmp_path, ONE)
    with pytest.raises(NotFound, match="there are 2007, 2013"):
        await import_survey(conn, Survey(file=given.file, edition="1999"), now=NOW, actor="me")
    with pytest.raises(InvalidInput, match="class 9999 is not in the catalogue"):
        await import_survey(conn, Survey(file=given.file, edition="2007", chosen={"0101": "9999"}), now=NOW, actor="me")
