"""The generated city in a real database: whole, once, and sound."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import AsyncConnection

from core.errors import Conflict, InvalidInput
from runtime.city import load_city, loaded_city
from runtime.gridwork import check_all
from simulators.city.generate import generate, write

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
COUNTS = """
SELECT (SELECT count(*) FROM component), (SELECT count(*) FROM component WHERE unit_grid_id IS NULL),
       (SELECT count(DISTINCT class_code) FROM component), (SELECT count(*) FROM device),
       (SELECT count(*) FROM patrol_grid), (SELECT count(*) FROM area WHERE geom IS NULL),
       (SELECT bool_and(synthetic) FROM survey),
       (SELECT count(*) FROM survey_finding WHERE refused OR reason NOT IN ('near_duplicate', 'overlap'))
"""


def thinned(folder: Path, one_in: int) -> int:
    """Leave some components of every class, and those that carry devices; the benchmark loads them all."""
    carriers = {row["component_code"] for row in csv.DictReader((folder / "devices.csv").open(encoding="utf-8"))}
    heading, *rows = (folder / "components.csv").read_text(encoding="utf-8").splitlines()
    firsts = {row[6:10]: row[:16] for row in reversed(rows)}
    wanted = carriers | set(firsts.values())
    left = [row for number, row in enumerate(rows) if number % one_in == 0 or row[:16] in wanted]
    (folder / "components.csv").write_text("\n".join([heading, *left]) + "\n", encoding="utf-8")
    codes = {row[:16] for row in left}
    heading, *rows = (folder / "links.csv").read_text(encoding="utf-8").splitlines()
    links = [row for row in rows if codes.issuperset(row.split(",")[1:])]
    (folder / "links.csv").write_text("\n".join([heading, *links]) + "\n", encoding="utf-8")
    return len(left)


async def test_a_generated_city_loads_whole_and_only_once(database: str, tmp_path: Path) -> None:
    summary = write(generate(3), tmp_path)
    components = thinned(tmp_path, 20)

    async with await AsyncConnection.connect(database, autocommit=True) as conn:
        first = await load_city(conn, tmp_path, now=NOW, actor="test")
        again = await load_city(conn, tmp_path, now=NOW, actor="test")
        counts = await (await conn.execute(COUNTS)).fetchone()
        grids, findings = await check_all(conn)
        (tmp_path / "city.json").write_text('{"city_code": "130200", "seed": 4}')

        assert (first.already_there, first.components, first.devices) == (False, components, 5_000)
        assert again.already_there
        assert counts == (components, 0, 116, 5_000, 150, 0, True, 0)
        assert (grids, findings) == (summary["counts"]["unit_grids"], [])
        assert await loaded_city(conn) == summary
        with pytest.raises(Conflict, match="holds another city"):
            await load_city(conn, tmp_path, now=NOW, actor="test")


async def test_a_folder_without_a_city_says_how_to_make_one(database: str, tmp_path: Path) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as conn:
        with pytest.raises(InvalidInput, match="citygrid city generate"):
            await load_city(conn, tmp_path, now=NOW, actor="test")
