"""The generated city in a real database: whole, once, and sound."""

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
       (SELECT count(*) FROM survey_finding WHERE refused OR reason <> 'near_duplicate')
"""


@pytest.mark.timeout(900)  # generates and loads the whole city: half a minute alone, minutes beside others
async def test_a_generated_city_loads_whole_and_only_once(database: str, tmp_path: Path) -> None:
    summary = write(generate(3), tmp_path)

    async with await AsyncConnection.connect(database, autocommit=True) as conn:
        first = await load_city(conn, tmp_path, now=NOW, actor="test")
        again = await load_city(conn, tmp_path, now=NOW, actor="test")
        counts = await (await conn.execute(COUNTS)).fetchone()
        grids, findings = await check_all(conn)
        (tmp_path / "city.json").write_text('{"city_code": "130200", "seed": 4}')

        assert (first.already_there, first.components, first.devices) == (False, 548_000, 5_000)
        assert again.already_there
        assert counts == (548_000, 0, 116, 5_000, 150, 0, True, 0)
        assert (grids, findings) == (summary["counts"]["unit_grids"], [])
        assert await loaded_city(conn) == summary
        with pytest.raises(Conflict, match="holds another city"):
            await load_city(conn, tmp_path, now=NOW, actor="test")


async def test_a_folder_without_a_city_says_how_to_make_one(database: str, tmp_path: Path) -> None:
    async with await AsyncConnection.connect(database, autocommit=True) as conn:
        with pytest.raises(InvalidInput, match="citygrid city generate"):
            await load_city(conn, tmp_path, now=NOW, actor="test")
