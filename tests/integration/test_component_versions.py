"""A component's history is never lost, whoever changes it; the city of a past moment can be asked for."""

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from psycopg import AsyncConnection

from components_registry.service import import_survey
from storage.layers.city import COMPONENTS, THEN
from storage.layers.export import Format, Shape, copy_out
from storage.layers.query import Selection
from storage.queries import components as queries
from tests.integration.test_components import NOW, ONE, TWO, conn, survey

__all__ = ["conn"]

CODE = "1302030103000001"
LATER, LAST = NOW + timedelta(days=1), NOW + timedelta(days=2)
BROKEN = f"{CODE},破损,118.185,39.63,排水公司"
MOVED = f"{CODE},破损,118.196,39.63,市政公司"


async def test_a_reimport_keeps_what_was_before(conn: AsyncConnection, tmp_path: Path) -> None:
    for when, who, row in ((NOW, "ann", ONE), (LATER, "bob", BROKEN), (LAST, "cleo", MOVED)):
        await import_survey(conn, survey(tmp_path, row, TWO), now=when, actor=who)

    found = await queries.history(conn, CODE)
    names = ("since", "until", "changed_by", "survey_id", "state", "owner_zh", "wkt")
    assert [tuple(version[name] for name in names) for version in found] == [
        (LAST, None, "cleo", 3, "damaged", "市政公司", "POINT(118.196 39.63)"),
        (LATER, LAST, "bob", 2, "damaged", "排水公司", "POINT(118.185 39.63)"),
        (NOW, LATER, "ann", 1, "intact", "排水公司", "POINT(118.185 39.63)"),
    ]
    assert len(await queries.history(conn, "1302030103000002")) == 1


async def test_the_city_of_a_past_moment_can_be_asked_for(conn: AsyncConnection, tmp_path: Path) -> None:
    await import_survey(conn, survey(tmp_path, ONE), now=NOW, actor="ann")
    await import_survey(conn, survey(tmp_path, MOVED, TWO), now=LATER, actor="bob")

    moments = (NOW - timedelta(seconds=1), NOW, LATER - timedelta(microseconds=1), LATER, None)
    held = [
        [(row["code"][-1], row["state"], row["lon"]) for row in await queries.find(conn, {}, limit=9, as_of=moment)]
        for moment in moments
    ]
    after = [("1", "damaged", 118.196), ("2", "damaged", 118.195)]
    assert held == [[], [("1", "intact", 118.185)], [("1", "intact", 118.185)], after, after]
    then = await queries.show(conn, CODE, as_of=NOW)
    assert then is not None
    assert (then["state"], then["owner_zh"]) == ("intact", "排水公司")


async def test_the_exported_state_of_a_past_moment_is_a_survey_again(conn: AsyncConnection, tmp_path: Path) -> None:
    await import_survey(conn, survey(tmp_path, ONE, TWO), now=NOW, actor="ann")
    noted, file = NOW + timedelta(hours=1), tmp_path / "then.csv"
    await conn.execute("UPDATE component SET note = '=1+1', since = %s WHERE code = %s", (noted, CODE))
    await import_survey(conn, survey(tmp_path, MOVED), now=LATER, actor="bob")

    then = Selection(layer=COMPONENTS, clock={}, values={"as_of": noted}, source=THEN)
    assert await copy_out(conn, then, Shape(format=Format.CSV), file) == 2
    back = await import_survey(conn, replace(survey(tmp_path), file=file), now=LAST, actor="ann")

    assert (back.changed, back.unchanged, back.refused) == (1, 1, 0)
    now = await queries.show(conn, CODE)
    assert now is not None
    assert (now["state"], now["note"]) == ("intact", "=1+1"), "no spreadsheet took it for a formula"


async def test_a_change_outside_a_survey_is_kept_too(conn: AsyncConnection, tmp_path: Path) -> None:
    await import_survey(conn, survey(tmp_path, ONE, TWO), now=NOW, actor="ann")

    async with conn.transaction():
        await conn.execute("SELECT set_config('citygrid.actor', 'dora', true)")
        await conn.execute("UPDATE component SET state = 'missing' WHERE code = %s", (CODE,))
        await conn.execute("UPDATE component SET state = state")

    found = await queries.history(conn, CODE)
    assert [(version["state"], version["changed_by"]) for version in found] == [("missing", "dora"), ("intact", "ann")]
    assert found[0]["since"] == found[1]["until"]
    assert len(await queries.history(conn, "1302030103000002")) == 1


async def test_what_a_survey_changes_and_misses_is_counted_and_written(conn: AsyncConnection, tmp_path: Path) -> None:
    await import_survey(conn, survey(tmp_path, ONE, TWO), now=NOW, actor="ann")
    new = "1302030103000003,完好,118.19,39.63,"
    diff = tmp_path / "diff.csv"

    given = replace(survey(tmp_path, MOVED, new), differences=diff)
    report = await import_survey(conn, given, now=LATER, actor="bob", dry_run=True)

    assert (report.created, report.changed, report.unchanged, report.missing) == (1, 1, 0, 1)
    rows = [tuple(row) for row in csv.reader(diff.open(encoding="utf-8-sig"))]
    assert rows == [
        ("code", "change", "column", "before", "after"),
        (CODE, "changed", "geometry", "POINT(118.185 39.63)", "POINT(118.196 39.63)"),
        (CODE, "changed", "owner", "排水公司", "市政公司"),
        (CODE, "changed", "state", "intact", "damaged"),
        (CODE, "changed", "unit_grid", "1", "2"),
        ("1302030103000002", "missing", "", "", ""),
        ("1302030103000003", "created", "", "", ""),
    ]
