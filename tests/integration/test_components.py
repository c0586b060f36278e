"""Surveys against a real database: findings stored, codes updated, all or nothing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import shapely
from psycopg import AsyncConnection

from components_registry import service
from components_registry.service import Survey, import_survey
from components_registry.taxonomy import TANGSHAN
from core.errors import Conflict, NotFound
from storage import grids

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
HEADER = "code,state,x,y,owner"


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    """A database with one district, one community and two unit grids."""
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        areas = (
            ("130200", "city", "", "唐山市"),
            ("130203", "district", "130200", "路北区"),
            ("130203001", "street", "130203", "乔屯街道"),
            ("130203001001", "community", "130203001", "乔屯楼社区"),
        )
        rows = [grids.AreaRow(area_code=a, level=b, parent_code=c, name_zh=d, name_en=d) for a, b, c, d in areas]
        await grids.upsert_areas(connection, rows)
        await grids.upsert_unit_grids(
            connection,
            [
                grids.UnitGridRow(
                    code=f"13020300100100{n}",
                    community_code="130203001001",
                    patrol_code="",
                    area_m2=10_000.0,
                    wkb=shapely.to_wkb(shapely.box(118.17 + n / 100, 39.62, 118.18 + n / 100, 39.64)),
                )
                for n in (1, 2)
            ],
        )
        yield connection


def survey(folder: Path, *rows: str) -> Survey:
    file = folder / "survey.csv"
    file.write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
    return Survey(file=file)


async def components(conn: AsyncConnection) -> list[tuple[object, ...]]:
    query = """
        SELECT c.code, c.state, u.code, d.name_zh, ST_X(c.geom) FROM component c
        LEFT JOIN unit_grid u USING (unit_grid_id) LEFT JOIN department d ON d.department_id = c.owner_dept_id
        ORDER BY c.code"""
    return await (await conn.execute(query)).fetchall()


ONE = "1302030103000001,完好,118.185,39.63,排水公司"
TWO = "1302030103000002,破损,118.195,39.63,"


async def test_good_rows_are_loaded_and_bad_ones_stored_with_their_line(conn: AsyncConnection, tmp_path: Path) -> None:
    report = await import_survey(conn, survey(tmp_path, ONE, "1302030103000000,,1,2,", TWO), now=NOW, actor="me")

    assert (report.rows_read, report.created, report.loaded) == (3, 2, 2)
    assert await components(conn) == [
        ("1302030103000001", "intact", "130203001001001", "排水公司", 118.185),
        ("1302030103000002", "damaged", "130203001001002", None, 118.195),
    ]
    assert report.survey_id is not None
    stored = await service.findings_of(conn, report.survey_id)
    assert tuple(stored) == report.findings
    assert [(f.line, f.reason) for f in stored] == [(3, "code_serial_zero")]


async def test_a_second_survey_updates_by_code_and_keeps_keys(conn: AsyncConnection, tmp_path: Path) -> None:
    await import_survey(conn, survey(tmp_path, ONE, TWO), now=NOW, actor="me")
    keys = await (await conn.execute("SELECT code, component_id FROM component ORDER BY code")).fetchall()

    moved = "1302030103000001,丢失,118.196,39.631,排水公司"
    report = await import_survey(conn, survey(tmp_path, moved, TWO), now=NOW, actor="me")

    assert (report.created, report.changed, report.unchanged) == (0, 1, 1)
    assert (await components(conn))[0] == ("1302030103000001", "missing", "130203001001002", "排水公司", 118.196)
    assert await (await conn.execute("SELECT code, component_id FROM component ORDER BY code")).fetchall() == keys


async def test_a_new_code_at_the_place_of_a_registered_component_is_a_finding(
    conn: AsyncConnection, tmp_path: Path
) -> None:
    await import_survey(conn, survey(tmp_path, ONE), now=NOW, actor="me")

    twin = "1302030103000009,完好,118.185,39.63,"
    report = await import_survey(conn, survey(tmp_path, twin, TWO), now=NOW, actor="me")

    assert [(f.line, f.reason) for f in report.findings] == [(2, "duplicate_position")]
    assert "1302030103000001" in report.findings[0].detail
    assert report.created == 1


async def test_a_dry_run_says_the_same_and_keeps_nothing(conn: AsyncConnection, tmp_path: Path) -> None:
    given = survey(tmp_path, ONE, "1302030103000000,,1,2,")

    report = await import_survey(conn, given, now=NOW, actor="me", dry_run=True)

    assert (report.survey_id, report.created, len(report.findings)) == (None, 1, 1)
    assert await components(conn) == []
    assert await (await conn.execute("SELECT count(*) FROM survey")).fetchone() == (0,)


async def test_the_fast_first_load_leaves_the_table_as_the_schema_made_it(
    conn: AsyncConnection, tmp_path: Path
) -> None:
    shape = """
        SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'component'::regclass
        UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename = 'component' ORDER BY 1"""
    before = await (await conn.execute(shape)).fetchall()

    await import_survey(conn, survey(tmp_path, ONE), now=NOW, actor="me")

    assert await (await conn.execute(shape)).fetchall() == before
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await conn.execute("UPDATE component SET unit_grid_id = 99")


async def test_the_catalogue_is_loaded_once_with_its_departments(conn: AsyncConnection) -> None:
    written = [await service.load_catalogue(conn, TANGSHAN, now=NOW, actor="me") for _ in range(2)]
    assert written == [116, 0]

    held = await (await conn.execute("SELECT count(*), count(DISTINCT catalogue_id) FROM component_class")).fetchone()
    assert held == (116, 1)
    departments = {row[0] for row in await (await conn.execute("SELECT name_zh FROM department")).fetchall()}
    assert departments == {entry.department_zh for entry in TANGSHAN.classes.values()}


async def test_a_survey_before_the_areas_says_what_to_do(database: str, tmp_path: Path) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as conn:
        with pytest.raises(Conflict, match="citygrid city load"):
            await import_survey(conn, survey(tmp_path, ONE), now=NOW, actor="me")


async def test_findings_of_no_survey_are_not_found(conn: AsyncConnection) -> None:
    with pytest.raises(NotFound, match="there is no survey 99"):
        await service.findings_of(conn, 99)
